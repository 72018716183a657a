//! One set of handlers for every noun.

use crate::{
    auth::{Caller, Role, access::Routes},
    body::{Over, lay},
    envelope::{self, Meta},
    etag::{self, IfMatch},
    origin::Writes,
    query::{Pairs, Query, id_of},
    state::State,
};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, Query as RawQuery, State as Extract},
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use causeway_bus::Hint;
use causeway_failpoints::{API_COMMITTED, failpoint};
use causeway_records::{
    Record,
    field::{Noun, entries},
    nouns::Rules,
    value::Value,
};
use causeway_store::Result;
use serde_json::json;

/// All paths of a noun.
pub fn routes<T: Noun + Rules>() -> Routes {
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
    Extract(state): Extract<State>,
    Extension(caller): Extension<Caller>,
    Writes(writer): Writes,
    body: Bytes,
) -> Response {
    let mut record = Record::<T>::default();
    let made = match lay(&mut record, &body, Over::Nothing, &state.keys) {
        Ok(_) => writer.create_with_children(record).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(mut made) => {
            hint(&state, &made.record);
            made.record = caller.sees(made.record);
            etag::mark(envelope::one(T::KIND.as_str(), StatusCode::CREATED, &made), &made.record)
        }
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

/// A page of records.
pub(super) async fn list<T: Noun>(
    Extract(state): Extract<State>,
    Extension(caller): Extension<Caller>,
    RawQuery(pairs): RawQuery<Pairs>,
) -> Response {
    let listed = async {
        let query = Query::read::<T>(&pairs)?;
        let (records, total_count) = state.store.list_from::<T>(&query.filters, query.limit(), query.start()).await?;
        let seen: Vec<_> = records.into_iter().map(|record| caller.sees(record)).collect();
        Ok((seen, Meta { page: query.page, size: query.size, total_count }))
    };
    match listed.await {
        Ok((records, meta)) => envelope::many(T::KIND.as_str(), StatusCode::OK, meta, &records),
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

/// One record.
pub(super) async fn read<T: Noun>(
    Extract(state): Extract<State>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let record = match id_of(&id) {
        Ok(id) => state.store.get::<T>(id).await,
        Err(error) => Err(error),
    };
    match record {
        Ok(record) => one(&caller, StatusCode::OK, record),
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

/// PATCH lays the body over what is stored, PUT over defaults.
async fn change<T: Noun + Rules>(
    Extract(state): Extract<State>,
    Extension(caller): Extension<Caller>,
    Writes(writer): Writes,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (keys, wanted) = (state.keys.clone(), IfMatch::read(&headers));
    let over = match method {
        Method::PATCH => Over::Stored,
        _ if caller.sees_ciphertext() => Over::Defaults,
        _ => Over::VisibleDefaults,
    };
    let changed = match id_of(&id) {
        Ok(id) => {
            let lay = move |record: &mut Record<T>| wanted.check(record).and_then(|()| lay(record, &body, over, &keys));
            writer.change::<T>(id, lay).await
        }
        Err(error) => Err(error),
    };
    written(&state, &caller, StatusCode::OK, changed)
}

/// Asks for a deletion.
pub(super) async fn delete<T: Noun>(
    Extract(state): Extract<State>,
    Extension(caller): Extension<Caller>,
    Writes(writer): Writes,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let deleted = match id_of(&id) {
        Ok(id) => {
            let wanted = IfMatch::read(&headers);
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

/// An answer with what the caller may see of a record.
fn one<T: Noun>(caller: &Caller, code: StatusCode, record: Record<T>) -> Response {
    let seen = caller.sees(record);
    etag::mark(envelope::one(T::KIND.as_str(), code, &seen), &seen)
}

/// The answer to a write, after a hint to the workers.
fn written<T: Noun>(state: &State, caller: &Caller, code: StatusCode, done: Result<Record<T>>) -> Response {
    match done {
        Ok(record) => {
            hint(state, &record);
            one(caller, code, record)
        }
        Err(error) => envelope::store_error(T::KIND.as_str(), &error),
    }
}

fn hint<T: Noun>(state: &State, record: &Record<T>) {
    failpoint(&API_COMMITTED);
    state.hints.publish(Hint { kind: T::KIND, id: record.id(), scope: scope(record) });
}

/// The cluster whose worker has something to do now; 0: any may have.
fn scope<T: Noun>(record: &Record<T>) -> i64 {
    if T::KIND == causeway_records::Kind::KubernetesRuntimeInstance {
        return record.id();
    }
    let cluster = entries(&record.spec).find(|(field, _)| field.column == "kubernetes_runtime_instance_id");
    match cluster.and_then(|(_, slot)| slot.to_value()) {
        Some(Value::Int8(id)) => id,
        _ => 0,
    }
}
