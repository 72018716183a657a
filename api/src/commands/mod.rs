//! What the program can do, one file for each command.

mod dev_ca;
mod first_secrets;
mod keys;
mod migrate;
mod purge;
mod serve;
mod token;

use crate::{app, config::ServeSettings};
use causeway_store::Database;
use clap::{Parser, Subcommand};
use std::io::Write;

/// Causeway's API.
#[derive(Debug, Parser)]
#[command(name = "causeway-api", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the schema up to date and answer requests.
    Serve(Box<ServeSettings>),
    /// Bring the schema up to date and end.
    Migrate(Database),
    /// Print the API document.
    Openapi,
    /// Access tokens, without asking the API.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Keys for secrets at rest.
    #[command(subcommand)]
    Keys(Box<keys::KeysCommand>),
    /// Make an authority, certificates and the configuration of Threeport's command line for development.
    DevCa(dev_ca::DevCaSettings),
    /// Make what an installation needs once, as files: the certificate of the API, a first token, a key. The chart keeps them in Secrets.
    FirstSecrets(first_secrets::FirstSecretsSettings),
}

/// Runs a command to its end.
///
/// # Errors
/// When it can't be done; the error says why, for people.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(settings) => serve::serve(*settings).await,
        Command::Migrate(database) => migrate::connect(&database).await.map(drop),
        Command::Openapi => {
            let text = serde_json::to_string_pretty(app::document())? + "\n";
            Ok(std::io::stdout().write_all(text.as_bytes())?)
        }
        Command::Token(token::TokenCommand::Create(settings)) => token::create(settings).await,
        Command::Keys(command) => Ok(std::io::stdout().write_all(keys::run(*command).await?.as_bytes())?),
        Command::DevCa(settings) => dev_ca::make(&settings),
        Command::FirstSecrets(settings) => first_secrets::make(&settings),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What clap refuses it repeats, so that it must not refuse a key.
    #[test]
    fn a_broken_key_is_no_matter_of_the_command_line() {
        for command in [&["serve"][..], &["keys", "status"], &["keys", "re-encrypt"]] {
            for keys in ["c2hvcnQ=", "", "not base64"] {
                let setting = ["--database-url", "postgres://none", "--encryption-key", keys];
                let parsed = Cli::try_parse_from([&["causeway-api"], command, &setting].concat());
                assert!(parsed.is_ok(), "{command:?} {keys}: {}", parsed.unwrap_err());
            }
        }
    }
}
