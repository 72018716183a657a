//! What others have in their clusters already, as documents. Nothing is written.

use crate::{
    route::{IMPORT, Routes},
    state::ApiState,
    wire::{
        envelope,
        query::{QueryPairs, id_of, invalid, value},
    },
};
use axum::{
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_import::{Document, Finding, import, take_over};
use causeway_manifests::{Budget, read};
use causeway_records::{
    Record,
    nouns::{KubernetesRuntimeInstance, Role},
    problem::Reason,
    text::Name,
};
use causeway_store::{Result, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Objects are looked at next to what comes of them.
const COPIES: usize = 2;

/// The body of a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(rename = "YAMLDocument")]
    yaml_document: Option<String>,
}

/// The data of an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    documents: Vec<Document>,
    report: Vec<Finding>,
}

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().post("/v0/import", Role::Editor, answer)
}

async fn answer(State(state): State<ApiState>, Query(pairs): Query<QueryPairs>, body: Bytes) -> Response {
    let (bytes, budget, store) = (body.len(), state.budget, state.store.clone());
    let imported = async move {
        let answer = imported(&body, &budget, taken_over_in(&store, &pairs).await?)?;
        Ok(envelope::one(IMPORT, StatusCode::OK, &answer))
    };
    let imported: Result<Response> = state.aside(COPIES * bytes, imported).await;
    imported.unwrap_or_else(|error| envelope::store_error(IMPORT, &error))
}

/// The name of the cluster whose objects are taken over; None: records of their own are asked for.
async fn taken_over_in(store: &Store, pairs: &QueryPairs) -> Result<Option<Name>> {
    let id = match (value(pairs, "take-over"), id_of(pairs, "runtime")?) {
        (None | Some("false"), None) => return Ok(None),
        (Some("true"), Some(id)) => id,
        (Some("true"), None) => {
            return Err(invalid("runtime", "is needed with take-over: the id of the cluster in which the objects are"));
        }
        (None | Some("false"), Some(_)) => return Err(invalid("runtime", "goes with take-over=true; leave it out")),
        (Some(_), _) => return Err(invalid("take-over", "must be true or false")),
    };
    let found: Result<Record<KubernetesRuntimeInstance>> = store.get(id).await;
    match found {
        Ok(runtime) => Ok(Some(runtime.spec.name)),
        Err(StoreError::NotFound) => {
            Err(invalid("runtime", "is the id of no cluster on record; /v0/kubernetes-runtime-instances has them"))
        }
        Err(error) => Err(error),
    }
}

/// Takes time for each byte of the manifests.
fn imported(body: &[u8], budget: &Budget, runtime: Option<Name>) -> Result<Answer> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| StoreError::invalid(Reason::MalformedBody, format!("expected a JSON object: {error}")))?;
    if body.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(StoreError::invalid(Reason::EmptyPayload, "JSON payload is empty"));
    }
    let asked: Asked = serde_json::from_value(body).map_err(|error| {
        let problem = format!("the body holds one field, YAMLDocument, with the manifests as a text: {error}");
        StoreError::invalid(Reason::UnknownField, problem)
    })?;
    let refuse = |problem: String| StoreError::invalid_field(Reason::InvalidField, "YAMLDocument", problem);
    let missing = || {
        let problem = "is required; send the manifests as a stream of YAML or JSON documents";
        StoreError::invalid_field(Reason::MissingField, "YAMLDocument", problem.to_owned())
    };
    let text = asked.yaml_document.ok_or_else(missing)?;
    let manifests = read(&text, budget).map_err(|error| refuse(error.to_string()))?;
    let import = match runtime {
        None => import(manifests),
        Some(runtime) => take_over(manifests, runtime),
    };
    let import = import.map_err(|error| refuse(error.to_string()))?;
    Ok(answer_of(&import))
}

/// An import as it is answered.
pub(crate) fn answer_of(import: &causeway_import::Import) -> Answer {
    Answer { documents: import.documents(), report: import.report.clone() }
}
