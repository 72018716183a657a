//! Answers for requests that no handler finished.

use crate::wire::envelope;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::any::Any;

/// After a panic. What the server was doing is in the log, by the request's id.
pub(super) fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or_default(), "a request could not be answered");
    let sentence = "the server made a mistake; its log says more, by the id of this request (x-request-id)";
    envelope::error("", StatusCode::INTERNAL_SERVER_ERROR, sentence)
}

/// After the time limit: its layer answers without a body, which becomes a refusal here.
pub(super) fn timed_out<B>(response: Response<B>) -> Response
where
    Response<B>: IntoResponse,
{
    if response.status() != StatusCode::SERVICE_UNAVAILABLE || response.headers().contains_key(header::CONTENT_TYPE) {
        return response.into_response();
    }
    let sentence = "the request took too long and was given up; what it wrote may be there: look, then try again";
    envelope::error("", StatusCode::SERVICE_UNAVAILABLE, sentence)
}
