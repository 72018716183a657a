//! Every route of the API on one screen.

use crate::{
    config::ServeSettings,
    layers, openapi,
    route::{RouteAccess, Routes},
    routes,
    state::ApiState,
    ui,
};
pub use ui::REFUSALS as PAGE_REFUSALS;

use axum::{Json, Router};
use causeway_records::nouns;
use serde_json::Value;
use std::sync::LazyLock;

macro_rules! record_routes {
    ($($noun:ident),* $(,)?) => {
        fn record_routes() -> Routes<ApiState> {
            Routes::default()$(.merge(routes::records::routes::<nouns::$noun>()))*
        }
    };
}
causeway_records::with_nouns!(record_routes);

/// The routes whose answers have Threeport's envelope.
fn enveloped() -> Routes<ApiState> {
    record_routes()
        .merge(routes::workloads::routes())
        .merge(routes::events::routes())
        .merge(routes::webhooks::routes())
        .merge(routes::access_tokens::routes())
        .merge(routes::audit_events::routes())
        .merge(routes::overview::routes())
        .merge(routes::diagnosis::routes())
        .merge(routes::iam_policy::routes())
        .merge(routes::attachments::routes())
        .merge(routes::import::routes())
}

/// The routes whose answers have no envelope, or not always: those about the server itself, streams, and manifests. The API document is open to everybody: it says nothing about an
/// installation.
fn plain() -> Routes<ApiState> {
    Routes::default()
        .get("/version", RouteAccess::Open, routes::health::version)
        .merge(routes::health::routes())
        .merge(routes::health::metrics())
        .merge(routes::watch::routes())
        .merge(routes::manifests::routes())
        .get("/openapi.json", RouteAccess::Open, || async { Json(document()) })
        .merge(openapi::pages::routes())
}

/// Every route of the port for requests, with the role that it asks for.
#[must_use]
pub fn routes() -> Routes<ApiState> {
    enveloped().merge(plain())
}

/// The API document of these routes.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(routes().list()));
    &DOCUMENT
}

/// Everything that the port for requests answers.
pub(crate) fn router(state: ApiState, settings: &ServeSettings) -> Router {
    layers::wrap(enveloped(), plain().merge(ui::routes()), PAGE_REFUSALS, state, settings)
}

/// Everything that the port for probes answers, to everybody.
pub(crate) fn health_router(state: ApiState) -> Router {
    let mut routes = routes::health::routes();
    if causeway_failpoints::BUILT_IN {
        routes = routes.merge(routes::health::failpoints());
    }
    let (router, _) = routes.into_parts();
    router.with_state(state)
}

#[cfg(test)]
mod tests;
