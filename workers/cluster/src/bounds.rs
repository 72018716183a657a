//! Bounds on what a cluster may send. A cluster belongs to somebody else: whatever it answers, it must cost only itself.
//!
//! ```text
//! body of an answer ──▶ BoundedBody: so many bytes, or so many per watch event ──▶ kube ──▶ ObjectCache: so many objects and bytes
//! ```
//!
//! What is over a bound is an error, [`UnreachableCause::OverLimit`](super::UnreachableCause), which is about the whole cluster. Texts
//! alone are cut instead.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use http::{Request, Response};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use kube::{Client, Config, client::ClientBuilder};
use tower::{BoxError, Service, layer::layer_fn};

use super::{ClusterError, transport};

/// A page of a list, or discovery: many times what the largest ones have.
const LIST_BYTES: usize = 48 * MIB;
/// Objects in a page, so few that a page of the largest ones is below its bound.
pub(crate) const PAGE: u32 = 50;
/// An object or an event about one. The API server itself takes no more than 3 MiB.
const OBJECT_BYTES: usize = 4 * MIB;
const MIB: usize = 1024 * 1024;
/// All answers of a cluster that are being read at the same time.
const TOGETHER_BYTES: usize = 256 * MIB;
/// A message, a name or another text that is stored or logged.
const TEXT_BYTES: usize = 1024;
/// How long a cluster may ask us to stay away.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(600);
/// A uid or a resourceVersion; Kubernetes' own have 36 and 20 characters at most.
const IDENTIFIER_BYTES: usize = 128;

/// A client whose answers are bounded.
pub(crate) fn client(config: &Config) -> Result<Client, ClusterError> {
    let builder = ClientBuilder::new(transport::service(config)?, config.default_namespace.clone());
    Ok(builder.with_layer(&layer_fn(BoundedAnswers::new)).build())
}

/// Marks a request that is answered with one object.
pub(crate) fn expect_one_object<B>(request: &mut Request<B>) {
    request.extensions_mut().insert(OneObject);
}

/// The text, or its beginning.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES {
        text.truncate(text.floor_char_boundary(TEXT_BYTES));
        text.push('…');
    }
    text
}

/// Whether this can be a uid or a resourceVersion.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.len() <= IDENTIFIER_BYTES
}

/// More came than may come. Only the part below the bound was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooLong {
    #[error("it sent more than {} MiB where so much is never needed", .0 / MIB)]
    Answer(usize),
    #[error("its answers at the same time are longer than {} MiB", TOGETHER_BYTES / MIB)]
    Together,
}

#[derive(Clone, Copy)]
struct OneObject;

#[derive(Clone, Copy, Debug)]
enum Bound {
    /// Of the whole body.
    Whole(usize),
    /// Of each line: a watch has an event per line and no end.
    Line(usize),
}

/// The layer: outermost, so that every request of the client has it, lists and watches included.
struct BoundedAnswers<S> {
    inner: S,
    together: Arc<AtomicUsize>,
}

impl<S> BoundedAnswers<S> {
    fn new(inner: S) -> Self {
        Self { inner, together: Arc::default() }
    }
}

impl<S, B, C> Service<Request<C>> for BoundedAnswers<S>
where
    S: Service<Request<C>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<BoundedBody<B>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<C>) -> Self::Future {
        let is_watch = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        let whole = if request.extensions().get::<OneObject>().is_some() { OBJECT_BYTES } else { LIST_BYTES };
        let together = self.together.clone();
        let bounded = move |response: Response<B>| {
            // What refuses a watch is an answer as any other, and is read to its end.
            let events = is_watch && response.status().is_success();
            let bound = if events { Bound::Line(OBJECT_BYTES) } else { Bound::Whole(whole) };
            response.map(|inner| BoundedBody { inner, bound, bytes: 0, together })
        };
        self.inner.call(request).map_ok(bounded).boxed()
    }
}

/// Own code instead of `http_body_util::Limited`, which counts the whole body: that of a watch has no end.
struct BoundedBody<B> {
    inner: B,
    bound: Bound,
    /// Read so far, of the body or of the current line.
    bytes: usize,
    /// The same of all bodies that are being read.
    together: Arc<AtomicUsize>,
}

impl<B> BoundedBody<B> {
    fn add(&mut self, bytes: usize, most: usize) -> Result<(), TooLong> {
        self.bytes += bytes;
        let together = self.together.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.bytes > most {
            Err(TooLong::Answer(most))
        } else if together > TOGETHER_BYTES {
            Err(TooLong::Together)
        } else {
            Ok(())
        }
    }

