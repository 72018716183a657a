//! Requests that may cost much memory and processor time: lists, large bodies, and whatever is about records with documents. A caller has few of
//! them at the same time, whose others wait; and large bodies of all callers have so much memory until they are read. What a request costs after that
//! is bounded by [`aside`](crate::aside).

use crate::{
    auth::Caller,
    keyed_limit::KeyedLimit,
    layers::body_limit::{BodyLimits, has_manifests},
    route::kind_for_path,
};
use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Lists of one caller, and large bodies.
const AT_ONCE: usize = 2;
/// Other requests of one caller about records with documents.
const ABOUT_DOCUMENTS: usize = 4;
/// Smaller bodies cost little.
const LARGE: u64 = 64 * 1024;
const KIB: u64 = 1024;
/// Large bodies of all callers.
const BODIES_KIB: u32 = 32 * 1024;

#[derive(Clone)]
pub(super) struct CostlyRequests {
    lists: KeyedLimit<String>,
    bodies: KeyedLimit<String>,
    about_documents: KeyedLimit<String>,
    /// In KiB.
    memory: Arc<Semaphore>,
    limits: BodyLimits,
}

impl CostlyRequests {
    pub(super) fn new(limits: BodyLimits) -> Self {
        let memory = Semaphore::new(usize::try_from(BODIES_KIB).unwrap_or(Semaphore::MAX_PERMITS));
        Self {
            lists: KeyedLimit::new(AT_ONCE),
            bodies: KeyedLimit::new(AT_ONCE),
            about_documents: KeyedLimit::new(ABOUT_DOCUMENTS),
            memory: Arc::new(memory),
            limits,
        }
    }

    /// Room for a large body, for as long as the request takes. One whose length isn't told may be as large as is allowed.
    fn kib(&self, request: &Request, kind: &str) -> u32 {
        let most = u64::try_from(self.limits.for_kind(kind)).unwrap_or(u64::MAX);
        let bytes = request.body().size_hint().exact().unwrap_or(most).min(most);
        u32::try_from(bytes.div_ceil(KIB)).unwrap_or(BODIES_KIB).min(BODIES_KIB)
    }
}

/// Has the request wait for its turn if it is a costly one. How long is for the time limit of requests to say.
pub(super) async fn bound(State(costly): State<CostlyRequests>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().map(|caller| caller.name.clone()) else {
        return next.run(request).await;
    };
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let kind = kind_for_path(path);
    if is_list(&request) {
        let _permit = costly.lists.take(caller).await;
        return next.run(request).await;
    }
    if has_large_body(&request) {
        let _permit = costly.bodies.take(caller).await;
        // The semaphore is never closed.
        let _memory = costly.memory.acquire_many(costly.kib(&request, kind)).await.ok();
        return next.run(request).await;
    }
    if has_manifests(kind) {
        let _permit = costly.about_documents.take(caller).await;
        return next.run(request).await;
    }
    next.run(request).await
}

fn is_list(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    *request.method() == Method::GET && path.starts_with("/v0/") && !path.contains('{')
}

