//! What every route in the wire format asks of a request: JSON, both ways.

use super::{accept, body_limit::BodyLimits, verbs::Verbs};
use crate::{
    route::kind_for_path,
    wire::{
        envelope::{self, plain},
        plan,
    },
};
use axum::{
    body::HttpBody,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{Method, StatusCode, header},
    middleware::Next,
    response::Response,
};

/// Answers are JSON, and none is without a body (Threeport has no HEAD). What axum's extractors and the body limit refuse gets the envelope here.
pub(super) async fn negotiate(
    State((verbs, limits)): State<(Verbs, BodyLimits)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    if request.method() == Method::HEAD {
        return verbs.listed(path, plain(StatusCode::METHOD_NOT_ALLOWED));
    }
    let kind = kind_for_path(path.map(MatchedPath::as_str));
    if !accept::takes_json(request.headers()) {
        let sentence = "answers are JSON: let Accept name application/json, or leave it out";
        return envelope::error(kind, StatusCode::NOT_ACCEPTABLE, sentence);
    }
    if !is_json(&request) {
        let sentence = "the body must be JSON: send Content-Type: application/json";
        return envelope::error(kind, StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence);
    }
    DefaultBodyLimit::max(limits.for_kind(kind)).apply(&mut request);
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if let Err(error) = plan::check(request.method(), path, request.uri(), request.headers()) {
        return envelope::store_error(kind, &error);
    }
    let response = next.run(request).await;
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => envelope::error(kind, StatusCode::PAYLOAD_TOO_LARGE, &limits.sentence(kind)),
        StatusCode::BAD_REQUEST
            if response.headers().get(header::CONTENT_TYPE).is_none_or(|t| t != "application/json") =>
        {
            let sentence = "the request can't be read; check the path, the query and the body";
            envelope::error(kind, StatusCode::BAD_REQUEST, sentence)
        }
        _ => response,
    }
}

/// Whether the body is declared as JSON. Requests without a body pass: some actions need none.
fn is_json(request: &Request) -> bool {
    let declared = || request.headers().get(header::CONTENT_TYPE)?.as_bytes().get(..b"application/json".len());
    !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH)
        || request.body().is_end_stream()
        || declared().is_some_and(|declared| declared.eq_ignore_ascii_case(b"application/json"))
}
