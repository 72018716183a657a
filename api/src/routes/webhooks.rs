//! What webhooks have beside the routes of every noun: their deliveries, and verbs.

use super::records;
use crate::{
    auth::Caller,
    route::Routes,
    state::ApiState,
    wire::{
        envelope::{self, Meta},
        etag::add_etag,
        origin::RequestWriter,
        query::{QueryPairs, after, invalid, number, parse_id, time, value},
        redaction::redact,
        secrets,
    },
};
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_records::{
    Record,
    noun::Noun,
    nouns::{DeliveryState, Role, Webhook, WebhookDelivery},
    problem::Reason,
    secret::Keyring,
};
use causeway_store::{Result, StoreError, webhooks::DeliveryRange};
use chrono::{DateTime, TimeDelta, Utc};

/// How long the secret before a new one signs, too, if nobody says it.
const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// Deliveries of a range that are sent again by one request.
pub(crate) const MOST: i64 = 1000;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default()
        .get("/v0/webhook-deliveries", Role::Viewer, records::list::<WebhookDelivery>)
        .get("/v0/webhook-deliveries/{id}", Role::Viewer, records::read::<WebhookDelivery>)
        .get("/webhook-deliveries/versions", Role::Viewer, records::versions::<WebhookDelivery>)
        .post("/v0/webhook-deliveries/{id}/redeliver", Role::Editor, redeliver)
        .post("/v0/webhooks/{id}/redeliver", Role::Editor, redeliver_all)
        .post("/v0/webhooks/{id}/test", Role::Editor, test)
        .post("/v0/webhooks/{id}/rotate-secret", Role::Editor, rotate)
}

/// Sends an event that tells of nothing.
async fn test(State(state): State<ApiState>, RequestWriter(writer): RequestWriter, Path(id): Path<String>) -> Response {
    let tested = async { writer.test_webhook(state.store.get(parse_id(&id)?).await?).await };
    one(&state, StatusCode::CREATED, tested.await)
}

/// Sends one delivery again.
async fn redeliver(
    State(state): State<ApiState>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
) -> Response {
    let again = async { writer.redeliver(parse_id(&id)?).await };
    one(&state, StatusCode::OK, again.await)
}

fn one(state: &ApiState, code: StatusCode, done: Result<Record<WebhookDelivery>>) -> Response {
    let kind = WebhookDelivery::KIND.as_str();
    match done {
        Ok(delivery) => {
            state.due.announce();
            add_etag(envelope::one(kind, code, &delivery), &delivery)
        }
        Err(error) => envelope::store_error(kind, &error),
    }
}

/// Sends a range again, a part at a time.
async fn redeliver_all(
    State(state): State<ApiState>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Response {
    let kind = WebhookDelivery::KIND.as_str();
    let again = async {
        let range = range(parse_id(&id)?, &pairs)?;
        Ok((range.limit, writer.redeliver_all(range).await?))
    };
    match again.await {
        Ok((limit, deliveries)) => {
            state.due.announce();
            let is_full = i64::try_from(deliveries.len()).is_ok_and(|count| count == limit);
            let last = deliveries.last().filter(|_| is_full).map(Record::id);
            envelope::many(kind, StatusCode::OK, Meta::whole(deliveries.len()).going_on(last), &deliveries)
        }
        Err(error) => envelope::store_error(kind, &error),
    }
}

fn range(webhook: i64, pairs: &QueryPairs) -> Result<DeliveryRange> {
    let state =
        value(pairs, "state").map(|text| text.parse::<DeliveryState>().map_err(|problem| invalid("state", problem)));
    let limit = match number(pairs, "size", MOST)? {
        size @ 1..=MOST => size,
        _ => return Err(invalid("size", format!("must be a number from 1 to {MOST}"))),
    };
    Ok(DeliveryRange {
        webhook,
        state: state.transpose()?,
        since: time(pairs, "since")?,
        until: time(pairs, "until")?,
        after: after(pairs)?.unwrap_or(0),
        limit,
    })
}

/// Makes another secret, which the answer shows, and lets the one before it sign for a while.
async fn rotate(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    RequestWriter(writer): RequestWriter,
    Path(id): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Response {
    let kind = Webhook::KIND.as_str();
    let rotated = async {
        let until = time(&pairs, "previousuntil")?.unwrap_or_else(|| Utc::now() + KEPT_FOR);
        let unable = |error: causeway_records::secret::SecretError| {
            StoreError::invalid(Reason::InternalError, error.to_string())
        };
        let plain = Webhook::new_secret().map_err(unable)?;
        let (sealed, keys) = (state.keys.encrypt(&plain).map_err(unable)?, state.keys.clone());
        let replace = move |record: &mut Record<Webhook>| {
            replace(record, sealed.clone(), until, &keys);
            Ok(false)
        };
        let changed = redact(writer.change::<Webhook>(parse_id(&id)?, replace).await?, &caller);
        let mut shown = changed.clone();
        secrets::show(&mut shown.spec, "secret", plain)?;
        Ok(add_etag(records::uncached(envelope::one(kind, StatusCode::OK, &shown)), &changed))
    };
    rotated.await.unwrap_or_else(|error| envelope::store_error(kind, &error))
}

/// Puts a ciphertext in the place of the secret, which becomes the previous one.
fn replace(record: &mut Record<Webhook>, sealed: String, until: DateTime<Utc>, keys: &Keyring) {
    let (spec, ids) = (&mut record.spec, &mut record.key_ids);
    let key = ids.0.get("secret").cloned();
    ids.forget("previous_secret");
    if let Some(key) = key {
        ids.sealed("previous_secret", &key);
    }
    ids.sealed("secret", keys.id());
    spec.previous_secret = spec.secret.replace(sealed);
    spec.previous_secret_until = spec.previous_secret.as_ref().map(|_| until);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_before_it_signs_for_a_while() {
        let keys = Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        let (mut record, until) = (Record::<Webhook>::default(), DateTime::UNIX_EPOCH);
        replace(&mut record, "first".into(), until, &keys);
        assert_eq!((record.spec.previous_secret.as_deref(), record.spec.previous_secret_until), (None, None));
        replace(&mut record, "second".into(), until, &keys);
        let spec = &record.spec;
        assert_eq!((spec.secret.as_deref(), spec.previous_secret.as_deref()), (Some("second"), Some("first")));
        assert_eq!(spec.previous_secret_until, Some(until));
        assert_eq!((record.key_ids.0.len(), record.key_ids.0["previous_secret"].as_str()), (2, keys.id()));
    }

    #[test]
    fn a_range_is_bounded() {
        let read = |pairs: &[(&str, &str)]| {
            range(7, &pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        let all = read(&[]).unwrap();
        assert_eq!((all.webhook, all.state, all.after, all.limit), (7, None, 0, MOST));
        let some =
            read(&[("state", "Failed"), ("since", "2026-01-31T12:00:00Z"), ("after", "9"), ("size", "10")]).unwrap();
        assert_eq!((some.state, some.after, some.limit), (Some(DeliveryState::Failed), 9, 10));
        assert!(some.since.is_some() && some.until.is_none());
        for (key, text) in
            [("state", "failed"), ("size", "0"), ("size", "1001"), ("size", "-1"), ("until", "soon"), ("after", "-1")]
        {
            assert!(read(&[(key, text)]).unwrap_err().to_string().contains(key), "{key}");
        }
    }
}
