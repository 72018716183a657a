//! The whole API on one screen.

use crate::{accept, config::Serve, envelope, openapi, routes, state::State};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use causeway_records::nouns;
use serde_json::json;
use std::time::{Duration, Instant};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

macro_rules! record_routes {
    ($($noun:ident),* $(,)?) => {
        fn record_routes() -> Router<State> {
            Router::new()$(.merge(routes::records::routes::<nouns::$noun>()))*
        }
    };
}
causeway_records::nouns!(record_routes);

/// Everything that the port for requests answers.
pub fn router(state: State, settings: &Serve) -> Router {
    let v0 = record_routes()
        .merge(routes::workloads::routes())
        .merge(routes::events::routes())
        .layer(middleware::from_fn(json_only))
        .layer(middleware::from_fn(negotiate))
        .layer(DefaultBodyLimit::max(settings.body_limit));
    Router::new()
        .merge(v0)
        .route("/version", get(routes::health::version))
        .merge(routes::health::routes())
        .merge(routes::health::metrics())
        .merge(openapi::routes())
        .fallback(|| async { plain(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { plain(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(middleware::from_fn(measure))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout))
        .layer(CatchPanicLayer::custom(|_| plain(StatusCode::INTERNAL_SERVER_ERROR)))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(state)
}

/// Everything that the port for probes answers.
pub fn health_router(state: State) -> Router {
    let mut router = routes::health::routes();
    if causeway_failpoints::BUILT_IN {
        router = router.merge(routes::health::failpoints());
    }
    router.with_state(state)
}

/// What Threeport's router says itself: without an envelope.
fn plain(code: StatusCode) -> Response {
    (code, Json(json!({"message": code.canonical_reason().unwrap_or_default()}))).into_response()
}

/// There is nothing but JSON to be had, and no answer without a body (Threeport has no HEAD).
async fn negotiate(request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !accept::takes_json(request.headers()) {
        let kind = kind_of(request.extensions().get::<MatchedPath>());
        let sentence = "answers are JSON: let Accept name application/json, or leave it out";
        return envelope::error(kind, StatusCode::NOT_ACCEPTABLE, sentence);
    }
    next.run(request).await
}

/// A body must be JSON; what other layers refuse gets an envelope like everything else.
async fn json_only(request: Request, next: Next) -> Response {
    let kind = kind_of(request.extensions().get::<MatchedPath>());
    let has_body = matches!(request.method().as_str(), "POST" | "PUT" | "PATCH");
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if has_body && !content_type.to_ascii_lowercase().starts_with("application/json") {
        let sentence = "the body must be JSON: send Content-Type: application/json";
        return envelope::error(kind, StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence);
    }
    let response = next.run(request).await;
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => envelope::error(
            kind,
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than this server takes; send less at once",
        ),
        StatusCode::BAD_REQUEST
            if response.headers().get(header::CONTENT_TYPE).is_none_or(|t| t != "application/json") =>
        {
            envelope::error(
                kind,
                StatusCode::BAD_REQUEST,
                "the request can't be read; check the path, the query and the body",
            )
        }
        _ => response,
    }
}

fn kind_of(path: Option<&MatchedPath>) -> &'static str {
    let plural = path.and_then(|path| path.as_str().split('/').nth(2)).unwrap_or_default();
    nouns::ALL.iter().find(|info| info.plural == plural).map_or("", |info| info.kind)
}

/// Counts and times requests by route.
async fn measure(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, begun) = (request.method().to_string(), Instant::now());
    let response = next.run(request).await;
    let labels = [("method", method), ("route", route), ("code", response.status().as_u16().to_string())];
    metrics::counter!("causeway_api_requests_total", &labels).increment(1);
    metrics::histogram!("causeway_api_request_seconds", &labels).record(begun.elapsed().as_secs_f64());
    response
}

fn span(request: &Request) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id)
}

fn log(response: &Response, took: Duration, _: &tracing::Span) {
    tracing::info!(code = response.status().as_u16(), milliseconds = took.as_millis(), "answered");
}
