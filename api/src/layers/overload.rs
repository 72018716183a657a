//! Tells a database that is busy from one that can't be reached.

use crate::wire::envelope::{self, NoConnection};
use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use causeway_store::{Store, StoreError};

/// Seconds after which a client may ask again: by then others have been answered.
const RETRY_AFTER: u64 = 2;

/// A handler got no connection to the database in time. If the database answers, all connections were in use: `Overloaded` stays, with
/// `Retry-After`. Otherwise the answer becomes `Unavailable`.
pub(super) async fn explain(State(store): State<Store>, mut answer: Response) -> Response {
    let Some(NoConnection(kind)) = answer.extensions().get() else { return answer };
    if !store.is_reachable().await {
        return envelope::store_error(kind, &StoreError::unreachable());
    }
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
    answer
}
