//! Which state of a record a client has seen: `ETag` in answers, `If-Match` in changes.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use causeway_records::{Record, field::Noun};
use causeway_store::{Result, StoreError};

/// Changes with every write of a client and every change of what is asked for; not with what workers report.
fn tag<T>(record: &Record<T>) -> String {
    let changed = record.common.updated_at.map_or(0, |time| time.timestamp_micros());
    format!("\"{changed:x}-{:x}\"", record.status.generation.unwrap_or(0))
}

/// Puts the tag of its only record on an answer.
pub fn mark<T: Noun>(mut answer: Response, record: &Record<T>) -> Response {
    if let Ok(value) = HeaderValue::try_from(tag(record)) {
        answer.headers_mut().insert(header::ETAG, value);
    }
    answer
}

/// The tags that a client takes; None: any.
#[derive(Clone, Debug)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    /// From a request.
    pub fn read(headers: &HeaderMap) -> Self {
        let values: Vec<_> =
            headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        let tags: Vec<_> = values.iter().flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect();
        let any = tags.is_empty() || tags.iter().any(|tag| tag == "*");
        Self((!any).then_some(tags))
    }

    /// Refuses a record in another state.
    pub fn check<T>(&self, record: &Record<T>) -> Result<()> {
        match &self.0 {
            Some(tags) if !tags.contains(&tag(record)) => Err(StoreError::PreconditionFailed),
            _ => Ok(()),
        }
    }
}
