//! `causeway-api token`: the way to the first access token.

use super::migrate;
use crate::auth::tokens;
use anyhow::Context;
use causeway_records::{
    nouns::{AccessToken, Role},
    text::Name,
};
use causeway_store::{Database, Origin, Store, Writer};
use chrono::{TimeDelta, Utc};
use clap::{Args, Subcommand};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// What to do with access tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it: the way to the first one. The API lists and revokes it.
    Create(TokenSettings),
}

/// A token to make.
#[derive(Args, Debug)]
pub struct TokenSettings {
    /// Its name, unique among live tokens.
    #[arg(long)]
    name: Name,
    /// What its holder may do: viewer, editor or admin.
    #[arg(long)]
    role: Role,
    /// How long it lasts.
    #[arg(long, default_value = "90d", value_parser = humantime::parse_duration)]
    expires: Duration,
    /// File with the token to store, instead of a new one. One that is stored already, even revoked, is left as it is.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Postgres.
    #[command(flatten)]
    database: Database,
}

/// The token goes to stdout, alone; everything else to stderr.
pub(super) async fn create(settings: TokenSettings) -> anyhow::Result<()> {
    let store = migrate::connect(&settings.database).await?;
    let lasts = TimeDelta::from_std(settings.expires).context("a token can't last that long")?;
    let expires_at = Utc::now().checked_add_signed(lasts).context("a token can't last that long")?;
    let token = AccessToken { name: settings.name, role: settings.role, expires_at, ..AccessToken::default() };
    let writer = store.on_behalf_of(Origin { caller: "causeway-api token create".into(), request_id: None });
    if let Some(file) = settings.from {
        keep(&store, &writer, token, &file).await?;
    } else {
        let created = tokens::create(&writer, token).await?;
        writeln!(
            std::io::stderr(),
            "role {}, until {expires_at}; it is shown only this once",
            created.record.spec.role
        )?;
        writeln!(std::io::stdout(), "{}", created.token)?;
    }
    store.close();
    Ok(())
}

/// Stores the token of a file; nothing of it is printed.
async fn keep(store: &Store, writer: &Writer, token: AccessToken, file: &Path) -> anyhow::Result<()> {
    let secret = fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let secret = secret.trim().to_owned();
    if let Some(hash) = tokens::hash(&secret)
        && store.has_token(hash).await?
    {
        return Ok(writeln!(std::io::stderr(), "the token of {} is stored already", file.display())?);
    }
    let stored = tokens::store(writer, token, secret).await.with_context(|| file.display().to_string())?;
    Ok(writeln!(std::io::stderr(), "role {}, until {}", stored.record.spec.role, stored.record.spec.expires_at)?)
}
