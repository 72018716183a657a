use clap::Args;
use std::{num::NonZeroUsize, time::Duration};

/// How many connections the port for requests takes, and how long they may be silent.
#[derive(Args, Clone, Debug)]
pub struct ConnectionSettings {
    /// Connections at once. Others wait. Let the process have some hundred more file descriptors than this.
    #[arg(long, env = "CAUSEWAY_MAX_CONNECTIONS", default_value = "768")]
    pub max_connections: NonZeroUsize,
    /// Connections of one address at once, of IPv6 of its first 64 bits. Others are refused. A proxy is one address.
    #[arg(long, env = "CAUSEWAY_MAX_CONNECTIONS_PER_ADDRESS", default_value = "256")]
    pub max_connections_per_address: NonZeroUsize,
    /// How long a client may take to send the head of its next request, and to take a part of an answer.
    #[arg(long, env = "CAUSEWAY_IDLE_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub idle_timeout: Duration,
}

impl ConnectionSettings {
    /// Of the port for probes: those who ask there are few, and have a place of their own when all others are taken.
    pub(crate) fn for_probes() -> Self {
        let [max_connections, max_connections_per_address] =
            [64, 32].map(|count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN));
        Self { max_connections, max_connections_per_address, idle_timeout: Duration::from_secs(10) }
    }
}
