//! Settings, from flags or the environment.

use causeway_bus::Broker;
use causeway_records::secret::SecretKey;
use causeway_store::Database;
use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, time::Duration};

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
}

/// Settings of the server.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Where to answer requests. Without authentication only loopback addresses are allowed.
    #[arg(long, env = "CAUSEWAY_LISTEN", default_value = "127.0.0.1:1323")]
    pub listen: SocketAddr,
    /// Where to answer probes: `/readyz`.
    #[arg(long, env = "CAUSEWAY_HEALTH_LISTEN", default_value = "127.0.0.1:8081")]
    pub health_listen: SocketAddr,
    /// Postgres.
    #[command(flatten)]
    pub database: Database,
    /// NATS.
    #[command(flatten)]
    pub broker: Broker,
    /// Key for secrets at rest: base64 of 32 bytes.
    #[arg(long, env = "ENCRYPTION_KEY", hide_env_values = true, value_parser = SecretKey::from_base64)]
    pub encryption_key: SecretKey,
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

impl Serve {
    /// Settings that must not stand together.
    pub fn check(&self) -> Result<(), String> {
        for address in [self.listen, self.health_listen] {
            if !address.ip().is_loopback() {
                return Err(format!(
                    "{address} can be reached from other machines and nobody is asked who he is; listen on 127.0.0.1"
                ));
            }
        }
        Ok(())
    }
}
