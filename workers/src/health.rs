//! Answers probes (`/readyz`) and gives metrics (`/metrics`).

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use causeway_store::Store;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;

use crate::figures::FleetFigures;

/// What the probes read.
#[derive(Clone)]
pub(crate) struct Probed {
    pub(crate) store: Store,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) fleet: Arc<FleetFigures>,
}

/// `/readyz` and `/metrics`.
pub(crate) fn router(probed: Probed) -> Router {
    let mut router = Router::new().route("/readyz", get(readyz)).route("/metrics", get(figures));
    if causeway_failpoints::BUILT_IN {
        router = router.route("/failpoints/{name}", axum::routing::put(arm));
    }
    router.with_state(probed)
}

/// Arms a point at which a test ends this program; no release has this.
async fn arm(
    axum::extract::Path(name): axum::extract::Path<String>,
    actions: String,
) -> Result<(), (StatusCode, String)> {
    causeway_failpoints::arm(&name, &actions).map_err(|sentence| (StatusCode::BAD_REQUEST, sentence))
}

async fn readyz(State(probed): State<Probed>) -> Response {
    match probed.store.ping().await {
        Ok(()) => "OK".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("Postgres: {error}")).into_response(),
    }
}

async fn figures(State(probed): State<Probed>) -> Response {
    probed.fleet.read(&probed.store).await;
    probed.metrics.render().into_response()
}
