//! What handlers work with.

use crate::{aside::Aside, auth::Authenticator, diagnosis::Diagnoses, watch::Watch, webhooks::Due};
use axum::extract::FromRef;
use causeway_bus::Debouncer;
use causeway_manifests::Budget;
use causeway_records::secret::Keyring;
use causeway_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use std::{ops::Deref, sync::Arc};

/// Shared by all requests. The router clones it several times for each of them, so that it is one pointer.
#[derive(Clone)]
pub struct ApiState(Arc<Services>);

/// The parts of [`ApiState`].
pub struct Services {
    /// Postgres.
    pub store: Store,
    /// Hints to the workers, over NATS.
    pub hints: Debouncer,
    /// Keys for secrets at rest.
    pub keys: Keyring,
    /// How much a manifest may hold.
    pub budget: Budget,
    /// Where requests about much are done.
    pub aside: Aside,
    /// Events of records, for those who follow them.
    pub watch: Watch,
    /// Finds out why hostnames aren't served.
    pub diagnoses: Diagnoses,
    /// Tells the sender of webhooks what was asked for.
    pub due: Due,
    /// Finds out who the caller is.
    pub authenticator: Authenticator,
    /// Renders `/metrics`.
    pub metrics: PrometheusHandle,
}

impl From<Services> for ApiState {
    fn from(services: Services) -> Self {
        Self(Arc::new(services))
    }
}

impl Deref for ApiState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

// Layers and extractors take these parts only, so that they don't depend on the whole state.
impl FromRef<ApiState> for Store {
    fn from_ref(state: &ApiState) -> Self {
        state.store.clone()
    }
}

impl FromRef<ApiState> for Authenticator {
    fn from_ref(state: &ApiState) -> Self {
        state.authenticator.clone()
    }
}
