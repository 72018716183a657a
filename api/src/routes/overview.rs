//! Records of all kinds in a line each: a search, those that something blocks, and how many there are. For views; each is one statement.

use crate::{
    route::Routes,
    routes::records,
    state::ApiState,
    wire::{
        envelope::{self, Meta},
        query::{QueryPairs, after, id_of, invalid, number, position, value},
    },
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_records::{
    Kind,
    nouns::{Certificate, Role},
    status::ConditionStatus,
    summary::RecordSummary,
};
use causeway_store::{Blocked, Result, Search};
use serde::Serialize;

/// `Type` of an answer with summaries.
pub(crate) const SUMMARY: &str = "RecordSummary";
/// `Type` of an answer with counts.
pub(crate) const COUNT: &str = "RecordCount";
/// `Type` of an answer with states of clusters.
pub(crate) const CLUSTER: &str = "ClusterState";
/// Records of one answer.
pub(crate) const MOST: i64 = 1000;
/// Characters of a text to search for: no name or hostname is longer.
pub(crate) const LONGEST: usize = 253;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default()
        .get("/v0/search", Role::Viewer, search)
        .get("/v0/blocked-records", Role::Viewer, blocked)
        .get("/v0/record-counts", Role::Viewer, counts)
        .get("/v0/cluster-states", Role::Viewer, clusters)
        .get("/v0/certificates", Role::Viewer, records::list::<Certificate>)
        .get("/v0/certificates/{id}", Role::Viewer, records::read::<Certificate>)
        .get("/certificates/versions", Role::Viewer, records::versions::<Certificate>)
}

async fn search(State(state): State<ApiState>, Query(pairs): Query<QueryPairs>) -> Response {
    let found = async {
        let limit = limit(&pairs)?;
        let search = Search {
            text: text(&pairs)?,
            kind: kind(&pairs)?,
            ready: ready(&pairs)?,
            runtime_id: runtime(&pairs)?,
            shared_gateway_id: id_of(&pairs, "sharedgatewayid")?,
            after: after(&pairs)?.unwrap_or(0),
            limit,
        };
        Ok((limit, state.store.search(&search).await?))
    };
    summaries(found.await)
}

async fn blocked(State(state): State<ApiState>, Query(pairs): Query<QueryPairs>) -> Response {
    let found = async {
        let limit = limit(&pairs)?;
        let blocked = Blocked { kind: kind(&pairs)?, runtime_id: runtime(&pairs)?, after: position(&pairs)?, limit };
        Ok((limit, state.store.blocked(blocked).await?))
    };
    summaries(found.await)
}

async fn counts(State(state): State<ApiState>) -> Response {
    match state.store.record_counts().await {
        Ok(counts) => envelope::many(COUNT, StatusCode::OK, Meta::whole(counts.len()), &counts),
        Err(error) => envelope::store_error(COUNT, &error),
    }
}

async fn clusters(State(state): State<ApiState>, Query(pairs): Query<QueryPairs>) -> Response {
    let found = async {
        let limit = limit(&pairs)?;
        Ok((limit, state.store.cluster_states(after(&pairs)?.unwrap_or(0), limit).await?))
    };
    match found.await {
        Ok((limit, found)) => many(CLUSTER, limit, &found, found.last().map(|last| last.runtime_id)),
        Err(error) => envelope::store_error(CLUSTER, &error),
    }
}

fn summaries(found: Result<(i64, Vec<RecordSummary>)>) -> Response {
    match found {
        Ok((limit, found)) => many(SUMMARY, limit, &found, found.last().map(|last| last.id)),
        Err(error) => envelope::store_error(SUMMARY, &error),
    }
}

/// A full page may have another behind it.
pub(super) fn many<T: Serialize>(kind: &str, limit: i64, found: &[T], last: Option<i64>) -> Response {
    let is_full = i64::try_from(found.len()).is_ok_and(|count| count == limit);
    let meta = Meta::whole(found.len()).going_on(last.filter(|_| is_full));
    envelope::many(kind, StatusCode::OK, meta, found)
}

pub(super) fn limit(pairs: &QueryPairs) -> Result<i64> {
    match number(pairs, "size", 50)? {
        size @ 1..=MOST => Ok(size),
        _ => Err(invalid("size", "must be a number from 1 to 1000")),
    }
}

/// Without a kind or a shared gateway it must say something: all records of all kinds are no find.
fn text(pairs: &QueryPairs) -> Result<String> {
    let text = value(pairs, "q").unwrap_or_default();
    let is_chosen = ["kind", "sharedgatewayid"].iter().any(|key| value(pairs, key).is_some());
    let is_enough = !text.trim().is_empty() || is_chosen;
    if is_enough && text.chars().count() <= LONGEST && !text.contains('\0') {
        return Ok(text.to_owned());
    }
    let problem = "must be a text of 1 to 253 characters: a part of a name or hostname, an id, or an address; with kind or sharedgatewayid it may be left out";
    Err(invalid("q", problem))
}

fn ready(pairs: &QueryPairs) -> Result<Option<ConditionStatus>> {
    let Some(text) = value(pairs, "ready") else { return Ok(None) };
    text.parse().map(Some).map_err(|problem: String| invalid("ready", problem))
}

fn runtime(pairs: &QueryPairs) -> Result<Option<i64>> {
    id_of(pairs, "kubernetesruntimeinstanceid")
}

fn kind(pairs: &QueryPairs) -> Result<Option<Kind>> {
    let Some(text) = value(pairs, "kind") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| invalid("kind", "must be a kind of record, such as GatewayInstance"))
}