/// A body whose length isn't told may be a large one.
fn has_large_body(request: &Request) -> bool {
    let writes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    writes && request.body().size_hint().exact().is_none_or(|bytes| bytes > LARGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        Router,
        body::Body,
        http::StatusCode,
        middleware::{from_fn, from_fn_with_state},
        routing::{get, post},
    };
    use causeway_records::nouns::Role;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        time::Duration,
    };
    use tokio::{sync::Semaphore, time::timeout};
    use tower::ServiceExt;

    /// Handlers that begin, and end when they are let go.
    #[derive(Clone)]
    struct Handlers {
        begun: Arc<AtomicUsize>,
        go: Arc<Semaphore>,
    }

    impl Handlers {
        fn router(&self) -> Router {
            let handlers = self.clone();
            let handle = async move || {
                handlers.begun.fetch_add(1, Ordering::SeqCst);
                handlers.go.acquire().await.unwrap().forget();
            };
            let caller = async |mut request: Request, next: Next| {
                let name = request.headers()["name"].to_str().unwrap().to_owned();
                request.extensions_mut().insert(Caller { name, role: Role::Viewer });
                next.run(request).await
            };
            Router::new()
                .route("/v0/events", get(handle.clone()))
                .route("/v0/events/{id}", get(handle.clone()))
                .route("/v0/writes", post(handle.clone()))
                .route("/v0/workload-definitions/{id}", get(handle))
                .layer(from_fn_with_state(CostlyRequests::new(BodyLimits::for_tests()), bound))
                .layer(from_fn(caller))
        }

        async fn until_begun(&self, count: usize) {
            let begun = async {
                while self.begun.load(Ordering::SeqCst) < count {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(30), begun).await.unwrap();
        }
    }

    fn send(
        router: &Router,
        method: Method,
        path: &str,
        name: &str,
        body: usize,
    ) -> tokio::task::JoinHandle<StatusCode> {
        let request =
            Request::builder().method(method).uri(path).header("name", name).body(Body::from("x".repeat(body)));
        let (router, request) = (router.clone(), request.unwrap());
        tokio::spawn(async move { router.oneshot(request).await.unwrap().status() })
    }

    #[tokio::test]
    async fn a_caller_has_so_many_costly_requests_at_once_and_others_go_on() {
        for (method, path, body) in [(Method::GET, "/v0/events", 0), (Method::POST, "/v0/writes", 100_000)] {
            let handlers = Handlers { begun: Arc::default(), go: Arc::new(Semaphore::new(0)) };
            let router = handlers.router();
            let mut sent: Vec<_> = (0..5).map(|_| send(&router, method.clone(), path, "eve", body)).collect();
            handlers.until_begun(AT_ONCE).await;
            // Small ones of the same caller, and all of others.
            sent.push(send(&router, Method::GET, "/v0/events/1", "eve", 0));
            sent.push(send(&router, Method::POST, "/v0/writes", "eve", 100));
            sent.push(send(&router, method, path, "ann", body));
            handlers.until_begun(AT_ONCE + 3).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(handlers.begun.load(Ordering::SeqCst), AT_ONCE + 3, "{path}");
            handlers.go.add_permits(sent.len());
            for sent in sent {
                assert_eq!(timeout(Duration::from_secs(30), sent).await.unwrap().unwrap(), StatusCode::OK);
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_nobody_waits_for_gives_its_place_back() {
        let handlers = Handlers { begun: Arc::default(), go: Arc::new(Semaphore::new(0)) };
        let router = handlers.router();
        for round in 1..5 {
            let sent: Vec<_> =
                (0..AT_ONCE).map(|_| send(&router, Method::POST, "/v0/writes", "eve", 100_000)).collect();
            handlers.until_begun(round * AT_ONCE).await;
            sent.iter().for_each(|sent| sent.abort());
        }
    }

    #[tokio::test]
    async fn requests_about_documents_take_turns_by_caller() {
        let handlers = Handlers { begun: Arc::default(), go: Arc::new(Semaphore::new(0)) };
        let router = handlers.router();
        let read = |name: &str| send(&router, Method::GET, "/v0/workload-definitions/1", name, 0);
        let mut sent: Vec<_> = (0..10).map(|_| read("eve")).collect();
        handlers.until_begun(ABOUT_DOCUMENTS).await;
        sent.push(read("ann"));
        handlers.until_begun(ABOUT_DOCUMENTS + 1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(handlers.begun.load(Ordering::SeqCst), ABOUT_DOCUMENTS + 1);
        handlers.go.add_permits(sent.len());
        for sent in sent {
            assert_eq!(timeout(Duration::from_secs(30), sent).await.unwrap().unwrap(), StatusCode::OK);
        }
    }

    /// However many callers there are.
    #[tokio::test]
    async fn large_bodies_have_so_much_memory_together() {
        let handlers = Handlers { begun: Arc::default(), go: Arc::new(Semaphore::new(0)) };
        let router = handlers.router();
        let limit = BodyLimits::for_tests().for_kind("");
        let fit = usize::try_from(BODIES_KIB).unwrap() * 1024 / limit;
        let sent: Vec<_> =
            (0..fit + 2).map(|n| send(&router, Method::POST, "/v0/writes", &format!("caller-{n}"), limit)).collect();
        handlers.until_begun(fit).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(handlers.begun.load(Ordering::SeqCst), fit);
        handlers.go.add_permits(sent.len());
        for sent in sent {
            assert_eq!(timeout(Duration::from_secs(30), sent).await.unwrap().unwrap(), StatusCode::OK);
        }
    }
}
