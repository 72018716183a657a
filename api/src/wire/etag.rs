//! Which state of a record a client has read: `ETag` in answers, `If-Match` in changes.
//!
//! Why our own: the crate `headers` would parse `If-Match` and add a dependency for half of these 45 lines; making the tag, and refusing with
//! the wire format's 412, would stay here.

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use causeway_records::{Record, noun::Noun};
use causeway_store::{Result, StoreError};

/// Changes with every write of a client and every change of intent; not with what workers report.
fn tag<T>(record: &Record<T>) -> String {
    let changed = record.common.updated_at.map_or(0, |time| time.timestamp_micros());
    format!("\"{changed:x}-{:x}\"", record.status.generation.unwrap_or(0))
}

/// Puts the tag of its only record on an answer.
pub(crate) fn add_etag<T: Noun>(mut answer: Response, record: &Record<T>) -> Response {
    if let Ok(value) = HeaderValue::try_from(tag(record)) {
        answer.headers_mut().insert(header::ETAG, value);
    }
    answer
}

/// The tags that a client takes; None: any.
#[derive(Clone, Debug)]
pub(crate) struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let values: Vec<_> =
            headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or_default()).collect();
        let tags: Vec<_> = values.iter().flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect();
        let any = tags.is_empty() || tags.iter().any(|tag| tag == "*");
        Self((!any).then_some(tags))
    }

    /// Refuses a record in another state.
    pub(crate) fn check<T>(&self, record: &Record<T>) -> Result<()> {
        match &self.0 {
            Some(tags) if !tags.contains(&tag(record)) => Err(StoreError::PreconditionFailed),
            _ => Ok(()),
        }
    }
}
