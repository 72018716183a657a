//! The events of one record.

use crate::{
    route::Routes,
    state::ApiState,
    wire::{
        envelope::{self, Meta},
        query::{ListQuery, QueryPairs, parse_id},
    },
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_records::{
    noun::Noun,
    nouns::{Event, Role},
    problem::Reason,
};
use causeway_store::StoreError;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().get("/v0/events-join-attached-object-references", Role::Viewer, list_for_object)
}

/// The events about the record that `objectid` names, filtered by any field of an event.
async fn list_for_object(State(state): State<ApiState>, Query(pairs): Query<QueryPairs>) -> Response {
    let found = async {
        let missing = || StoreError::invalid(Reason::InvalidQuery, "must provide object ID");
        let (_, id) = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case("objectid")).ok_or_else(missing)?;
        let query = ListQuery::read::<Event>(&pairs)?;
        let page = state.store.events_of(parse_id(id)?, &query.filters).await?;
        Ok((Meta::of(&query, &page), page.records))
    };
    match found.await {
        Ok((meta, events)) => envelope::many(Event::KIND.as_str(), StatusCode::OK, meta, &events),
        Err(error) => envelope::store_error(Event::KIND.as_str(), &error),
    }
}
