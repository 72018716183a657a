//! What handlers work with.

use crate::auth::Auth;
use causeway_bus::Bus;
use causeway_records::secret::SecretKey;
use causeway_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;

/// Shared by all requests.
#[derive(Clone)]
pub struct State {
    /// Postgres.
    pub store: Store,
    /// NATS.
    pub bus: Bus,
    /// For secrets at rest.
    pub key: SecretKey,
    /// Who asks.
    pub auth: Auth,
    /// Figures.
    pub metrics: PrometheusHandle,
}
