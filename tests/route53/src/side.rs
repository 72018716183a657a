//! What tests ask the emulator beside AWS's operations: the journal, the counters, the faults, and the policies.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use axum::{
    Json, Router,
    extract::{MatchedPath, Path, Query, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::Deserialize;

use crate::{
    faults::Faults,
    handlers::access_key,
    policy::Policy,
    state::{JournalEntry, Shared},
};

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/journal", get(journal))
        .route("/calls", get(calls))
        .route("/calls/{zone}", get(calls_of_zone))
        .route("/faults", put(set_faults))
        .route("/policies/{key}", get(used_statements).put(set_policy))
}

/// Which entries of the journal: of all zones, unless one is named.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    after: u64,
    zone: Option<String>,
}

async fn journal(State(shared): State<Shared>, Query(wanted): Query<Wanted>) -> Json<Vec<JournalEntry>> {
    let memory = shared.lock();
    let is_of_zone = |entry: &JournalEntry| wanted.zone.as_ref().is_none_or(|zone| entry.zone_id == *zone);
    let entries = memory.journal.iter().filter(|entry| entry.sequence > wanted.after && is_of_zone(entry));
    Json(entries.cloned().collect())
}

async fn calls(State(shared): State<Shared>) -> Json<BTreeMap<String, u64>> {
    Json(shared.lock().calls.clone())
}

async fn calls_of_zone(State(shared): State<Shared>, Path(zone): Path<String>) -> Json<BTreeMap<String, u64>> {
    Json(shared.lock().zone_calls.get(&zone).cloned().unwrap_or_default())
}

/// The zone that a path is about.
fn zone_of(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/hostedzone/")?;
    rest.split('/').next().filter(|id| !id.is_empty())
}

async fn set_faults(State(shared): State<Shared>, Json(faults): Json<Faults>) -> StatusCode {
    shared.lock().faults.set(faults);
    StatusCode::NO_CONTENT
}

async fn set_policy(
    State(shared): State<Shared>,
    Path(key): Path<String>,
    Json(policy): Json<Option<Policy>>,
) -> StatusCode {
    shared.lock().policies.set(&key, policy);
    StatusCode::NO_CONTENT
}

async fn used_statements(State(shared): State<Shared>, Path(key): Path<String>) -> Json<BTreeSet<String>> {
    Json(shared.lock().policies.used(&key))
}

/// Runs before every operation.
pub(crate) async fn count_delay_and_fail(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let operation = format!("{} {path}", request.method());
    let (zone, key) = (zone_of(request.uri().path()), access_key(request.headers()));
    let (delay, fault) = {
        let mut memory = shared.lock();
        let over_limit = memory.limits.admit(&key, Instant::now()).err();
        if over_limit.is_some() {
            *memory.calls.entry("over the limit".to_owned()).or_default() += 1;
        }
        *memory.calls.entry(operation).or_default() += 1;
        if let Some(zone) = zone {
            *memory.zone_calls.entry(zone.to_owned()).or_default().entry(key).or_default() += 1;
        }
        let fault = over_limit.or_else(|| memory.faults.take(request.method(), zone));
        (memory.faults.delay(), fault)
    };
    tokio::time::sleep(delay).await;
    match fault {
        Some(fault) => fault.into_response(),
        None => next.run(request).await,
    }
}
