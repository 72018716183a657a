//! Whether the API works, and how well.

use crate::{
    auth::{
        Role,
        access::{Access, Routes},
    },
    envelope,
    state::State,
};
use axum::{
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

/// Probes; also on the port for requests.
pub fn routes() -> Routes {
    Routes::default().get("/readyz", Access::Open, readyz).get("/healthz", Access::Open, healthz).get(
        "/livez",
        Access::Open,
        || async { "OK" },
    )
}

/// Figures for Prometheus.
pub fn metrics() -> Routes {
    let render = |Extract(state): Extract<State>| async move { state.metrics.render() };
    Routes::default().get("/metrics", Role::Viewer, render)
}

/// Arms the points at which a test ends this program; no release has this.
pub fn failpoints() -> Routes {
    let arm = async |axum::extract::Path(name): axum::extract::Path<String>, actions: String| {
        causeway_failpoints::arm(&name, &actions).map_err(|sentence| (StatusCode::BAD_REQUEST, sentence))
    };
    Routes::default().put("/failpoints/{name}", Access::Open, arm)
}

/// The release, as Threeport gives it: without an envelope.
pub async fn version() -> Response {
    envelope::json(StatusCode::OK, &json!({"Version": concat!("v", env!("CARGO_PKG_VERSION"))}))
}

/// 200 `OK` when requests can be answered. Without NATS they can, only later.
async fn readyz(Extract(state): Extract<State>) -> Response {
    match state.store.ping().await {
        Ok(()) => "OK".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("Postgres: {error}")).into_response(),
    }
}

/// The parts, one by one.
async fn healthz(Extract(state): Extract<State>) -> Response {
    let postgres = state.store.ping().await;
    let code = if postgres.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |good: bool, bad: &'static str| if good { "ok" } else { bad };
    let parts = json!({
        "Postgres": word(postgres.is_ok(), "unreachable: requests fail"),
        "NATS": word(state.hints.is_connected(), "unreachable: changes reach the clusters at the workers' next scan"),
    });
    envelope::json(code, &parts)
}
