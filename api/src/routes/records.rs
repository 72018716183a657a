//! One set of handlers for every noun.

use super::planned::{Planned, carry_out, shown};
use crate::{
    auth::Caller,
    route::Routes,
    state::ApiState,
    wire::{
        body::{Author, MergeBase, merge},
        documents::Body,
        envelope::{self, Meta},
        etag::{IfMatch, add_etag},
        origin::RequestWriter,
        plan::PlanRequest,
        position::add_position,
        query::{ListQuery, QueryPairs, parse_id},
        redaction::redact,
        secrets,
    },
};
use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequestParts, Path, Query, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
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
    watch::is_watched,
};
use causeway_store::{Created, Merge, Result, Writer, queue::Key, trial::Proposed};
use serde_json::json;
use std::{convert::Infallible, sync::Arc};

/// Records of a list that is small for certain, where they have no documents.
const MOST_AT_ONCE: i64 = 100;

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
    plan: PlanRequest,
    body: Bytes,
) -> Response {
    let (bytes, services) = (body.len(), state.clone());
    let planning = match plan.read() {
        Ok(planning) => planning,
        Err(error) => return envelope::store_error(T::KIND.as_str(), &error),
    };
    let is_planned = planning.is_some();
    let created = async move {
        let author = Author { role: caller.role, keys: services.keys.clone() };
        let mut record = Record::<T>::default();
        merge(&mut record, &Body::read::<T>(&body, &services.budget), MergeBase::New, &author)?;
        let made_up = secrets::make_up(&mut record, &services.keys)?;
        let mut made = match planning {
            None => writer.create_with_children(record).await?,
            Some(planning) => match carry_out(&services, &writer, planning, creation(record)).await? {
                Planned::Written(made) => made,
                Planned::Shown(effect) => return Ok(shown(&effect)),
            },
        };
        hint(&services, &made.record);
        made.record = redact(made.record, &caller);
        let Some((column, plain)) = made_up else {
            return Ok(add_etag(envelope::one(T::KIND.as_str(), StatusCode::CREATED, &made), &made.record));
        };
        secrets::show(&mut made.record.spec, column, plain)?;
        Ok(add_etag(uncached(envelope::one(T::KIND.as_str(), StatusCode::CREATED, &made)), &made.record))
    };
    answered::<T>(if is_planned { state.plan_aside(created).await } else { state.aside(bytes, created).await })
}

pub(super) async fn list<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Query(pairs): Query<QueryPairs>,
) -> Response {
    let query = match ListQuery::read::<T>(&pairs) {
        Ok(query) => query,
        Err(error) => return envelope::store_error(T::KIND.as_str(), &error),
    };
    let (services, may_be_large) = (state.clone(), has_documents::<T>() || query.limit() > MOST_AT_ONCE);
    let listed = async move {
        // Before the list is read: what changes meanwhile is told after this position.
        let position = if is_watched(T::KIND) { Some(services.watch.position().await?) } else { None };
        let page = services.store.list_from::<T>(&query.filters, query.limit(), query.start()).await?;
        let meta = Meta::of(&query, &page);
        let records: Vec<_> = page.records.into_iter().map(|record| redact(record, &caller)).collect();
        let answer = envelope::many(T::KIND.as_str(), StatusCode::OK, meta, &records);
        Ok(position.into_iter().fold(answer, add_position))
    };
    answered::<T>(if may_be_large { state.list_aside(listed).await } else { listed.await })
}

pub(super) async fn read<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Response {
    let read = async {
        let id = parse_id(&id)?;
        let services = state.clone();
        let one = async move { Ok(one(&caller, StatusCode::OK, services.store.get::<T>(id).await?)) };
        state.aside(state.store.document_bytes::<T>(id).await?, one).await
    };
    answered::<T>(read.await)
}

/// What the head of a request that changes a record says.
struct Asked {
    method: Method,
    wanted: IfMatch,
    plan: PlanRequest,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> std::result::Result<Self, Infallible> {
        let plan = PlanRequest::from_request_parts(parts, state).await?;
        Ok(Self { method: parts.method.clone(), wanted: IfMatch::from_headers(&parts.headers), plan })
    }
}

