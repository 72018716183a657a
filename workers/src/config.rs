//! Settings, from flags or the environment.

use causeway_bus::Broker;
use causeway_records::secret::KeyText;
use causeway_store::Database;
use causeway_telemetry::Traces;
use clap::Parser;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Causeway's workers: they make clusters match the records.
#[derive(Clone, Debug, Parser)]
#[command(name = "causeway-workers", version)]
pub struct Settings {
    /// Of Postgres.
    #[command(flatten)]
    pub database: Database,
    /// Of NATS.
    #[command(flatten)]
    pub broker: Broker,
    /// Of the OTLP collector.
    #[command(flatten)]
    pub traces: Traces,
    /// Keys for secrets at rest, the API's: each base64 of 32 bytes, with commas between them.
    #[arg(long, env = "ENCRYPTION_KEY", hide_env_values = true)]
    pub encryption_key: KeyText,
    /// Directory with the bundles of support services.
    #[arg(long, env = "CAUSEWAY_BUNDLES", default_value = "deploy/bundles")]
    pub bundles: PathBuf,
    /// A registry that has all images of the support services, with an optional path: `registry.example.com/mirror`.
    #[arg(long, env = "CAUSEWAY_IMAGE_REGISTRY")]
    pub image_registry: Option<String>,
    /// Where to answer probes and give figures: `/readyz`, `/metrics`.
    #[arg(long, env = "CAUSEWAY_WORKERS_LISTEN", default_value = "127.0.0.1:8082")]
    pub listen: SocketAddr,
    /// Another address of Route53 than AWS's own.
    #[arg(long, env = "AWS_ENDPOINT_URL_ROUTE_53")]
    pub route53_endpoint: Option<String>,
    /// Call AWS as this process itself (environment, profile, web identity, instance metadata) for domains without an AWS account, or whose
    /// account has no access key. Whoever writes domain names then uses that identity.
    #[arg(long, env = "CAUSEWAY_AMBIENT_AWS")]
    pub ambient_aws: bool,
    /// Reconciles at the same time in one cluster. A reconcile waits for the cluster most of the time.
    #[arg(long, env = "CAUSEWAY_CONCURRENCY", default_value_t = 16)]
    pub concurrency: usize,
    /// What the objects in the caches of all clusters may take in memory, in MiB; those of one cluster may take three fifths of it. Beyond it
    /// `ClusterReachable` is False with the reason `OverLimit`.
    #[arg(long, env = "CAUSEWAY_CACHE_LIMIT", default_value_t = 160)]
    pub cache_limit: usize,
    /// How often to query the queue when no hint comes.
    #[arg(long, env = "CAUSEWAY_SCAN_INTERVAL", default_value = "3s", value_parser = humantime::parse_duration)]
    pub scan_interval: Duration,
    /// How long a lease on a cluster lasts when its holder falls silent.
    #[arg(long, env = "CAUSEWAY_LEASE_TTL", default_value = "10s", value_parser = humantime::parse_duration)]
    pub lease_ttl: Duration,
    /// Longest time for one reconcile.
    #[arg(long, env = "CAUSEWAY_RECONCILE_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration)]
    pub reconcile_timeout: Duration,
}
