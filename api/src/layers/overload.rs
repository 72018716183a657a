//! Tells a database that is busy from one that can't be reached.

use crate::wire::envelope::{self, NoConnection};
use axum::{extract::State, response::Response};
use causeway_store::{Store, StoreError};

/// A handler got no connection to the database in time. If the database answers, all connections were in use: `Overloaded` stays. Otherwise the
/// answer becomes `Unavailable`.
pub(super) async fn explain(State(store): State<Store>, answer: Response) -> Response {
    let Some(NoConnection(kind)) = answer.extensions().get() else { return answer };
    if !store.is_reachable().await {
        return envelope::store_error(kind, &StoreError::unreachable());
    }
    answer
}
