//! Requests that may cost much memory and processor time: lists, and writes with large bodies. A caller has few of them at the same time, whose
//! others wait; and large bodies are handled beside the runtime's threads, on which everybody else's requests are.

use crate::{
    auth::Caller,
    keyed_limit::KeyedLimit,
    wire::{blocking::on_blocking_thread, envelope},
};
use axum::{
    body::HttpBody,
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

/// Of one caller.
const AT_ONCE: usize = 2;
/// Smaller bodies cost little.
const LARGE: u64 = 64 * 1024;

#[derive(Clone)]
pub(super) struct CostlyRequests {
    lists: KeyedLimit<String>,
    bodies: KeyedLimit<String>,
}

impl Default for CostlyRequests {
    fn default() -> Self {
        Self { lists: KeyedLimit::new(AT_ONCE), bodies: KeyedLimit::new(AT_ONCE) }
    }
}

/// Has the request wait for its turn if it is a costly one. How long is for the time limit of requests to say.
pub(super) async fn bound(State(costly): State<CostlyRequests>, request: Request, next: Next) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().map(|caller| caller.name.clone()) else {
        return next.run(request).await;
    };
    if is_list(&request) {
        let _permit = costly.lists.take(caller).await;
        return next.run(request).await;
    }
    if has_large_body(&request) {
        let _permit = costly.bodies.take(caller).await;
        return off_runtime(next.run(request)).await;
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

/// Does work that keeps a thread busy now and then on a thread of its own; ends it when nobody waits for it any more.
async fn off_runtime(work: impl Future<Output = Response> + Send + 'static) -> Response {
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let (runtime, span) = (Handle::current(), Span::current());
    let work = async move { stop.run_until_cancelled(work).await }.instrument(span);
    // None: the server stops.
    let done = on_blocking_thread(move || runtime.block_on(work)).await;
    done.unwrap_or_else(|| envelope::plain(StatusCode::SERVICE_UNAVAILABLE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{
        Router,
        body::Body,
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
                .route("/v0/writes", post(handle))
                .layer(from_fn_with_state(CostlyRequests::default(), bound))
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
}
