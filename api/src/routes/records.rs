//! One set of handlers for every noun.

use crate::{
    body::{Over, lay},
    envelope::{self, Meta},
    etag::{self, IfMatch},
    query::{Pairs, Query, id_of},
    state::State,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query as RawQuery, State as Extract},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::get,
};
use causeway_bus::Hint;
use causeway_failpoints::{API_COMMITTED, reach};
use causeway_records::{
    Record,
    field::{Noun, entries},
    nouns::Rules,
    value::Value,
};
use causeway_store::Result;
use serde_json::json;

/// All paths of a noun.
pub fn routes<T: Noun + Rules>() -> Router<State> {
    let plural = T::INFO.plural;
    Router::new()
        .route(&format!("/v0/{plural}"), get(list::<T>).post(create::<T>))
        .route(&format!("/v0/{plural}/{{id}}"), get(read::<T>).patch(patch::<T>).put(put::<T>).delete(delete::<T>))
        .route(&format!("/{plural}/versions"), get(versions::<T>))
}

async fn create<T: Noun + Rules>(Extract(state): Extract<State>, body: Bytes) -> Response {
    let mut record = Record::<T>::default();
    let made = match lay(&mut record, &body, Over::Nothing, &state.key) {
        Ok(_) => state.store.create_with_children(record).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            hint(&state, &made.record);
            etag::mark(envelope::one(T::KIND, StatusCode::CREATED, &made), &made.record)
        }
        Err(error) => envelope::store_error(T::KIND, &error),
    }
}

async fn list<T: Noun>(Extract(state): Extract<State>, RawQuery(pairs): RawQuery<Pairs>) -> Response {
    let listed = async {
        let query = Query::read::<T>(&pairs)?;
        let (records, total_count) = state.store.list::<T>(&query.filters, query.limit(), query.offset()).await?;
        Ok((records, Meta { page: query.page, size: query.size, total_count }))
    };
    match listed.await {
        Ok((records, meta)) => envelope::many(T::KIND, StatusCode::OK, meta, &records),
        Err(error) => envelope::store_error(T::KIND, &error),
    }
}

async fn read<T: Noun>(Extract(state): Extract<State>, Path(id): Path<String>) -> Response {
    let record = match id_of(&id) {
        Ok(id) => state.store.get::<T>(id).await,
        Err(error) => Err(error),
    };
    match record {
        Ok(record) => etag::mark(envelope::one(T::KIND, StatusCode::OK, &record), &record),
        Err(error) => envelope::store_error(T::KIND, &error),
    }
}

async fn patch<T: Noun + Rules>(state: Extract<State>, id: Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    change::<T>(&state, &id, IfMatch::read(&headers), body, Over::Stored).await
}

async fn put<T: Noun + Rules>(state: Extract<State>, id: Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    change::<T>(&state, &id, IfMatch::read(&headers), body, Over::Defaults).await
}

async fn change<T: Noun + Rules>(state: &State, id: &str, wanted: IfMatch, body: Bytes, over: Over) -> Response {
    let key = state.key.clone();
    let changed = match id_of(id) {
        Ok(id) => {
            let lay = move |record: &mut Record<T>| wanted.check(record).and_then(|()| lay(record, &body, over, &key));
            state.store.change::<T>(id, lay).await
        }
        Err(error) => Err(error),
    };
    written(state, StatusCode::OK, changed)
}

async fn delete<T: Noun>(Extract(state): Extract<State>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let deleted = match id_of(&id) {
        Ok(id) => {
            let wanted = IfMatch::read(&headers);
            state.store.delete_if::<T>(id, move |record| wanted.check(record)).await
        }
        Err(error) => Err(error),
    };
    written(&state, StatusCode::OK, deleted)
}

/// The versions of a noun, as Threeport gives them: without an envelope.
async fn versions<T: Noun>() -> Json<serde_json::Value> {
    Json(json!({"API": T::KIND, "Versions": ["v0"]}))
}

/// The answer to a write, after a hint to the workers.
fn written<T: Noun>(state: &State, code: StatusCode, done: Result<Record<T>>) -> Response {
    match done {
        Ok(record) => {
            hint(state, &record);
            etag::mark(envelope::one(T::KIND, code, &record), &record)
        }
        Err(error) => envelope::store_error(T::KIND, &error),
    }
}

fn hint<T: Noun>(state: &State, record: &Record<T>) {
    reach(&API_COMMITTED);
    state.bus.publish(&Hint { kind: T::KIND.to_owned(), id: record.id(), scope: scope(record) });
}

/// The cluster whose worker has something to do now; 0: any may have.
fn scope<T: Noun>(record: &Record<T>) -> i64 {
    if T::KIND == "KubernetesRuntimeInstance" {
        return record.id();
    }
    let cluster = entries(&record.spec).find(|(field, _)| field.column == "kubernetes_runtime_instance_id");
    match cluster.and_then(|(_, slot)| slot.to_value()) {
        Some(Value::Int8(id)) => id,
        _ => 0,
    }
}
