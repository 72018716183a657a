//! Who changed what, when: for admins, to be read only.

use super::records;
use crate::{
    route::Routes,
    state::ApiState,
    wire::{
        envelope::{self, Meta},
        query::{ListQuery, QueryPairs, time},
    },
};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_records::{
    noun::Noun,
    nouns::{AuditEvent, Role},
};
use causeway_store::Period;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default()
        .get("/v0/audit-events", Role::Admin, list)
        .get("/v0/audit-events/{id}", Role::Admin, records::read::<AuditEvent>)
        .get("/audit-events/versions", Role::Admin, records::versions::<AuditEvent>)
}

/// A page of events: beside what every list takes, `since` and `until` bound their times.
async fn list(State(state): State<ApiState>, Query(pairs): Query<QueryPairs>) -> Response {
    let listed = async {
        let query = ListQuery::read::<AuditEvent>(&pairs)?;
        let period = Period { since: time(&pairs, "since")?, until: time(&pairs, "until")? };
        let page = state.store.audit_events(&query.filters, period, query.limit(), query.start()).await?;
        Ok((Meta::of(&query, &page), page.records))
    };
    match listed.await {
        Ok((meta, events)) => envelope::many(AuditEvent::KIND.as_str(), StatusCode::OK, meta, &events),
        Err(error) => envelope::store_error(AuditEvent::KIND.as_str(), &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_any_zone() {
        let read = |text: &str| time(&vec![("Since".into(), text.into())], "since");
        assert_eq!(read("2026-01-31T13:00:00+01:00").unwrap(), read("2026-01-31T12:00:00Z").unwrap());
        assert!(read("2026-01-31T12:00:00Z").unwrap().is_some() && time(&vec![], "since").unwrap().is_none());
        assert!(read("yesterday").unwrap_err().to_string().contains("since"));
    }
}
