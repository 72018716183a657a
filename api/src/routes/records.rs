//! One set of handlers for every noun.

use crate::{
    auth::Caller,
    route::Routes,
    state::ApiState,
    wire::{
        blocking::off_the_runtime,
        body::{Author, MergeBase, merge},
        documents::Body,
        envelope::{self, Meta},
        etag::{IfMatch, add_etag},
        origin::RequestWriter,
        query::{ListQuery, QueryPairs, parse_id},
        redaction::redact,
    },
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use causeway_bus::Hint;
use causeway_failpoints::{API_COMMITTED, failpoint};
use causeway_records::{
    Kind, Record,
    field::entries,
    noun::Noun,
    nouns::{Role, Rules},
    value::Value,
};
use causeway_store::Result;
use serde_json::json;

/// All routes of a noun.
pub(crate) fn routes<T: Noun + Rules>() -> Routes<ApiState> {
    let plural = T::INFO.plural;
    let (all, one) = (format!("/v0/{plural}"), format!("/v0/{plural}/{{id}}"));
    Routes::default()
        .get(&all, Role::Viewer, list::<T>)
        .post(&all, Role::Editor, create::<T>)
        .get(&one, Role::Viewer, read::<T>)
        .patch(&one, Role::Editor, change::<T>)
        .put(&one, Role::Editor, change::<T>)
        .delete(&one, Role::Editor, delete::<T>)
        .get(&format!("/{plural}/versions"), Role::Viewer, versions::<T>)
}

async fn create<T: Noun + Rules>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    body: Bytes,
) -> Response {
    let mut record = Record::<T>::default();
    let author = Author { role: caller.role, keys: state.keys.clone() };
    let made = async {
        let body = Body::read::<T>(body, state.budget).await?;
        body.merged(|| merge(&mut record, &body, MergeBase::New, &author))?;
        writer.create_with_children(record).await
    };
    let made = made.await;
    match made {
        Ok(mut made) => {
            hint(&state, &made.record);
            made.record = redact(made.record, &caller);
            add_etag(envelope::one(T::KIND.as_str(), StatusCode::CREATED, &made), &made.record)
        }
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

pub(super) async fn list<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Query(pairs): Query<QueryPairs>,
) -> Response {
    let listed = async {
        let query = ListQuery::read::<T>(&pairs)?;
        let page = state.store.list_from::<T>(&query.filters, query.limit(), query.start()).await?;
        let meta = Meta::of(&query, &page);
        Ok(off_the_runtime(page.bytes, || {
            let records: Vec<_> = page.records.into_iter().map(|record| redact(record, &caller)).collect();
            envelope::many(T::KIND.as_str(), StatusCode::OK, meta, &records)
        }))
    };
    match listed.await {
        Ok(answer) => answer,
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

pub(super) async fn read<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let record = match parse_id(&id) {
        Ok(id) => state.store.get::<T>(id).await,
        Err(error) => Err(error),
    };
    match record {
        Ok(record) => one(&caller, StatusCode::OK, record),
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

/// PATCH merges the body into what is stored, PUT into defaults.
async fn change<T: Noun + Rules>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let author = Author { role: caller.role, keys: state.keys.clone() };
    let wanted = IfMatch::from_headers(&headers);
    let base = match method {
        Method::PATCH => MergeBase::Stored,
        _ if caller.may_read_ciphertext() => MergeBase::Defaults,
        _ => MergeBase::VisibleDefaults,
    };
    let changed = async {
        let id = parse_id(&id)?;
        let body = Body::read::<T>(body, state.budget).await?;
        let apply = move |record: &mut Record<T>| {
            wanted.check(record)?;
            body.merged(|| merge(record, &body, base, &author))
        };
        writer.change::<T>(id, apply).await
    };
    let changed = changed.await;
    written(&state, &caller, StatusCode::OK, changed)
}

/// Asks for a deletion.
pub(super) async fn delete<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let deleted = match parse_id(&id) {
        Ok(id) => {
            let wanted = IfMatch::from_headers(&headers);
            writer.delete_if::<T>(id, move |record| wanted.check(record)).await
        }
        Err(error) => Err(error),
    };
    written(&state, &caller, StatusCode::OK, deleted)
}

/// The versions of a noun, as Threeport gives them: without an envelope.
pub(super) async fn versions<T: Noun>() -> Response {
    envelope::json(StatusCode::OK, &json!({"API": T::KIND.as_str(), "Versions": ["v0"]}))
}

/// An answer with what the caller may read of a record.
fn one<T: Noun>(caller: &Caller, code: StatusCode, record: Record<T>) -> Response {
    let record = redact(record, caller);
    add_etag(envelope::one(T::KIND.as_str(), code, &record), &record)
}

/// The answer to a write, after a hint to the workers.
fn written<T: Noun>(state: &ApiState, caller: &Caller, code: StatusCode, done: Result<Record<T>>) -> Response {
    match done {
        Ok(record) => {
            hint(state, &record);
            one(caller, code, record)
        }
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

fn hint<T: Noun>(state: &ApiState, record: &Record<T>) {
    failpoint(&API_COMMITTED);
    state.hints.publish(Hint { kind: T::KIND, id: record.id(), cluster_id: cluster_id(record) });
}

/// The cluster whose worker has something to do now; 0: any worker's.
fn cluster_id<T: Noun>(record: &Record<T>) -> i64 {
    if T::KIND == Kind::KubernetesRuntimeInstance {
        return record.id();
    }
    let cluster = entries(&record.spec).find(|(field, _)| field.column == "kubernetes_runtime_instance_id");
    match cluster.and_then(|(_, slot)| slot.to_value()) {
        Some(Value::Int8(id)) => id,
        _ => 0,
    }
}
