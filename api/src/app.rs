//! The whole API on one screen.

use crate::{
    auth::{
        self,
        access::{Access, Routes},
    },
    config::Serve,
    envelope::{self, plain},
    limit, negotiation, openapi,
    origin::REQUEST_ID,
    overload, routes,
    state::State,
    verbs::{self, Verbs},
};
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use causeway_records::nouns;
use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};
use tower::{ServiceBuilder, util::option_layer};
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

/// What stands around routes, those in the wire format and others: who may, how much, how long, and what is told of it. The first layer of a
/// list is the outermost one. They are made into one service: a layer that is added to the router alone costs a box for each request.
pub fn around(enveloped: Routes, others: Routes, state: State, settings: &Serve) -> Router {
    let limiter = settings.limit.limiter();
    let verbs = Verbs::of([enveloped.list(), others.list()].into_iter().flatten());
    let in_envelope = |router: Router<State>| {
        let layers = ServiceBuilder::new()
            .layer(option_layer(limiter.clone().map(|limiter| middleware::from_fn_with_state(limiter, limit::admit))))
            .layer(DefaultBodyLimit::max(settings.body_limit))
            .layer(middleware::from_fn_with_state(verbs.clone(), negotiation::negotiate));
        router.layer(layers)
    };
    let (router, access) = enveloped.with(in_envelope).merge(others).into_parts();
    let gate = Arc::new(auth::Gate { auth: state.auth.clone(), access, limiter: limiter.clone() });
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_response(log))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(CatchPanicLayer::custom(panicked))
        .map_response(late)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(measure))
        .layer(middleware::map_response_with_state(state.clone(), overload::explain))
        .layer(middleware::from_fn_with_state(gate, auth::admit));
    router
        .fallback(|| async { plain(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(move |path| verbs::not_allowed(verbs, path))
        .layer(layers)
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

/// A mistake of ours. What else it was doing is in the log, by the request's id.
fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str).or_else(|| payload.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or_default(), "a request could not be answered");
    let sentence = "the server made a mistake; its log says more, by the id of this request (x-request-id)";
    envelope::error("", StatusCode::INTERNAL_SERVER_ERROR, sentence)
}

/// A request that took too long was given up without a word.
fn late<B>(response: Response<B>) -> Response
where
    Response<B>: IntoResponse,
{
    if response.status() != StatusCode::SERVICE_UNAVAILABLE || response.headers().contains_key(header::CONTENT_TYPE) {
        return response.into_response();
    }
    let sentence = "the request took too long and was given up; what it wrote may be there: look, then try again";
    envelope::error("", StatusCode::SERVICE_UNAVAILABLE, sentence)
}

/// The noun of a route.
pub(crate) fn kind_of(path: Option<&str>) -> &'static str {
    let plural = path.and_then(|path| path.split('/').nth(2)).unwrap_or_default();
    nouns::ALL.iter().chain(nouns::OWN).find(|info| info.plural == plural).map_or("", |info| info.kind.as_str())
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

fn log<B>(response: &Response<B>, took: Duration, _: &tracing::Span) {
    tracing::info!(code = response.status().as_u16(), milliseconds = took.as_millis(), "answered");
}
