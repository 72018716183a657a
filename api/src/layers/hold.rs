//! How much memory answers hold that clients are still reading.

use crate::wire::envelope;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Smaller answers aren't counted: there is one for each connection, and connections are bounded.
const SMALL: u64 = 64 * 1024;
/// An answer is given to the connection in such pieces, so that it counts until its last one is sent.
const PIECE: usize = 64 * 1024;
const KIB: u64 = 1024;
/// All larger answers that are being read.
const MAX_HELD_KIB: u32 = 48 * 1024;
/// Seconds after which a client may ask again.
const RETRY_AFTER: u64 = 5;

/// The memory for larger answers.
#[derive(Clone)]
pub(super) struct HeldAnswers {
    /// In KiB.
    left: Arc<Semaphore>,
    in_all: u32,
}

impl Default for HeldAnswers {
    fn default() -> Self {
        Self::new(MAX_HELD_KIB)
    }
}

impl HeldAnswers {
    fn new(in_all: u32) -> Self {
        let places = usize::try_from(in_all).unwrap_or(Semaphore::MAX_PERMITS);
        Self { left: Arc::new(Semaphore::new(places)), in_all }
    }

    /// None: clients that read slowly hold too much already.
    fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX).min(self.in_all);
        self.left.clone().try_acquire_many_owned(wanted).ok()
    }
}

/// Counts a larger answer for as long as its client reads it. One for which there is no room is dropped, and the client told to come again.
pub(super) async fn bound(State(held): State<HeldAnswers>, answer: Response) -> Response {
    let bytes = answer.body().size_hint().lower();
    if bytes <= SMALL {
        return answer;
    }
    match held.take(bytes) {
        Some(permit) => answer.map(|body| Body::new(Held { body, piece: Bytes::new(), _permit: permit })),
        None => {
            drop(answer);
            metrics::counter!("causeway_api_answers_dropped_total").increment(1);
            let mut refusal = envelope::overloaded(
                "clients that read slowly hold too many large answers; try again in a moment, or ask for fewer records with size",
            );
            refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
            refusal
        }
    }
}

/// A body that is counted.
struct Held {
    body: Body,
    /// What is left of its last part.
    piece: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.piece.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.piece = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        let length = self.piece.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.piece.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, piece) = (self.body.size_hint(), u64::try_from(self.piece.len()).unwrap_or(u64::MAX));
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(piece));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(piece));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::to_bytes, http::StatusCode};
    use futures::StreamExt;

    async fn answer(held: &HeldAnswers, bytes: usize) -> Response {
        bound(State(held.clone()), Response::new(Body::from(vec![7; bytes]))).await
    }

    #[tokio::test]
    async fn an_answer_counts_until_it_is_read() {
        let held = HeldAnswers::new(1024);
        let first = answer(&held, 700 * 1024).await;
        assert_eq!((first.status(), first.body().size_hint().exact()), (StatusCode::OK, Some(700 * 1024)));
        let refused = answer(&held, 700 * 1024).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key(header::RETRY_AFTER));
        assert_eq!(answer(&held, 1000).await.status(), StatusCode::OK, "small ones pass");
        let mut parts = first.into_body().into_data_stream();
        let part = parts.next().await.unwrap().unwrap();
        assert_eq!(part.len(), PIECE);
        assert_eq!(answer(&held, 700 * 1024).await.status(), StatusCode::SERVICE_UNAVAILABLE, "it is not read yet");
        drop(parts);
        let second = answer(&held, 700 * 1024).await;
        assert_eq!(to_bytes(second.into_body(), usize::MAX).await.unwrap(), vec![7; 700 * 1024]);
        // One that is larger than all there is may be read alone.
        assert_eq!(answer(&held, 5 << 20).await.status(), StatusCode::OK);
    }
}
