//! How a program finds NATS.

use crate::{Bus, Unusable, connect};
use clap::Args;
use std::{fmt, path::PathBuf};

/// Settings of the bus, from flags or the environment.
#[derive(Args, Clone)]
pub struct Broker {
    /// Address of NATS, with the login if it asks for one: `nats://user:password@host:4222`, or `nats://token@host:4222`. Several, with commas between
    /// them, are the servers of one cluster.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    pub nats_url: String,
    /// File with credentials (a JWT and the seed of its key, as `nsc generate creds` writes them) instead of a login in the address.
    #[arg(long, env = "NATS_CREDS")]
    pub nats_creds: Option<PathBuf>,
    /// PEM file of the authorities that sign the certificates of NATS, instead of those that the system trusts. With it TLS is required.
    #[arg(long, env = "NATS_CA")]
    pub nats_ca: Option<PathBuf>,
    /// First word of every subject: keeps control planes on one NATS apart.
    #[arg(long, env = "CAUSEWAY_NATS_PREFIX", default_value = "causeway")]
    pub nats_prefix: String,
}

impl Broker {
    /// One that needs no files.
    #[must_use]
    pub fn at(url: &str, prefix: &str) -> Self {
        Self { nats_url: url.to_owned(), nats_creds: None, nats_ca: None, nats_prefix: prefix.to_owned() }
    }

    /// The bus. Begins to connect, and goes on trying for ever; never waits for the server.
    pub async fn connect(&self) -> Result<Bus, Unusable> {
        connect::bus(self).await
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("nats_prefix", &self.nats_prefix).finish_non_exhaustive()
    }
}
