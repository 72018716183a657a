//! What is recorded of each request: figures, a span, a line in the log. Whatever the client sends, its size here is bounded, because requests
//! are recorded before anybody has authenticated.

use crate::wire::origin::{self, REQUEST_ID};
use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    middleware::Next,
    response::Response,
};
use std::time::{Duration, Instant};

/// Longest path in a span, in bytes.
const MAX_PATH: usize = 256;

/// Counts and times requests by route.
pub(super) async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, begun) = (method_label(request.method()), Instant::now());
    let response = next.run(request).await;
    let labels = [("method", method.to_owned()), ("route", route), ("code", response.status().as_u16().to_string())];
    metrics::counter!("causeway_api_requests_total", &labels).increment(1);
    metrics::histogram!("causeway_api_request_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}

/// Any word is a method in HTTP. Each label is kept until the process ends, so that unknown methods share one.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}

/// Cuts the client's id for the request where the log, the answer and audit events take it from.
pub(super) fn bound_request_id(mut request: Request) -> Request {
    if let Some(id) = request.headers().get(REQUEST_ID)
        && let Some(cut) = origin::cut_request_id(id)
    {
        request.headers_mut().insert(REQUEST_ID, cut);
    }
    request
}

/// The caller is filled in when authentication has found it.
pub(super) fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let caller = tracing::field::Empty;
    tracing::info_span!(
        "request",
        method = method_label(request.method()),
        path = cut(request.uri().path()),
        id,
        caller
    )
}

fn cut(path: &str) -> &str {
    &path[..path.floor_char_boundary(MAX_PATH)]
}

pub(super) fn log<B>(response: &Response<B>, took: Duration, _: &tracing::Span) {
    tracing::info!(code = response.status().as_u16(), milliseconds = took.as_millis(), "answered");
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn unknown_methods_share_a_label() {
        let method = |text: &str| Method::from_bytes(text.as_bytes()).unwrap();
        assert_eq!((method_label(&Method::PATCH), method_label(&method("TRACE"))), ("PATCH", "TRACE"));
        for unknown in ["get", "PROPFIND", &"A".repeat(200_000)] {
            assert_eq!(method_label(&method(unknown)), "other");
        }
    }

    #[test]
    fn what_a_client_sends_is_recorded_up_to_a_length() {
        let request = |id: &str| Request::builder().header(REQUEST_ID, id).body(Body::empty()).unwrap();
        assert_eq!(bound_request_id(request("mine")).headers()[REQUEST_ID], "mine");
        assert_eq!(bound_request_id(request(&"a".repeat(300_000))).headers()[REQUEST_ID], "a".repeat(128));
        assert_eq!((cut("/v0/events"), cut(&"é/".repeat(1000)).len()), ("/v0/events", 255));
    }
}
