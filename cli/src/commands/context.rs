//! `causeway context`: which control planes there are, and which one is meant.

use clap::{Args, Subcommand};
use serde_json::Value;
use std::path::PathBuf;

use crate::{
    args::Format,
    context::{Contexts, checked_server, file::NamedContext, shown},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds::quoted,
    output::{
        self, data,
        style::{FAINT, GOOD},
        table::{Cell, Table},
    },
    session::Session,
};

/// Choose and describe control planes.
#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List the contexts, those of Threeport's configuration included; `*` marks the current one.
    List,
    /// Make a context the current one.
    Use {
        /// Its name.
        name: String,
    },
    /// Add a context with the address that --server says, or replace the one of that name. The first one becomes the current one.
    Add(Add),
    /// Remove a context from the file; files that it names stay.
    Remove {
        /// Its name.
        name: String,
    },
}

/// Where the API is, and what to sign in with.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// What to call it.
    name: String,
    /// PEM of the authority of the API's certificate; without it those of the system count.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM of a client certificate.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// PEM of its key.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// File with an access token.
    #[arg(long, value_name = "FILE", group = "token")]
    token_file: Option<PathBuf>,
    /// Variable with an access token.
    #[arg(long, value_name = "VARIABLE", group = "token")]
    token_env: Option<String>,
    /// Command that prints an access token, one word for each --exec.
    #[arg(long, value_name = "WORD", group = "token", allow_hyphen_values = true)]
    exec: Vec<String>,
    /// Make it the current one.
    #[arg(long)]
    current: bool,
}

impl ContextCommand {
    pub(crate) fn run(self, session: &Session) -> Outcome<Exit> {
        let mut contexts = Contexts::read(&session.global)?;
        match self {
            Self::List => list(session, &contexts)?,
            Self::Use { name } => {
                if !contexts.list().iter().any(|(known, ..)| *known == name) {
                    return Err(absent(&name));
                }
                contexts.own.current = Some(name.clone());
                contexts.own.write(&contexts.path)?;
                tell(session, one(&contexts, &name), &format!("{name} is the current context.\n"))?;
            }
            Self::Add(add) => {
                let address = session.global.server.clone();
                let named = NamedContext::try_from((add.name, address))?;
                let absolute = |path: Option<PathBuf>| path.map(|path| std::path::absolute(&path).unwrap_or(path));
                let context = NamedContext {
                    ca: absolute(add.ca),
                    client_certificate: absolute(add.client_certificate),
                    client_key: absolute(add.client_key),
                    token_file: absolute(add.token_file),
                    token_env: add.token_env,
                    exec: add.exec,
                    ..named
                };
                let name = context.name.clone();
                contexts.own.contexts.retain(|one| one.name != name);
                contexts.own.contexts.push(context);
                let is_current = add.current || contexts.own.current.is_none();
                if is_current {
                    contexts.own.current = Some(name.clone());
                }
                contexts.own.write(&contexts.path)?;
                let current = if is_current { " and is the current one" } else { "" };
                let sentence = format!("{name} stands in {}{current}.\n", contexts.path.display());
                tell(session, one(&contexts, &name), &sentence)?;
            }
            Self::Remove { name } => {
                let (before, gone) = (contexts.own.contexts.len(), one(&contexts, &name));
                contexts.own.contexts.retain(|one| one.name != name);
                if contexts.own.contexts.len() == before {
                    return Err(absent(&name));
                }
                contexts.own.current = contexts.own.current.filter(|current| *current != name);
                contexts.own.write(&contexts.path)?;
                tell(session, gone, &format!("{name} is gone from {}.\n", contexts.path.display()))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// A context as programs read it.
fn one(contexts: &Contexts, name: &str) -> Value {
    shown(contexts).into_iter().find(|one| one["Name"] == name).unwrap_or_default()
}

/// Prints a context that was changed; for people, what became of it.
fn tell(session: &Session, context: Value, sentence: &str) -> Outcome<()> {
    match session.format() {
        Some(Format::Json) => output::print(&data::json(&context)?)?,
        Some(Format::Yaml) => output::print(&data::yaml(&context)?)?,
        _ => output::say(sentence),
    }
    Ok(())
}

fn absent(name: &str) -> Failure {
    Failure::not_found(format!("there is no context {}", quoted(name))).next("causeway context list")
}

impl TryFrom<(String, Option<String>)> for NamedContext {
    type Error = Failure;
    fn try_from((name, address): (String, Option<String>)) -> Outcome<Self> {
        let missing = || Failure::usage("say where the API is: --server URL");
        let server = checked_server(&address.ok_or_else(missing)?)?;
        Ok(Self { name, server, ..Self::default() })
    }
}

fn list(session: &Session, contexts: &Contexts) -> Outcome<()> {
    let all = shown(contexts);
    let text = match session.format() {
        Some(Format::Json) => data::json(&all)?,
        Some(Format::Yaml) => data::yaml(&all)?,
        Some(Format::Name) => contexts.list().iter().map(|(name, ..)| format!("{}\n", output::clean(name))).collect(),
        _ if all.is_empty() => {
            output::say(
                "There are no contexts; http://127.0.0.1:1323 is used. Add one: causeway context add NAME --server URL\n",
            );
            String::new()
        }
        _ => {
            let current = contexts.current();
            let row = |(name, server, file): &(String, String, &std::path::Path)| {
                let mark = if current == Some(name.as_str()) { "*" } else { "" };
                vec![
                    Cell::styled(mark, GOOD),
                    Cell::new(name),
                    Cell::new(server),
                    Cell::styled(&file.display().to_string(), FAINT),
                ]
            };
            let heads = ["", "NAME", "SERVER", "FILE"].map(str::to_owned).to_vec();
            Table { heads, rows: contexts.list().iter().map(row).collect() }.text(output::width())
        }
    };
    output::print(&text)
}
