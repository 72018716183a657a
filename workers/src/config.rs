//! Settings, from flags or the environment.

use causeway_bus::Broker;
use causeway_records::secret::KeyText;
use causeway_store::Database;
use causeway_telemetry::Traces;
use clap::Parser;
use ipnet::IpNet;
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
    /// Answer them to other machines, too, without authentication: for a pod, whose probes come from its node. They hold counts and kinds only.
    #[arg(long, env = "CAUSEWAY_WORKERS_LISTEN_OPEN")]
    pub listen_open: bool,
    /// Another address of Route53 than AWS's own.
    #[arg(long, env = "AWS_ENDPOINT_URL_ROUTE_53")]
    pub route53_endpoint: Option<String>,
    /// Call AWS as this process itself (environment, profile, web identity, instance metadata) for domains without an AWS account, and for domains and
    /// clusters of EKS whose account has no access key. Whoever writes domain names then uses that identity.
    #[arg(long, env = "CAUSEWAY_AMBIENT_AWS")]
    pub ambient_aws: bool,
    /// Reach the cluster that the workers run in with the service account of their pods, where a runtime says so (`ThreeportControlPlaneHost` without
    /// `APIEndpoint` and credentials). All workers of a control plane then run in that cluster.
    #[arg(long, env = "CAUSEWAY_OWN_CLUSTER")]
    pub own_cluster: bool,
    /// Folder with that service account: `token` and `ca.crt`.
    #[arg(long, env = "CAUSEWAY_SERVICE_ACCOUNT", default_value = "/var/run/secrets/kubernetes.io/serviceaccount")]
    pub service_account: PathBuf,
    /// Connect to the addresses of all gateways this often (at least `1s`), as their users do, and tell what comes of it in condition
    /// `EndpointReachable`, without which no gateway is Ready then. For workers that can reach those addresses. Left out: nobody connects.
    #[arg(long, env = "CAUSEWAY_ENDPOINT_PROBE_INTERVAL", value_parser = humantime::parse_duration)]
    pub endpoint_probe_interval: Option<Duration>,
    /// Networks that these connections may lead to although they are of the workers' machine or its link, with commas between them:
    /// `127.80.0.0/12`.
    #[arg(long, env = "CAUSEWAY_ENDPOINT_PROBE_OPEN", value_delimiter = ',')]
    pub endpoint_probe_open: Vec<IpNet>,
    /// Reconciles at the same time in one cluster. A reconcile waits for the cluster most of the time.
    #[arg(long, env = "CAUSEWAY_CONCURRENCY", default_value_t = 16)]
    pub concurrency: usize,
    /// What the objects in the caches of all clusters may take in memory, in MiB; those of one cluster may take three fifths of it. Beyond it
    /// records with objects of the kind that has most say `Applied=False` with the reason `Unwatched`.
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
