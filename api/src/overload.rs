//! More is asked for than the database can answer: said apart from a database that can't be reached.

use crate::{envelope, state::State};
use axum::{
    extract::State as Extract,
    http::{HeaderValue, header},
    response::Response,
};
use causeway_store::StoreError;

/// Seconds after which a client may ask again: by then others have been answered.
const AGAIN: u64 = 2;

/// Marks an answer about this kind of record that had to do without a connection to the database.
#[derive(Clone, Debug)]
pub(crate) struct NoConnection(pub(crate) String);

/// Finds out why there was no connection.
pub(crate) async fn explain(Extract(state): Extract<State>, mut answer: Response) -> Response {
    let Some(NoConnection(kind)) = answer.extensions().get() else { return answer };
    if !state.store.is_reachable().await {
        return envelope::store_error(kind, &StoreError::unreachable());
    }
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(AGAIN));
    answer
}
