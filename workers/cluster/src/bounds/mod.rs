//! Bounds on what a cluster may send. A cluster belongs to somebody else: whatever it answers, it must cost only itself.
//!
//! ```text
//! body of an answer ──▶ BoundedBody: so many bytes, or so many per watch event ──▶ kube ──▶ ObjectCache: so many objects and bytes
//! ```
//!
//! Bytes are not all: `{"":0}` takes a hundred times its length once it is parsed. So what a body will take is counted, too ([`Cost`]).
//!
//! What is over a bound is an error. In the list or watch of a kind it is about the objects of that kind,
//! [`Unwatched`](super::ClusterError); in all other answers it is [`OverLimit`](super::UnreachableCause). Texts alone are cut instead.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use http::{Request, Response};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tower::{BoxError, Service};

use super::{
    cost::Cost,
    share::{Over, Pool, Share},
};

/// A page of a list: many times what the largest ones have.
const LIST: Cost = Cost { bytes: 48 * MIB, parsed: 96 * MIB };
/// Objects in a page, so few that a page of the largest ones is below its bound.
pub(crate) const PAGE: u32 = 50;
/// A whole list, page by page: room for the most objects that are kept of a kind, and an end for pages that trickle.
pub(crate) const LIST_WITHIN: Duration = Duration::from_secs(180);
/// An object or an event about one, of which the API server itself takes no more than 3 MiB. Discovery of a thousand kinds has 1 MiB.
const SMALL: Cost = Cost { bytes: 4 * MIB, parsed: 48 * MIB };
const MIB: usize = 1024 * 1024;
/// What answers that are being read at the same time will take when they are parsed: of all clusters, and of one.
static READING: Pool = Pool::new(192 * MIB, 128 * MIB);
/// A message, a name or another text that is stored or logged.
const TEXT_BYTES: usize = 1024;
/// How long a cluster may ask us to stay away.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(600);
/// A uid or a resourceVersion; Kubernetes' own have 36 and 20 characters at most.
const IDENTIFIER_BYTES: usize = 128;

/// Marks a request that is answered with one object, or with what is as small.
pub(crate) fn expect_small<B>(request: &mut Request<B>) {
    request.extensions_mut().insert(Small);
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
    #[error("it sent what takes more than {} MiB of memory, where so much is never needed", .0 / MIB)]
    Parsed(usize),
    #[error("its answers at the same time take more than {} MiB", .0 / MIB)]
    Together(usize),
}

#[derive(Clone, Copy)]
struct Small;

#[derive(Clone, Copy, Debug)]
enum Bound {
    /// Of the whole body.
    Whole(Cost),
    /// Of each line: a watch has an event per line and no end.
    Line(Cost),
}

/// The layer: outermost, so that every request of the client has it, lists and watches included.
pub(super) struct BoundedAnswers<S> {
    inner: S,
    together: Share,
}

impl<S> BoundedAnswers<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, together: Share::of(&READING) }
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
        let whole = if request.extensions().get::<Small>().is_some() { SMALL } else { LIST };
        let together = self.together.clone();
        let bounded = move |response: Response<B>| {
            // What refuses a watch is an answer as any other, and is read to its end.
            let events = is_watch && response.status().is_success();
            let bound = if events { Bound::Line(SMALL) } else { Bound::Whole(whole) };
            response.map(|inner| BoundedBody::new(inner, bound, together))
        };
        self.inner.call(request).map_ok(bounded).boxed()
    }
}

/// Own code instead of `http_body_util::Limited`, which counts the whole body: that of a watch has no end.
pub(super) struct BoundedBody<B> {
    inner: B,
    bound: Bound,
    /// Of what was read so far, of the body or of the current line.
    cost: Cost,
    last: u8,
    /// Of all bodies that are being read.
    together: Share,
}

impl<B> BoundedBody<B> {
    fn new(inner: B, bound: Bound, together: Share) -> Self {
        Self { inner, bound, cost: Cost::default(), last: 0, together }
    }

    fn add(&mut self, data: &[u8], most: Cost) -> Result<(), TooLong> {
        let more = Cost::of(data, self.last);
        self.last = data.last().copied().unwrap_or(self.last);
        self.cost = Cost { bytes: self.cost.bytes + more.bytes, parsed: self.cost.parsed + more.parsed };
        self.together.add(more.parsed);
        if self.cost.bytes > most.bytes {
            Err(TooLong::Answer(most.bytes))
        } else if self.cost.parsed > most.parsed {
            Err(TooLong::Parsed(most.parsed))
        } else {
            self.together.check().map_err(|Over(most)| TooLong::Together(most))
        }
    }

    fn forget(&mut self) {
        self.together.sub(self.cost.parsed);
        self.cost = Cost::default();
    }

    fn count(&mut self, data: &[u8]) -> Result<(), TooLong> {
        match self.bound {
            Bound::Whole(most) => self.add(data, most),
            Bound::Line(most) => {
                for part in data.split_inclusive(|byte| *byte == b'\n') {
                    self.add(part, most)?;
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
mod tests;
