//! What is recorded of each request: figures, a span, a line in the log.

use crate::wire::origin::REQUEST_ID;
use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use std::time::{Duration, Instant};

/// Counts and times requests by route.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, begun) = (request.method().to_string(), Instant::now());
    let response = next.run(request).await;
    let labels = [("method", method), ("route", route), ("code", response.status().as_u16().to_string())];
    metrics::counter!("causeway_api_requests_total", &labels).increment(1);
    metrics::histogram!("causeway_api_request_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}

/// The caller is filled in when authentication has found it.
pub(super) fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let caller = tracing::field::Empty;
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id, caller)
}

pub(super) fn log<B>(response: &Response<B>, took: Duration, _: &tracing::Span) {
    tracing::info!(code = response.status().as_u16(), milliseconds = took.as_millis(), "answered");
}
