//! How a program finds Postgres.

use crate::{Result, Store};
use clap::Args;
use std::time::Duration;

/// Settings of the store, from flags or the environment.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// Address of Postgres. Several hosts, with commas between them, are one primary and its standbys: `postgres://user:password@one,two:5433/causeway`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Connections to Postgres: about eight for each of its cores.
    #[arg(long, env = "CAUSEWAY_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub database_connections: u32,
    /// How long to wait for a connection to come free before a request is refused as too many at once.
    #[arg(long, env = "CAUSEWAY_DATABASE_WAIT", default_value = "5s", value_parser = humantime::parse_duration)]
    pub database_wait: Duration,
}

impl Database {
    /// The store. Nothing is sent yet.
    pub fn connect(&self) -> Result<Store> {
        Store::connect(&self.database_url, self.database_connections, self.database_wait)
    }
}
