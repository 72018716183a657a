//! Answers in Threeport's envelope: `Meta`, `Type`, `Data`, `Status`.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_store::StoreError;
use serde::Serialize;

/// Which page of how many.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Meta {
    /// As asked for, from 1.
    pub page: i64,
    /// As asked for.
    pub size: i64,
    /// Records in all pages.
    pub total_count: i64,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    message: &'a str,
    error: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, D: Serialize> {
    meta: Meta,
    #[serde(rename = "Type")]
    kind: &'a str,
    data: D,
    status: Status<'a>,
}

fn answer<D: Serialize>(kind: &str, code: StatusCode, meta: Meta, data: D, error: &str) -> Response {
    let status = Status { code: code.as_u16(), message: code.canonical_reason().unwrap_or_default(), error };
    match serde_json::to_vec(&Envelope { meta, kind, data, status }) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            (code, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// One record.
pub fn one<D: Serialize>(kind: &str, code: StatusCode, record: D) -> Response {
    answer(kind, code, Meta { page: 1, size: 1, total_count: 1 }, [record], "")
}

/// Several records.
pub fn many<D: Serialize>(kind: &str, code: StatusCode, meta: Meta, records: &[D]) -> Response {
    answer(kind, code, meta, records, "")
}

/// What went wrong.
pub fn error(kind: &str, code: StatusCode, sentence: &str) -> Response {
    answer(kind, code, Meta { page: 0, size: 0, total_count: 0 }, None::<()>, sentence)
}

/// What the store said went wrong.
pub fn store_error(kind: &str, fault: &StoreError) -> Response {
    let code = match fault {
        StoreError::NotFound => StatusCode::NOT_FOUND,
        StoreError::Invalid(_) => StatusCode::BAD_REQUEST,
        StoreError::Conflict(_) => StatusCode::CONFLICT,
        StoreError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        StoreError::Inconsistent { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        StoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    if code.is_server_error() {
        let source = std::error::Error::source(fault).map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = %fault, source, "the store failed");
    }
    error(kind, code, &fault.to_string())
}
