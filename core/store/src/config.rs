//! How a program finds Postgres.

use crate::{Result, Store};
use clap::Args;

/// Settings of the store, from flags or the environment.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// Address of Postgres.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Connections to Postgres: about eight for each of its cores.
    #[arg(long, env = "CAUSEWAY_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub database_connections: u32,
}

impl Database {
    /// The store. Nothing is sent yet.
    pub fn connect(&self) -> Result<Store> {
        Store::connect(&self.database_url, self.database_connections)
    }
}
