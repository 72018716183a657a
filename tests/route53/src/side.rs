//! What tests ask the emulator beside AWS's operations: the journal, the counters, and the faults.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    extract::{MatchedPath, Query, Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
    routing::{get, put},
};
use serde::Deserialize;

use crate::state::{Faults, JournalEntry, Shared};

pub(crate) fn router() -> Router<Shared> {
    Router::new().route("/journal", get(journal)).route("/calls", get(calls)).route("/faults", put(set_faults))
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    after: u64,
}

async fn journal(State(shared): State<Shared>, Query(since): Query<Since>) -> Json<Vec<JournalEntry>> {
    let memory = shared.lock();
    Json(memory.journal.iter().filter(|entry| entry.sequence > since.after).cloned().collect())
}

async fn calls(State(shared): State<Shared>) -> Json<BTreeMap<String, u64>> {
    Json(shared.lock().calls.clone())
}

async fn set_faults(State(shared): State<Shared>, Json(faults): Json<Faults>) -> StatusCode {
    shared.lock().faults = faults;
    StatusCode::NO_CONTENT
}

/// Runs before every operation.
pub(crate) async fn count_delay_and_fail(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let operation = format!("{} {path}", request.method());
    let (delay, fault) = {
        let mut memory = shared.lock();
        *memory.calls.entry(operation).or_default() += 1;
        (Duration::from_millis(memory.faults.delay_milliseconds), memory.take_fault())
    };
    tokio::time::sleep(delay).await;
    match fault {
        Some(fault) => fault.into_response(),
        None => next.run(request).await,
    }
}
