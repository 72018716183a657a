//! Settings, from flags or the environment.

use crate::{
    audit::Audit,
    auth::{Role, settings::Settings},
    keys::Keys,
    limit::Limit,
};
use causeway_bus::Broker;
use causeway_records::{secret::Keyring, text::Name};
use causeway_store::Database;
use causeway_telemetry::Traces;
use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

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
    Serve(Box<Serve>),
    /// Bring the schema up to date and end.
    Migrate(Database),
    /// Print the API document.
    Openapi,
    /// Access tokens, without asking the API.
    #[command(subcommand)]
    Token(Token),
    /// Keys for secrets at rest.
    #[command(subcommand)]
    Keys(Box<Keys>),
    /// Make an authority, certificates and the configuration of Threeport's command line for development.
    DevCa(DevCa),
}

/// Settings of the server.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Where to answer requests. Without authentication only loopback addresses are allowed, for the probes too.
    #[arg(long, env = "CAUSEWAY_LISTEN", default_value = "127.0.0.1:1323")]
    pub listen: SocketAddr,
    /// Where to answer probes: `/readyz`.
    #[arg(long, env = "CAUSEWAY_HEALTH_LISTEN", default_value = "127.0.0.1:8081")]
    pub health_listen: SocketAddr,
    /// Who may ask, and TLS.
    #[command(flatten)]
    pub security: Settings,
    /// Postgres.
    #[command(flatten)]
    pub database: Database,
    /// NATS.
    #[command(flatten)]
    pub broker: Broker,
    /// Traces.
    #[command(flatten)]
    pub traces: Traces,
    /// Keys for secrets at rest, each base64 of 32 bytes, with commas between them: the first one encrypts, all decrypt.
    #[arg(long, env = "ENCRYPTION_KEY", hide_env_values = true, value_parser = Keyring::from_base64)]
    pub encryption_key: Keyring,
    /// Audit events.
    #[command(flatten)]
    pub audit: Audit,
    /// How many requests a caller may send.
    #[command(flatten)]
    pub limit: Limit,
    /// Largest request body, in bytes.
    #[arg(long, env = "CAUSEWAY_BODY_LIMIT", default_value_t = 2 * 1024 * 1024)]
    pub body_limit: usize,
    /// Longest time for one request.
    #[arg(long, env = "CAUSEWAY_REQUEST_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub request_timeout: Duration,
    /// Longest time for requests under way when the server is told to stop.
    #[arg(long, env = "CAUSEWAY_SHUTDOWN_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub shutdown_timeout: Duration,
}

/// What to do with access tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token and print it: the way to the first one. The API lists and revokes it.
    Create(TokenCreate),
}

/// A token to make.
#[derive(Args, Debug)]
pub struct TokenCreate {
    /// Its name, unique among live tokens.
    #[arg(long)]
    pub name: Name,
    /// What its holder may do: viewer, editor or admin.
    #[arg(long)]
    pub role: Role,
    /// How long it lasts.
    #[arg(long, default_value = "90d", value_parser = humantime::parse_duration)]
    pub expires: Duration,
    /// Postgres.
    #[command(flatten)]
    pub database: Database,
}

/// Certificates to make.
#[derive(Args, Debug)]
pub struct DevCa {
    /// Folder for them; it must not hold any yet.
    pub folder: PathBuf,
    /// Where clients find the API.
    #[arg(long, default_value = "localhost:1323")]
    pub api_server: String,
    /// Further names and addresses of the server, beside localhost, 127.0.0.1 and ::1.
    #[arg(long)]
    pub host: Vec<String>,
}
