//! The events of one record.

use crate::{
    auth::{Role, access::Routes},
    envelope::{self, Meta},
    query::{Pairs, Query, id_of},
    state::State,
};
use axum::{
    extract::{Query as RawQuery, State as Extract},
    http::StatusCode,
    response::Response,
};
use causeway_records::{field::Noun, nouns::Event, problem::Reason};
use causeway_store::StoreError;

/// The join of events with what they are about.
pub fn routes() -> Routes {
    Routes::default().get("/v0/events-join-attached-object-references", Role::Viewer, of_object)
}

/// The events about the record that `objectid` names, filtered by any field of an event.
async fn of_object(Extract(state): Extract<State>, RawQuery(pairs): RawQuery<Pairs>) -> Response {
    let found = async {
        let missing = || StoreError::invalid(Reason::InvalidQuery, "must provide object ID");
        let (_, id) = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case("objectid")).ok_or_else(missing)?;
        let query = Query::read::<Event>(&pairs)?;
        let events = state.store.events_of(id_of(id)?, &query.filters).await?;
        Ok((query, events))
    };
    match found.await {
        Ok((query, events)) => {
            let total_count = i64::try_from(events.len()).unwrap_or(i64::MAX);
            let meta = Meta { page: query.page, size: query.size, total_count };
            envelope::many(Event::KIND.as_str(), StatusCode::OK, meta, &events)
        }
        Err(error) => envelope::store_error(Event::KIND.as_str(), &error),
    }
}
