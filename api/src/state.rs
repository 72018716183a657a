//! What handlers work with.

use crate::auth::Auth;
use causeway_bus::Gatherer;
use causeway_records::secret::Keyring;
use causeway_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{ops::Deref, sync::Arc};

/// Shared by all requests: whoever clones it, which the router does several times for each of them, clones one pointer.
#[derive(Clone)]
pub struct State(Arc<Parts>);

/// What is shared.
pub struct Parts {
    /// Postgres.
    pub store: Store,
    /// To the workers, over NATS.
    pub hints: Gatherer,
    /// For secrets at rest.
    pub keys: Keyring,
    /// Who asks.
    pub auth: Auth,
    /// Figures.
    pub metrics: PrometheusHandle,
}

impl From<Parts> for State {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
