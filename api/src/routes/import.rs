//! What others have in their clusters already, as documents. Nothing is written.

use crate::{
    route::{IMPORT, Routes},
    state::ApiState,
    wire::envelope,
};
use axum::{body::Bytes, extract::State, http::StatusCode, response::Response};
use causeway_import::{Document, Finding, import};
use causeway_manifests::{Budget, read};
use causeway_records::{nouns::Role, problem::Reason};
use causeway_store::{Result, StoreError};
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

async fn answer(State(state): State<ApiState>, body: Bytes) -> Response {
    let (bytes, budget) = (body.len(), state.budget);
    let imported = async move {
        let answer = imported(&body, &budget)?;
        Ok(envelope::one(IMPORT, StatusCode::OK, &answer))
    };
    let imported: Result<Response> = state.aside(COPIES * bytes, imported).await;
    imported.unwrap_or_else(|error| envelope::store_error(IMPORT, &error))
}

/// Takes time for each byte of the manifests.
fn imported(body: &[u8], budget: &Budget) -> Result<Answer> {
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
    let import = import(manifests).map_err(|error| refuse(error.to_string()))?;
    Ok(answer_of(&import))
}

/// An import as it is answered.
pub(crate) fn answer_of(import: &causeway_import::Import) -> Answer {
    Answer { documents: import.documents(), report: import.report.clone() }
}
