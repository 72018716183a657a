//! From where on events can be followed.

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};
use causeway_records::watch::Cursor;

/// Header with a position: whoever follows events from there misses nothing of what came after the answer.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("causeway-position");

/// Puts a position on an answer.
pub(crate) fn add_position(mut answer: Response, at: Cursor) -> Response {
    if let Ok(value) = HeaderValue::try_from(at.to_string()) {
        answer.headers_mut().insert(POSITION, value);
    }
    answer
}
