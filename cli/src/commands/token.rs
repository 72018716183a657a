//! `causeway token`: access tokens, for admins.

use causeway_records::{Kind, nouns::Role};
use chrono::{SecondsFormat, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::time::Duration;

use crate::{
    api::{Fields, id},
    args::Format,
    exit::Exit,
    failure::{Failure, Outcome},
    output::{self, data},
    session::Session,
};

/// Make, list and revoke access tokens; for admins.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token. It is printed on stdout, this once.
    Create(Create),
    /// List the tokens, without the tokens themselves.
    List,
    /// Revoke a token: it is refused from now on.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// Whom a token is for.
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// What its holder is called in audit events.
    name: String,
    /// What its holder may do: viewer, editor or admin.
    #[arg(long, default_value = "viewer", value_parser = role)]
    role: Role,
    /// How long it is good, such as 90d.
    #[arg(long, default_value = "90d", value_parser = humantime::parse_duration, value_name = "TIME")]
    expires: Duration,
}

fn role(word: &str) -> Result<Role, String> {
    serde_json::from_value(json!(word)).map_err(|_| "is viewer, editor or admin".to_owned())
}

impl Token {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        let kind = Kind::AccessToken;
        match self {
            Self::List => {
                let tokens = api.list(kind, &[]).await?;
                session.print_records(&api, kind.info(), &tokens).await?;
            }
            Self::Revoke { name } => {
                let token = api.find(kind, name).await.map_err(|failure| failure.next("causeway token list"))?;
                api.delete(kind, id(&token)).await?;
                if session.format().is_some() {
                    session.print_record(&api, kind.info(), &token).await?;
                } else {
                    output::say(&format!("{} is revoked.\n", output::clean(name)));
                }
            }
            Self::Create(create) => {
                let expires = Utc::now() + create.expires;
                let body = json!({
                    "Name": create.name, "Role": create.role, "ExpiresAt": expires.to_rfc3339_opts(SecondsFormat::Secs, true),
                });
                let made = api.create(kind, body.as_object().unwrap_or(&Fields::new())).await?;
                let token = made.get("Token").and_then(Value::as_str);
                let token = token.ok_or_else(|| {
                    Failure::usage("the API made a token and didn't tell it").next("causeway token list")
                })?;
                match session.format() {
                    Some(Format::Json) => output::print(&data::json(&data::record(kind.info(), &made))?)?,
                    _ => output::print(&format!("{token}\n"))?,
                }
                output::say(
                    "Keep it: it is not shown again. CAUSEWAY_TOKEN or `causeway context add --token-file` takes it.\n",
                );
            }
        }
        Ok(Exit::Done)
    }
}
