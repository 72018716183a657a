//! All layers together, around handlers that need nothing.

use super::*;
use crate::route::RouteAccess;
use axum::{
    body::{Body, to_bytes},
    http::{Method, Request, Response},
};
use causeway_records::nouns::Role;
use clap::{Args, FromArgMatches};
use std::time::Duration;
use tower::ServiceExt;

#[derive(Clone)]
struct TestState {
    authenticator: Authenticator,
    store: Store,
}

impl FromRef<TestState> for Authenticator {
    fn from_ref(state: &TestState) -> Self {
        state.authenticator.clone()
    }
}

impl FromRef<TestState> for Store {
    fn from_ref(state: &TestState) -> Self {
        state.store.clone()
    }
}

/// An API without authentication whose database is never asked.
fn start(arguments: &[&str]) -> Router {
    let fixed = ["test", "--database-url", "postgres://localhost:1/none", "--encryption-key", "none"];
    let command = ServeSettings::augment_args(clap::Command::new("test"));
    let matches = command.try_get_matches_from([&fixed, arguments].concat()).unwrap();
    let settings = ServeSettings::from_arg_matches(&matches).unwrap();
    let store = Store::connect("postgres://localhost:1/none", 1, Duration::from_secs(1)).unwrap();
    let authenticator = Authenticator::new(settings.security.clone(), store.clone());
    let enveloped = Routes::default().get("/v0/events", Role::Viewer, || async { "events" }).post(
        "/v0/events",
        Role::Editor,
        |body: String| async { body },
    );
    let others = Routes::default().get("/version", RouteAccess::Open, || async { "1" }).get(
        "/metrics",
        Role::Viewer,
        || async { "figures" },
    );
    wrap(enveloped, others, crate::ui::REFUSALS, TestState { authenticator, store }, &settings)
}

async fn send(router: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn get(router: &Router, path: &str) -> u16 {
    send(router, Method::GET, path, &[]).await.status().as_u16()
}

#[tokio::test]
async fn what_is_refused_counts_against_the_limit() {
    let limit = ["--requests-per-second", "1", "--request-burst", "3"];
    for (method, path, code) in
        [(Method::GET, "/v0/nonsense", 404), (Method::DELETE, "/v0/events", 405), (Method::GET, "/v0/events", 200)]
    {
        let router = start(&limit);
        for _ in 0..3 {
            assert_eq!(send(&router, method.clone(), path, &[]).await.status(), code, "{method} {path}");
        }
        let refused = send(&router, method.clone(), path, &[]).await;
        assert_eq!((refused.status().as_u16(), refused.headers().contains_key(header::RETRY_AFTER)), (429, true));
        for free in ["/version", "/metrics"] {
            assert_eq!(get(&router, free).await, 200, "{free}");
        }
    }
}

#[tokio::test]
async fn without_authentication_only_loopback_is_answered() {
    let router = start(&[]);
    let request = |host: &str| Request::get("/v0/events").header(header::HOST, host).body(Body::empty()).unwrap();
    assert_eq!(router.clone().oneshot(request("127.0.0.1:1323")).await.unwrap().status(), 200);
    let refused = router.clone().oneshot(request("evil.example:1323")).await.unwrap();
    assert_eq!(refused.status(), 403);
    let body = to_bytes(refused.into_body(), 10_000).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("`evil.example:1323`"));
    let tokens = start(&["--auth", "tokens"]);
    let unknown = tokens.oneshot(request("api.example")).await.unwrap();
    assert_eq!(unknown.status(), 401, "with authentication any name will do");
}

#[tokio::test]
async fn answers_tell_browsers_what_they_may_do_and_repeat_little() {
    let router = start(&[]);
    for (path, code) in [("/version", 200), ("/v0/nonsense", 404), ("/v0/events", 200)] {
        let long = "b".repeat(300_000);
        let answer = send(&router, Method::GET, path, &[("x-request-id", &long)]).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((answer.status().as_u16(), header("x-content-type-options").as_str()), (code, "nosniff"));
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert_eq!(header("x-request-id"), "b".repeat(128));
    }
}