/// PATCH merges the body into what is stored, PUT into defaults.
async fn change<T: Noun + Rules>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
    Asked { method, wanted, plan }: Asked,
    body: Bytes,
) -> Response {
    let author = Author { role: caller.role, keys: state.keys.clone() };
    let base = match method {
        Method::PATCH => MergeBase::Stored,
        _ if caller.may_read_ciphertext() => MergeBase::Defaults,
        _ => MergeBase::VisibleDefaults,
    };
    let changed = async {
        let (id, planning) = (parse_id(&id)?, plan.read()?);
        let is_planned = planning.is_some();
        let bytes = body.len().max(state.store.document_bytes::<T>(id).await?);
        let services = state.clone();
        let changed = async move {
            let body = Body::read::<T>(&body, &services.budget);
            let apply = move |record: &mut Record<T>| {
                wanted.check(record)?;
                merge(record, &body, base, &author)
            };
            let Some(planning) = planning else {
                return Ok(written(&services, &caller, writer.change::<T>(id, apply).await?));
            };
            planned(&services, &caller, carry_out(&services, &writer, planning, changing(id, apply)).await?)
        };
        if is_planned { state.plan_aside(changed).await } else { state.aside(bytes, changed).await }
    };
    answered::<T>(changed.await)
}

/// Asks for a deletion.
pub(super) async fn delete<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
    headers: HeaderMap,
    plan: PlanRequest,
) -> Response {
    let deleted = async {
        let (id, planning) = (parse_id(&id)?, plan.read()?);
        let is_planned = planning.is_some();
        let wanted = IfMatch::from_headers(&headers);
        let services = state.clone();
        let deleted = async move {
            let delete = move |writer: Writer, wanted: IfMatch| async move {
                writer.delete_if::<T>(id, move |record| wanted.check(record)).await
            };
            let Some(planning) = planning else {
                return Ok(written(&services, &caller, delete(writer, wanted).await?));
            };
            let deletion = T::INFO.reconciled.then_some(Key { kind: T::KIND, id });
            let proposed = proposed(move |writer| delete(writer, wanted.clone()), deletion);
            planned(&services, &caller, carry_out(&services, &writer, planning, proposed).await?)
        };
        if is_planned {
            return state.plan_aside(deleted).await;
        }
        state.aside(state.store.document_bytes::<T>(id).await?, deleted).await
    };
    answered::<T>(deleted.await)
}

fn creation<T: Noun>(record: Record<T>) -> Proposed<Created<T>> {
    let create = move |writer: Writer, record: Record<T>| async move { writer.create_with_children(record).await };
    proposed(move |writer| create(writer, record.clone()), None)
}

fn changing<T: Noun + Rules>(id: i64, merge: impl Merge<T> + 'static) -> Proposed<Record<T>> {
    let merge = Arc::new(merge);
    let change = move |writer: Writer| {
        let merge = Arc::clone(&merge);
        async move { writer.change(id, move |record: &mut Record<T>| merge(record)).await }
    };
    proposed(change, None)
}

/// A write as something that can be tried.
fn proposed<V, F>(write: impl Fn(Writer) -> F + Send + Sync + 'static, deletion: Option<Key>) -> Proposed<V>
where
    F: Future<Output = Result<V>> + Send + 'static,
{
    Proposed { write: Box::new(move |writer| Box::pin(write(writer))), deletion }
}

/// The answer to a change about which something was asked.
fn planned<T: Noun>(state: &ApiState, caller: &Caller, done: Planned<Record<T>>) -> Result<Response> {
    Ok(match done {
        Planned::Written(record) => written(state, caller, record),
        Planned::Shown(effect) => shown(&effect),
    })
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

/// An answer with a secret in it: neither a browser nor a proxy may keep it.
pub(super) fn uncached(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The answer to a change, after a hint to the workers.
fn written<T: Noun>(state: &ApiState, caller: &Caller, record: Record<T>) -> Response {
    hint(state, &record);
    one(caller, StatusCode::OK, record)
}

fn answered<T: Noun>(done: Result<Response>) -> Response {
    done.unwrap_or_else(|error| envelope::store_error(T::KIND.as_str(), &error))
}

/// Whether records may be large.
fn has_documents<T: Noun>() -> bool {
    T::FIELDS.iter().any(|field| field.sensitive)
}

pub(crate) fn hint<T: Noun>(state: &ApiState, record: &Record<T>) {
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
