//! What every request passes before its handler: id, log, panics, time limit, compression, figures, authentication with the rate limit, turns of
//! costly requests, content negotiation.

mod accept;
mod admit;
mod body_limit;
mod costly;
mod hold;
mod limit;
mod negotiation;
mod observe;
mod overload;
mod recover;
#[cfg(test)]
mod tests;
mod verbs;

pub(crate) use accept::preferred;
pub use admit::PageRefusals;
pub(crate) use limit::LimitKey;

use crate::{
    auth::Authenticator,
    config::ServeSettings,
    route::{Routes, is_page},
    wire::{envelope, origin::REQUEST_ID},
};
use axum::{
    Router,
    extract::FromRef,
    http::{HeaderValue, StatusCode, header},
    middleware,
};
use causeway_store::Store;
use std::sync::Arc;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate},
    },
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

/// A browser must not guess that an answer is something else than it says.
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// A browser that shows an answer runs nothing in it, and shows it in no frame. The page of the API document has a policy of its own.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Puts the layers around routes: those whose answers have the envelope, and others. The first layer of a list is the outermost one. They are
/// made into one service, because each layer that is added to the router by itself costs an allocation for each request.
pub fn wrap<S>(
    enveloped: Routes<S>,
    others: Routes<S>,
    pages: PageRefusals,
    state: S,
    settings: &ServeSettings,
) -> Router
where
    S: Clone + Send + Sync + 'static,
    Authenticator: FromRef<S>,
    Store: FromRef<S>,
{
    let verbs = verbs::Verbs::from_routes([enveloped.list(), others.list()].into_iter().flatten());
    let limits = body_limit::BodyLimits::from_settings(settings);
    let in_envelope = |router: Router<S>| {
        let state = (verbs.clone(), limits);
        router.layer(middleware::from_fn_with_state(state, negotiation::negotiate))
    };
    let limiter = limit::RateLimiter::from_settings(&settings.rate_limit);
    // Figures are read by programs that must not be refused because of others behind the same address.
    let is_figure = |path: &&String| !is_page(path) && !path.starts_with("/v0/");
    let uncounted = others.list().iter().map(|route| &route.path).filter(is_figure).cloned().collect();
    // What is compressed waits for more to come, and a stream is there to be read at once.
    let compressed = DefaultPredicate::new().and(NotForContentType::const_new("application/x-ndjson"));
    let (router, access) = enveloped.with(in_envelope).merge(others).into_parts();
    let gate = admit::Gate { pages, authenticator: Authenticator::from_ref(&state), access, limiter, uncounted };
    let layers = ServiceBuilder::new()
        .map_request(observe::bound_request_id)
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(TraceLayer::new_for_http().make_span_with(observe::span).on_response(observe::log))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetResponseHeaderLayer::overriding(header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF))
        .layer(SetResponseHeaderLayer::if_not_present(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(CatchPanicLayer::custom(recover::panicked))
        .map_response(recover::timed_out)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, settings.request_timeout))
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(middleware::map_response_with_state(hold::HeldAnswers::default(), hold::bound))
        .layer(middleware::from_fn(observe::measure))
        .layer(middleware::map_response_with_state(Store::from_ref(&state), overload::explain))
        .layer(middleware::from_fn_with_state(Arc::new(gate), admit::admit))
        .layer(middleware::from_fn_with_state(costly::CostlyRequests::new(limits), costly::bound));
    router
        .fallback(|| async { envelope::plain(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(move |path| verbs::not_allowed(verbs, path))
        .layer(layers)
        .with_state(state)
}
