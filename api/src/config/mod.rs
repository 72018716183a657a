//! Settings of the server, from flags or the environment. Doc comments of fields are what `--help` prints.

mod connections;
mod diagnosis;
mod rate_limit;
mod security;
mod watch;
mod webhooks;

pub use connections::ConnectionSettings;
pub use diagnosis::DiagnosisSettings;
pub use rate_limit::RateLimitSettings;
pub use security::{AuthMode, SecuritySettings};
pub use watch::WatchSettings;
pub use webhooks::WebhookSettings;

use causeway_bus::Broker;
use causeway_records::secret::KeyText;
use causeway_store::Database;
use causeway_telemetry::Traces;
use clap::Args;
use std::{net::SocketAddr, time::Duration};

/// Settings of `causeway-api serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeSettings {
    /// Where to answer requests. Without authentication only loopback addresses are allowed, for the probes too.
    #[arg(long, env = "CAUSEWAY_LISTEN", default_value = "127.0.0.1:1323")]
    pub listen: SocketAddr,
    /// Where to answer probes: `/readyz`.
    #[arg(long, env = "CAUSEWAY_HEALTH_LISTEN", default_value = "127.0.0.1:8081")]
    pub health_listen: SocketAddr,
    /// Limits of connections.
    #[command(flatten)]
    pub connections: ConnectionSettings,
    /// Authentication and TLS.
    #[command(flatten)]
    pub security: SecuritySettings,
    /// Postgres.
    #[command(flatten)]
    pub database: Database,
    /// NATS.
    #[command(flatten)]
    pub broker: Broker,
    /// Traces.
    #[command(flatten)]
    pub traces: Traces,
    /// Keys for secrets at rest, each base64 of 32 bytes, with commas between them: the first one encrypts, all decrypt.
    #[arg(long, env = "ENCRYPTION_KEY", hide_env_values = true)]
    pub encryption_key: KeyText,
    /// How long audit events are kept; 0s: for ever.
    #[arg(long, env = "CAUSEWAY_AUDIT_KEEP", default_value = "90days", value_parser = humantime::parse_duration)]
    pub audit_keep: Duration,
    /// Events of records.
    #[command(flatten)]
    pub watch: WatchSettings,
    /// Why hostnames aren't served.
    #[command(flatten)]
    pub diagnosis: DiagnosisSettings,
    /// Webhooks.
    #[command(flatten)]
    pub webhooks: WebhookSettings,
    /// How many requests a caller may send.
    #[command(flatten)]
    pub rate_limit: RateLimitSettings,
    /// Largest request body, in bytes.
    #[arg(long, env = "CAUSEWAY_BODY_LIMIT", default_value_t = 2 * 1024 * 1024)]
    pub body_limit: usize,
    /// Largest request body with manifests (workload definitions, workload resource definitions and sets of these), in bytes.
    #[arg(long, env = "CAUSEWAY_MANIFEST_BODY_LIMIT", default_value_t = 8 * 1024 * 1024)]
    pub manifest_body_limit: usize,
    /// Longest time for one request.
    #[arg(long, env = "CAUSEWAY_REQUEST_TIMEOUT", default_value = "30s", value_parser = humantime::parse_duration)]
    pub request_timeout: Duration,
    /// Longest time for requests under way when the server is asked to stop.
    #[arg(long, env = "CAUSEWAY_SHUTDOWN_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration)]
    pub shutdown_timeout: Duration,
}
