//! Routes that only workloads have: the set of manifests, and the deletion of a workload's events.

use crate::{
    auth::Caller,
    route::Routes,
    state::ApiState,
    wire::{
        body::{Author, MergeBase, merge},
        documents::{Body, check_total},
        envelope::{self, Meta},
        origin::RequestWriter,
        query::QueryPairs,
        redaction::redact,
    },
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_bus::Hint;
use causeway_manifests::Budget;
use causeway_records::{
    Record,
    field::Table,
    noun::Noun,
    nouns::{Role, Rules, WorkloadEvent, WorkloadResourceDefinition},
    problem::{Reason, Refusal},
};
use causeway_store::{Filter, Result, StoreError};
use serde_json::value::RawValue;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().post("/v0/workload-resource-definition-sets", Role::Editor, create_set).delete(
        "/v0/workload-events",
        Role::Editor,
        delete_events,
    )
}

/// Makes all manifests of a list, or none.
async fn create_set(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    body: Bytes,
) -> Response {
    let kind = WorkloadResourceDefinition::KIND;
    let (bytes, services) = (body.len(), state.clone());
    let made = async move {
        let author = Author { role: caller.role, keys: services.keys.clone() };
        let records = writer.create_all(set(&body, &author, &services.budget)?).await?;
        services.hints.publish(Hint { kind, id: 0, cluster_id: 0 });
        let records: Vec<_> = records.into_iter().map(|record| redact(record, &caller)).collect();
        Ok(envelope::many(kind.as_str(), StatusCode::CREATED, Meta::whole(records.len()), &records))
    };
    let made: Result<Response> = state.aside(bytes, made).await;
    made.unwrap_or_else(|error| envelope::store_error(kind.as_str(), &error))
}

/// The records of a set. What takes time for each byte of a manifest comes last.
fn set(body: &[u8], author: &Author, budget: &Budget) -> Result<Vec<Record<WorkloadResourceDefinition>>> {
    let bodies: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
        StoreError::invalid(Reason::MalformedBody, format!("expected an array of manifests: {error}"))
    })?;
    if bodies.is_empty() {
        return Err(StoreError::invalid(Reason::EmptyPayload, "JSON payload is empty"));
    }
    check_total::<WorkloadResourceDefinition>(&bodies, budget).map_err(|(n, error)| at(n, error))?;
    let mut records: Vec<Record<WorkloadResourceDefinition>> = vec![];
    for (n, body) in bodies.iter().enumerate() {
        let (mut record, body) = (Record::default(), Body::split::<WorkloadResourceDefinition>(body.get().as_bytes()));
        merge(&mut record, &body, MergeBase::New, author).map_err(|error| at(n, error))?;
        records.push(record);
    }
    for (n, record) in records.iter().enumerate() {
        let problems = record.spec.check_documents(budget);
        if !problems.is_empty() {
            return Err(at(n, StoreError::Invalid(Refusal::fields(Reason::InvalidField, problems))));
        }
    }
    Ok(records)
}

/// A refusal of the n-th body, with paths from the array.
fn at(n: usize, error: StoreError) -> StoreError {
    match error {
        StoreError::Invalid(refusal) => StoreError::Invalid(Refusal {
            sentence: format!("[{n}] {refusal}"),
            details: refusal.details.into_iter().map(|problem| problem.inside(&format!("[{n}]"))).collect(),
            ..refusal
        }),
        other => other,
    }
}

const EVENT_KEYS: [&str; 2] = ["workloadinstanceid", "helmworkloadinstanceid"];

/// Deletes the events of a workload instance.
async fn delete_events(RequestWriter(writer): RequestWriter, Query(pairs): Query<QueryPairs>) -> Response {
    let deleted = async {
        let deleted = writer.delete_all::<WorkloadEvent>(event_filter(&pairs)?).await?;
        if deleted.is_empty() { Err(StoreError::NotFound) } else { Ok(deleted) }
    };
    let kind = WorkloadEvent::KIND.as_str();
    match deleted.await {
        Ok(events) => envelope::many(kind, StatusCode::OK, Meta::whole(events.len()), &events),
        Err(StoreError::NotFound) => envelope::error(kind, StatusCode::NOT_FOUND, "object not found"),
        Err(error) => envelope::store_error(kind, &error),
    }
}

fn event_filter(pairs: &QueryPairs) -> Result<Filter> {
    let [(key, text)] = pairs.as_slice() else {
        let sentence = "must provide one - and only one - query parameter when deleting multiple workload events";
        return Err(StoreError::invalid(Reason::InvalidQuery, sentence));
    };
    let known = EVENT_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
    let field = WorkloadEvent::FIELDS.iter().find(|field| known && field.json.eq_ignore_ascii_case(key));
    let field = field.ok_or_else(|| {
        let keys = EVENT_KEYS.join(" ");
        let sentence = format!("can only delete multiple workload events using query parameter keys [{keys}]");
        StoreError::invalid(Reason::InvalidQuery, sentence)
    })?;
    Ok(Filter { field, text: text.clone() })
}
