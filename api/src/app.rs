//! The whole API on one screen.

use crate::{
    accept,
    auth::{
        self,
        access::{Access, Routes},
    },
    config::Serve,
    envelope, limit, openapi,
    origin::REQUEST_ID,
    overload, routes,
    state::State,
    verbs::{self, Verbs},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{Method, StatusCode, header},
    middleware::{self, Next},
    response::Response,
};
use causeway_records::nouns;
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

macro_rules! record_routes {
    ($($noun:ident),* $(,)?) => {
        fn record_routes() -> Routes {
            Routes::default()$(.merge(routes::records::routes::<nouns::$noun>()))*
        }
    };
}
causeway_records::nouns!(record_routes);

/// The routes in the wire format.
fn enveloped() -> Routes {
    record_routes()
        .merge(routes::workloads::routes())
        .merge(routes::events::routes())
        .merge(routes::access_tokens::routes())
        .merge(routes::audit_events::routes())
}

/// The others.
fn plain_routes() -> Routes {
    Routes::default()
        .get("/version", Access::Open, routes::health::version)
        .merge(routes::health::routes())
        .merge(routes::health::metrics())
        .merge(openapi::routes())
}

/// Every route of the port for requests, and the role that it asks for.
#[must_use]
pub fn routes() -> Routes {
    enveloped().merge(plain_routes())
}

/// Everything that the port for requests answers.
pub fn router(state: State, settings: &Serve) -> Router {
    around(enveloped(), plain_routes(), state, settings)
}

/// What stands around routes, those in the wire format and others: who may, how much, how long, and what is told of it.
pub fn around(enveloped: Routes, others: Routes, state: State, settings: &Serve) -> Router {
    let limiter = settings.limit.limiter();
    let in_envelope = |router: Router<State>| {
        router
            .layer(middleware::from_fn(json_only))
            .layer(middleware::from_fn(negotiate))
            .layer(DefaultBodyLimit::max(settings.body_limit))
            .layer(middleware::from_fn_with_state(limiter, limit::admit))
    };
    let routes = enveloped.with(in_envelope).merge(others);
    let verbs = Verbs::of(routes.list());
    let (router, access) = routes.into_parts();
    let gate = Arc::new(auth::Gate { auth: state.auth.clone(), access });
    router
        .fallback(|| async { plain(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { plain(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(middleware::from_fn_with_state(verbs, verbs::allow))
        .layer(middleware::from_fn_with_state(gate, auth::admit))
        .layer(middleware::from_fn_with_state(state.clone(), overload::explain))
        .layer(middleware::from_fn(measure))
        .layer(CompressionLayer::new())
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout))
        .layer(middleware::map_response(late))
        .layer(CatchPanicLayer::custom(|_| plain(StatusCode::INTERNAL_SERVER_ERROR)))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .with_state(state)
}

/// Everything that the port for probes answers, to everybody.
pub fn health_router(state: State) -> Router {
    let mut routes = routes::health::routes();
    if causeway_failpoints::BUILT_IN {
        routes = routes.merge(routes::health::failpoints());
    }
    let (router, _) = routes.into_parts();
    router.with_state(state)
}

/// What Threeport's router says itself: without an envelope.
fn plain(code: StatusCode) -> Response {
    envelope::json(code, &json!({"message": code.canonical_reason().unwrap_or_default()}))
}

/// A request that took too long was given up without a word.
async fn late(response: Response) -> Response {
    if response.status() != StatusCode::SERVICE_UNAVAILABLE || response.headers().contains_key(header::CONTENT_TYPE) {
        return response;
    }
    let sentence = "the request took too long and was given up; what it wrote may be there: look, then try again";
    envelope::error("", StatusCode::SERVICE_UNAVAILABLE, sentence)
}

/// There is nothing but JSON to be had, and no answer without a body (Threeport has no HEAD).
async fn negotiate(request: Request, next: Next) -> Response {
    if request.method() == Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    if !accept::takes_json(request.headers()) {
        let kind = kind_of(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
        let sentence = "answers are JSON: let Accept name application/json, or leave it out";
        return envelope::error(kind, StatusCode::NOT_ACCEPTABLE, sentence);
    }
    next.run(request).await
}

/// A body must be JSON; what other layers refuse gets an envelope like everything else.
async fn json_only(request: Request, next: Next) -> Response {
    let kind = kind_of(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
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

/// The noun of a route.
pub(crate) fn kind_of(path: Option<&str>) -> &'static str {
    let plural = path.and_then(|path| path.split('/').nth(2)).unwrap_or_default();
    nouns::ALL.iter().chain(nouns::OWN).find(|info| info.plural == plural).map_or("", |info| info.kind)
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
    let caller = tracing::field::Empty;
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id, caller)
}

fn log(response: &Response, took: Duration, _: &tracing::Span) {
    tracing::info!(code = response.status().as_u16(), milliseconds = took.as_millis(), "answered");
}
