//! Answers in Threeport's envelope: `Meta`, `Type`, `Data`, `Status`.

use super::query::ListQuery;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_records::{
    Record,
    noun::Noun,
    problem::{Problem, Reason},
};
use causeway_store::{Page, StoreError};
use serde::Serialize;

/// Marks an answer about this kind of record for which there was no connection to the database. The layer `overload` finds out why.
#[derive(Clone, Debug)]
pub(crate) struct NoConnection(pub(crate) String);

/// Seconds after which a client may ask again what couldn't be answered: by then others have been answered, or the database has failed over.
const RETRY_AFTER: u64 = 2;

/// Which page of how many.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Meta {
    /// As asked for, from 1.
    pub(crate) page: i64,
    pub(crate) size: i64,
    /// Records in all pages.
    pub(crate) total_count: i64,
    /// The page ended early because it became too large: the list goes on after this id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_after: Option<i64>,
}

impl Meta {
    /// Of an answer that holds all there is.
    pub(crate) fn whole(count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Self { page: 1, size: count, total_count: count, next_after: None }
    }

    /// The same, of a list that may go on behind this id.
    pub(crate) fn going_on(self, next_after: Option<i64>) -> Self {
        Self { next_after, ..self }
    }

    /// Of a page of a list.
    pub(crate) fn of<T: Noun>(query: &ListQuery, page: &Page<T>) -> Self {
        let next_after = page.records.last().filter(|_| page.is_cut).map(Record::id);
        Self { page: query.page, size: query.size, total_count: page.total, next_after }
    }
}

/// Threeport's three fields, and in a refusal what programs need to know of it.
#[derive(Serialize)]
struct EnvelopeStatus<'a> {
    code: u16,
    message: &'a str,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<Detail<'a>>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    field: &'a str,
    problem: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, D: Serialize> {
    meta: Meta,
    #[serde(rename = "Type")]
    kind: &'a str,
    data: D,
    status: EnvelopeStatus<'a>,
}

fn answer<D: Serialize>(kind: &str, code: StatusCode, meta: Meta, data: D, refused: Option<Refused<'_>>) -> Response {
    let status = EnvelopeStatus {
        code: code.as_u16(),
        message: code.canonical_reason().unwrap_or_default(),
        error: refused.as_ref().map_or("", |refused| refused.sentence),
        reason: refused.as_ref().map(|refused| refused.reason.as_str()),
        details: refused.map(|refused| refused.details.iter().map(Detail::from).collect()),
    };
    json(code, &Envelope { meta, kind, data, status })
}

/// Smaller answers are read at once.
const LARGE: usize = 64 * 1024;

/// JSON as Threeport writes it: without a charset, and with a final newline.
pub(crate) fn json(code: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            // A large answer may be held for long, and by its length: what it grew by must not be held, too.
            if bytes.len() > LARGE {
                bytes.shrink_to_fit();
            }
            (code, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What Threeport's router answers itself, without an envelope.
pub(crate) fn plain(code: StatusCode) -> Response {
    json(code, &serde_json::json!({"message": code.canonical_reason().unwrap_or_default()}))
}

pub(crate) fn one<D: Serialize>(kind: &str, code: StatusCode, record: D) -> Response {
    answer(kind, code, Meta { page: 1, size: 1, total_count: 1, next_after: None }, [record], None)
}

pub(crate) fn many<D: Serialize>(kind: &str, code: StatusCode, meta: Meta, records: &[D]) -> Response {
    answer(kind, code, meta, records, None)
}

/// A refusal for which no record was read: the code says the reason.
pub(crate) fn error(kind: &str, code: StatusCode, sentence: &str) -> Response {
    refuse(kind, code, Refused { reason: reason(code), sentence, details: &[] })
}

/// A refusal because the server has too much to do; in a moment it may have less.
pub(crate) fn overloaded(sentence: &str) -> Response {
    refuse("", StatusCode::SERVICE_UNAVAILABLE, Refused { reason: Reason::Overloaded, sentence, details: &[] })
}

/// The code that says what kind of refusal of the store it is.
pub(crate) fn code_of(fault: &StoreError) -> StatusCode {
    match fault {
        StoreError::NotFound => StatusCode::NOT_FOUND,
        StoreError::Invalid(refusal) if refusal.reason == Reason::Forbidden => StatusCode::FORBIDDEN,
        StoreError::Invalid(_) => StatusCode::BAD_REQUEST,
        StoreError::Conflict(_) => StatusCode::CONFLICT,
        StoreError::PreconditionFailed | StoreError::PlanOutdated => StatusCode::PRECONDITION_FAILED,
        StoreError::Inconsistent { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        StoreError::NoConnection
        | StoreError::ReadOnly
        | StoreError::SharedSessions
        | StoreError::Locked(_)
        | StoreError::TookTooLong(_)
        | StoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A refusal of the store.
pub(crate) fn store_error(kind: &str, fault: &StoreError) -> Response {
    let code = code_of(fault);
    if code.is_server_error() {
        let source = std::error::Error::source(fault).map(ToString::to_string).unwrap_or_default();
        tracing::error!(error = %fault, source, "the store failed");
    }
    let refused = Refused { reason: fault.reason(), sentence: &fault.to_string(), details: fault.details() };
    let mut answer = refuse(kind, code, refused);
    if matches!(fault, StoreError::NoConnection) {
        answer.extensions_mut().insert(NoConnection(kind.to_owned()));
    }
    answer
}

struct Refused<'a> {
    reason: Reason,
    sentence: &'a str,
    details: &'a [Problem],
}

impl<'a> From<&'a Problem> for Detail<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self { field: &problem.field, problem: &problem.problem }
    }
}

fn refuse(kind: &str, code: StatusCode, refused: Refused<'_>) -> Response {
    let meta = Meta { page: 0, size: 0, total_count: 0, next_after: None };
    let mut answer = answer(kind, code, meta, None::<()>, Some(refused));
    if code == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
    }
    answer
}

/// The reason of a code that says enough.
fn reason(code: StatusCode) -> Reason {
    match code {
        StatusCode::UNAUTHORIZED => Reason::Unauthenticated,
        StatusCode::FORBIDDEN => Reason::Forbidden,
        StatusCode::NOT_FOUND => Reason::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Reason::MethodNotAllowed,
        StatusCode::NOT_ACCEPTABLE => Reason::NotAcceptable,
        StatusCode::PAYLOAD_TOO_LARGE => Reason::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Reason::UnsupportedMediaType,
        StatusCode::TOO_MANY_REQUESTS => Reason::TooManyRequests,
        StatusCode::INTERNAL_SERVER_ERROR => Reason::InternalError,
        code if code.is_server_error() => Reason::Unavailable,
        _ => Reason::MalformedBody,
    }
}
