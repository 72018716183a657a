//! More is asked for than the database can answer: said apart from a database that can't be reached.

use crate::{app, envelope, state::State};
use axum::{
    extract::{MatchedPath, Request, State as Extract},
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use causeway_store::StoreError;

/// Seconds after which a client may ask again: by then others have been answered.
const AGAIN: u64 = 2;

/// Marks an answer that had to do without a connection to the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoConnection;

/// Finds out why there was no connection.
pub(crate) async fn explain(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let kind = app::kind_of(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
    let mut answer = next.run(request).await;
    if answer.extensions().get::<NoConnection>().is_none() {
        return answer;
    }
    if !state.store.is_reachable().await {
        return envelope::store_error(kind, &StoreError::unreachable());
    }
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(AGAIN));
    answer
}
