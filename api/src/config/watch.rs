use clap::Args;
use std::{num::NonZeroUsize, time::Duration};

/// How long events of records are kept, and how many may follow them.
#[derive(Args, Clone, Debug)]
pub struct WatchSettings {
    /// How long events of records are kept, for those who go on after a while; 0s: for ever.
    #[arg(long, env = "CAUSEWAY_EVENT_KEEP", default_value = "7days", value_parser = humantime::parse_duration)]
    pub event_keep: Duration,
    /// Streams of `/v0/watch` at once. Each takes a connection: keep it below `--max-connections`.
    #[arg(long, env = "CAUSEWAY_MAX_WATCHES", default_value = "512")]
    pub max_watches: NonZeroUsize,
    /// Streams of one caller at once; without authentication, of one address.
    #[arg(long, env = "CAUSEWAY_MAX_WATCHES_PER_CALLER", default_value = "32")]
    pub max_watches_per_caller: NonZeroUsize,
}
