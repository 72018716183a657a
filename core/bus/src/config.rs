//! How a program finds NATS.

use crate::{BadAddress, Bus};
use clap::Args;
use std::fmt;

/// Settings of the bus, from flags or the environment.
#[derive(Args, Clone)]
pub struct Broker {
    /// Address of NATS, with the login if it asks for one: `nats://user:password@host:4222`, or `nats://token@host:4222`.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    pub nats_url: String,
    /// First word of every subject: keeps control planes on one NATS apart.
    #[arg(long, env = "CAUSEWAY_NATS_PREFIX", default_value = "causeway")]
    pub nats_prefix: String,
}

impl Broker {
    /// The bus. Doesn't wait for the server.
    pub async fn connect(&self) -> Result<Bus, BadAddress> {
        Bus::connect(&self.nats_url, &self.nats_prefix).await
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("nats_prefix", &self.nats_prefix).finish_non_exhaustive()
    }
}
