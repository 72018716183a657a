//! The objects of a record as its worker applies them.

use crate::{
    auth::Caller,
    layers::preferred,
    route::Routes,
    state::ApiState,
    wire::{
        envelope::{self, Meta},
        query::parse_id,
        rendered::{in_yaml, masked},
    },
};
use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_records::{
    Kind,
    noun::Noun,
    nouns::{DomainNameInstance, GatewayInstance, Role, SharedGateway, WorkloadInstance},
    problem::Reason,
};
use causeway_render::{
    manifests::render,
    plan::{Object, Plan},
};
use causeway_store::{Result, Store, StoreError, queue::Key};
use serde_json::Value;

/// `Type` of the answer.
pub(crate) const MANIFEST: &str = "Manifest";
/// What people read, and `kubectl` too.
pub(crate) const YAML: &str = "application/yaml";
const JSON: &str = "application/json";

pub(crate) fn routes() -> Routes<ApiState> {
    of::<GatewayInstance>()
        .merge(of::<DomainNameInstance>())
        .merge(of::<SharedGateway>())
        .merge(of::<WorkloadInstance>())
}

fn of<T: Noun>() -> Routes<ApiState> {
    Routes::default().get(&format!("/v0/{}/{{id}}/manifests", T::INFO.plural), Role::Viewer, manifests::<T>)
}

async fn manifests<T: Noun>(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let kind = T::KIND.as_str();
    let Some(media) = preferred(&headers, [YAML, JSON]) else {
        let sentence = "manifests are answered as application/yaml or application/json: let Accept name one of them, or leave it out";
        return envelope::error(kind, StatusCode::NOT_ACCEPTABLE, sentence);
    };
    let read = async {
        let key = Key { kind: T::KIND, id: parse_id(&id)? };
        let bytes = state.store.bytes_of_inputs(&[key]).await?;
        let store = state.store.viewing();
        let read = async move {
            let plan = whole_plan::<T>(&store, key).await?;
            let remarks: Vec<_> = plan.not_applied.into_iter().map(|hook| format!("not applied: {hook}")).collect();
            let objects = plan.objects.into_iter().map(|object| masked(object, T::KIND, &caller)).collect();
            Ok(answer(media, objects, &[remarks, plan.warnings].concat()))
        };
        state.aside(bytes, read).await
    };
    read.await.unwrap_or_else(|error| envelope::store_error(kind, &error))
}

/// The objects of a live record; those of a shared gateway with its ListenerSets, which have no paths of their own.
async fn whole_plan<T: Noun>(store: &Store, key: Key) -> Result<Plan> {
    let record = store.get::<T>(key.id).await?;
    if record.status.deletion_scheduled.is_some() {
        let sentence = "the record is being deleted, so nothing of it is applied any more";
        return Err(StoreError::conflict(Reason::BeingDeleted, sentence));
    }
    let mut plan = plan_of(store, key).await?;
    if key.kind == Kind::SharedGateway {
        for set in store.listener_sets_to_render(key.id).await? {
            plan.objects.extend::<Vec<Object>>(plan_of(store, set).await?.objects);
        }
    }
    if plan.is_empty() { Err(incomplete(why_empty(key.kind))) } else { Ok(plan) }
}

async fn plan_of(store: &Store, key: Key) -> Result<Plan> {
    let inputs = store.inputs_of(key).await?.ok_or(StoreError::NotFound)?;
    render(&inputs).map_err(|invalid| incomplete(&invalid.to_string()))
}

fn incomplete(sentence: &str) -> StoreError {
    StoreError::conflict(Reason::Incomplete, sentence)
}

fn why_empty(kind: Kind) -> &'static str {
    match kind {
        Kind::SharedGateway => "no gateway instance uses the shared gateway, so it has no objects",
        Kind::DomainNameInstance => {
            "no hostname of its gateways has an address and a hosted zone yet, so there are no records to publish; read its conditions"
        }
        _ => "nothing is rendered from the record yet; read its conditions",
    }
}

fn answer(media: &str, objects: Vec<Value>, remarks: &[String]) -> Response {
    if media == JSON {
        return envelope::many(MANIFEST, StatusCode::OK, Meta::whole(objects.len()), &objects);
    }
    match in_yaml(&objects, remarks) {
        Some(text) => ([(header::CONTENT_TYPE, YAML)], text).into_response(),
        None => envelope::error(MANIFEST, StatusCode::INTERNAL_SERVER_ERROR, "the manifests could not be written"),
    }
}
