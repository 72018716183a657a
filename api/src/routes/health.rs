//! Probes, figures, and the release.

use crate::{
    route::{RouteAccess, Routes},
    state::ApiState,
    wire::envelope,
};
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use causeway_records::nouns::Role;
use causeway_store::StoreError;
use serde_json::json;

/// Probes; also on the port for requests.
pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().get("/readyz", RouteAccess::Open, readyz).get("/healthz", RouteAccess::Open, healthz).get(
        "/livez",
        RouteAccess::Open,
        || async { "OK" },
    )
}

/// Figures for Prometheus.
pub(crate) fn metrics() -> Routes<ApiState> {
    let render = |State(state): State<ApiState>| async move { state.metrics.render() };
    Routes::default().get("/metrics", Role::Viewer, render)
}

/// Arms the points at which a test ends this program; no release has this.
pub(crate) fn failpoints() -> Routes<ApiState> {
    let arm = async |Path(name): Path<String>, actions: String| {
        causeway_failpoints::arm(&name, &actions).map_err(|sentence| (StatusCode::BAD_REQUEST, sentence))
    };
    Routes::default().put("/failpoints/{name}", RouteAccess::Open, arm)
}

/// The release, as Threeport gives it: without an envelope.
pub(crate) async fn version() -> Response {
    envelope::json(StatusCode::OK, &json!({"Version": concat!("v", env!("CARGO_PKG_VERSION"))}))
}

/// 200 `OK` when requests can be answered. Without NATS they can, only later.
async fn readyz(State(state): State<ApiState>) -> Response {
    match state.store.ping().await {
        Ok(()) => "OK".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("Postgres: {error}")).into_response(),
    }
}

/// Each part that the server needs, by name.
async fn healthz(State(state): State<ApiState>) -> Response {
    let (code, postgres) = match state.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(StoreError::ReadOnly) => (StatusCode::SERVICE_UNAVAILABLE, "takes no writes: changes fail"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "unreachable: requests fail"),
    };
    let nats = match state.hints.is_connected() {
        true => "ok",
        false => "unreachable: changes reach the clusters at the workers' next scan",
    };
    envelope::json(code, &json!({"Postgres": postgres, "NATS": nats}))
}
