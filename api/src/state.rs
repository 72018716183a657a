//! What handlers work with.

use crate::auth::Auth;
use causeway_bus::Bus;
use causeway_records::secret::Keyring;
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
    pub keys: Keyring,
    /// Who asks.
    pub auth: Auth,
    /// Figures.
    pub metrics: PrometheusHandle,
}