    fn forget(&mut self) {
        self.together.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }

    fn count(&mut self, data: &[u8]) -> Result<(), TooLong> {
        match self.bound {
            Bound::Whole(most) => self.add(data.len(), most),
            Bound::Line(most) => {
                for part in data.split_inclusive(|byte| *byte == b'\n') {
                    self.add(part.len(), most)?;
                    if part.ends_with(b"\n") {
                        self.forget();
                    }
                }
                Ok(())
            }
        }
    }
}

impl<B> Drop for BoundedBody<B> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let counted = frame.data_ref().map_or(Ok(()), |data| self.count(data));
        Poll::Ready(Some(counted.map(|()| frame).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, http::Uri, response::IntoResponse, routing::get};
    use serde_json::json;

    use super::*;
    use crate::{ObjectCache, UnreachableCause, fake, samples::config_map};

    fn counts(bound: Bound, parts: &[&str]) -> Result<(), TooLong> {
        let mut body = BoundedBody { inner: (), bound, bytes: 0, together: Arc::default() };
        parts.iter().try_for_each(|part| body.count(part.as_bytes()))
    }

    fn is_over_limit(error: &ClusterError) -> bool {
        matches!(error, ClusterError::Unreachable { cause: UnreachableCause::OverLimit, .. })
    }

    #[test]
    fn a_body_is_bounded_as_a_whole_and_a_watch_by_its_lines() {
        assert_eq!(counts(Bound::Whole(10), &["12345", "67890"]), Ok(()));
        assert_eq!(counts(Bound::Whole(10), &["12345", "678901"]), Err(TooLong::Answer(10)));
        assert_eq!(counts(Bound::Line(10), &["12345\n67", "890\n12345", "678\n\n"]), Ok(()));
        assert_eq!(counts(Bound::Line(10), &["\n12345", "678901\n"]), Err(TooLong::Answer(10)));
    }

    #[test]
    fn answers_at_the_same_time_share_a_bound() {
        let together = Arc::new(AtomicUsize::new(TOGETHER_BYTES - 10));
        let body = || BoundedBody { inner: (), bound: Bound::Whole(100), bytes: 0, together: together.clone() };
        let (mut first, mut second) = (body(), body());
        assert_eq!(first.count(b"123456"), Ok(()));
        assert_eq!(second.count(b"123456"), Err(TooLong::Together));
        drop((first, second));
        assert_eq!(body().count(b"123456"), Ok(()), "those that are read count no more");
        let mut watch = BoundedBody { inner: (), bound: Bound::Line(100), bytes: 0, together: together.clone() };
        assert_eq!(watch.count(b"123456\n123456\n"), Ok(()));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("short".into()), "short");
        let long = cut("ä".repeat(TEXT_BYTES));
        assert!(long.len() <= TEXT_BYTES + '…'.len_utf8() && long.ends_with("ä…"));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_an_error() {
        let cluster = fake::cluster(Router::new().fallback(async || fake::endless(" "))).await;
        let error = cluster.identity().await.unwrap_err();
        assert!(is_over_limit(&error), "{error}");

        let cluster = fake::cluster(fake::core_kinds().fallback(async || fake::endless(" "))).await;
        let error = cluster.get(&config_map("web")).await.unwrap_err();
        assert!(is_over_limit(&error) && error.to_string().contains("4 MiB"), "{error}");
    }

    #[tokio::test]
    async fn an_event_without_end_is_an_error_of_the_whole_cluster() {
        let answer = async |uri: Uri| match uri.query() {
            Some(query) if query.contains("watch=true") => fake::endless("x"),
            _ => Json(json!({
                "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "7"}, "items": [],
            }))
            .into_response(),
        };
        let cluster = fake::cluster(fake::core_kinds().route("/api/v1/configmaps", get(answer))).await;
        let cache = ObjectCache::new(cluster, "cp1", |_| ());
        cache.ensure_watched(&config_map("web"));
        let error = async {
            loop {
                match cache.over_limit() {
                    Some(error) => break error,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let error = tokio::time::timeout(Duration::from_secs(30), error).await.unwrap();
        assert!(is_over_limit(&error), "{error}");
        assert!(!cache.is_synced("", "ConfigMap"));
    }
}
