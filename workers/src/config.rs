//! Settings, from flags or the environment.

use causeway_records::secret::SecretKey;
use clap::Parser;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Causeway's workers: they make clusters match the records.
#[derive(Clone, Debug, Parser)]
#[command(name = "causeway-workers", version)]
pub struct Settings {
    /// Address of Postgres.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// Connections to Postgres.
    #[arg(long, env = "CAUSEWAY_DATABASE_CONNECTIONS", default_value_t = 16)]
    pub database_connections: u32,
    /// Address of NATS.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222", hide_env_values = true)]
    pub nats_url: String,
    /// First word of every subject: keeps control planes on one NATS apart.
    #[arg(long, env = "CAUSEWAY_NATS_PREFIX", default_value = "causeway")]
    pub nats_prefix: String,
    /// Key for secrets at rest: base64 of 32 bytes, the API's.
    #[arg(long, env = "ENCRYPTION_KEY", hide_env_values = true, value_parser = secret_key)]
    pub encryption_key: SecretKey,
    /// Directory with the bundles of support services.
    #[arg(long, env = "CAUSEWAY_BUNDLES", default_value = "deploy/bundles")]
    pub bundles: PathBuf,
    /// Where to answer probes and give figures: `/readyz`, `/metrics`.
    #[arg(long, env = "CAUSEWAY_WORKERS_LISTEN", default_value = "127.0.0.1:8082")]
    pub listen: SocketAddr,
    /// Another address of Route53 than AWS's own.
    #[arg(long, env = "AWS_ENDPOINT_URL_ROUTE_53")]
    pub route53_endpoint: Option<String>,
    /// Passes at the same time in one cluster.
    #[arg(long, env = "CAUSEWAY_CONCURRENCY", default_value_t = 8)]
    pub concurrency: usize,
    /// How often to look for work that no hint spoke of.
    #[arg(long, env = "CAUSEWAY_SCAN_INTERVAL", default_value = "3s", value_parser = humantime::parse_duration)]
    pub scan_interval: Duration,
    /// How long a lease on a cluster lasts when its holder falls silent.
    #[arg(long, env = "CAUSEWAY_LEASE_TTL", default_value = "10s", value_parser = humantime::parse_duration)]
    pub lease_ttl: Duration,
    /// Longest time for one pass.
    #[arg(long, env = "CAUSEWAY_PASS_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration)]
    pub pass_timeout: Duration,
}

fn secret_key(text: &str) -> Result<SecretKey, String> {
    SecretKey::from_base64(text).map_err(|error| error.to_string())
}
