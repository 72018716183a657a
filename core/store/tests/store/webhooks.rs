//! Events become deliveries, and one process sends for a webhook at a time.

use crate::fixture::{Fixture, patch, record};
use causeway_records::{
    Record,
    nouns::{AwsAccount, DeliveryState, Webhook, WebhookDelivery},
    watch::Cursor,
};
use causeway_store::{
    Store,
    webhooks::{DeliveryRange, Dispatched, SendAttempt},
};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(60);

fn attempt(state: DeliveryState) -> SendAttempt {
    let retry_in = (state == DeliveryState::Pending).then_some(Duration::from_secs(3600));
    SendAttempt { state, retry_in, code: Some(500), body: None, problem: None, rest: None, is_back: false }
}

async fn webhook(fixture: &Fixture, name: &str, kinds: &str) -> i64 {
    let json = format!(r#"{{"Name":"{name}","URL":"https://a.example/","Kinds":["{kinds}"]}}"#);
    fixture.writer.create(record::<Webhook>(&json)).await.unwrap().id()
}

async fn account(fixture: &Fixture, name: &str) {
    let json = format!(r#"{{"Name":"{name}","AccountID":"1","DefaultRegion":"x"}}"#);
    fixture.writer.create(record::<AwsAccount>(&json)).await.unwrap();
}

/// As the API does: moves what is committed to the log, and makes deliveries of it.
async fn dispatch(store: &Store) -> usize {
    while store.sequence_events(1000).await.unwrap() > 0 {}
    let (newest, mut made) = (store.read_events(i64::MAX, 1).await.unwrap().newest, 0);
    for cursor in store.webhook_cursors(newest).await.unwrap() {
        let read = store.read_events(cursor.position, 1000).await.unwrap();
        made += store.dispatch(cursor, read).await.unwrap().deliveries;
    }
    made
}

async fn types(store: &Store) -> Vec<(i64, String)> {
    let (all, _) = store.list::<WebhookDelivery>(&[], i64::MAX, 0).await.unwrap();
    all.iter().map(|one| (one.spec.webhook_id, one.spec.event_type.clone())).collect()
}

#[sqlx::test(migrations = false)]
async fn each_webhook_gets_what_passes_its_filters_from_its_creation_on(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    account(&fixture, "before").await;
    dispatch(store).await;
    let accounts = webhook(&fixture, "accounts", "aws-accounts").await;
    dispatch(store).await;
    let own = webhook(&fixture, "own", "webhooks").await;
    account(&fixture, "after").await;
    assert_eq!(dispatch(store).await, 2);
    assert_eq!(dispatch(store).await, 0, "each once");
    let expected =
        [(own, "causeway.webhook.created".to_owned()), (accounts, "causeway.aws_account.created".to_owned())];
    let mut seen = types(store).await;
    seen.sort_unstable();
    let mut sorted = expected.to_vec();
    sorted.sort_unstable();
    assert_eq!(seen, sorted);

    // While it is disabled nothing moves, and then it goes on where it was.
    fixture.writer.change(accounts, patch::<Webhook>(r#"{"Disabled":true}"#)).await.unwrap();
    account(&fixture, "meanwhile").await;
    assert_eq!(dispatch(store).await, 1, "that the webhook has changed, for the other one");
    fixture.writer.change(accounts, patch::<Webhook>(r#"{"Disabled":false}"#)).await.unwrap();
    assert_eq!(dispatch(store).await, 2);
    assert_eq!(types(store).await.iter().filter(|(webhook, _)| *webhook == accounts).count(), 2);

    fixture.writer.delete::<Webhook>(accounts).await.unwrap();
    assert!(types(store).await.iter().all(|(webhook, _)| *webhook == own), "they go with it");
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM webhook_senders").fetch_one(&pool).await.unwrap();
    assert_eq!(rows, 1);
}

#[sqlx::test(migrations = false)]
async fn events_that_are_lost_to_a_webhook_become_one_reset(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let hook = webhook(&fixture, "hook", "aws-accounts").await;
    sqlx::query("UPDATE webhook_senders SET epoch = (epoch + 1) % 4294967296").execute(&pool).await.unwrap();
    account(&fixture, "lost").await;
    assert_eq!(dispatch(&fixture.store).await, 1);
    account(&fixture, "told").await;
    assert_eq!(dispatch(&fixture.store).await, 1);
    let words: Vec<_> = types(&fixture.store).await.into_iter().map(|(_, word)| word).collect();
    assert_eq!(words, ["causeway.reset", "causeway.aws_account.created"]);
    let nowhere = Cursor { epoch: 1, position: 1 };
    let read = fixture.store.read_events(0, 10).await.unwrap();
    assert_eq!(fixture.store.dispatch(nowhere, read).await.unwrap(), Dispatched::default(), "nobody is there: {hook}");
}

#[sqlx::test(migrations = false)]
async fn one_process_sends_and_a_late_one_puts_nothing_on_record(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    let hook = webhook(&fixture, "hook", "aws-accounts").await;
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    assert!(store.take_webhooks(one, LEASE, 9).await.unwrap().is_empty(), "nothing is due");
    for name in ["a", "b", "c"] {
        account(&fixture, name).await;
    }
    dispatch(store).await;
    assert_eq!(store.take_webhooks(one, LEASE, 9).await.unwrap(), [hook]);
    assert!(store.take_webhooks(other, LEASE, 9).await.unwrap().is_empty(), "it is held");
    let job = store.send_job(hook, one, 9).await.unwrap().unwrap();
    let ids: Vec<_> = job.deliveries.iter().map(|delivery| delivery.id).collect();
    assert!(ids.len() == 3 && ids.is_sorted(), "{:?}", job.deliveries);
    assert!(store.send_job(hook, other, 9).await.unwrap().is_none());
    // It is late: another one has taken it.
    sqlx::query("UPDATE webhook_senders SET held_until = now()").execute(&pool).await.unwrap();
    assert_eq!(store.take_webhooks(other, LEASE, 9).await.unwrap(), [hook]);
    let delivered = attempt(DeliveryState::Delivered);
    assert!(!store.record_attempt((hook, ids[0]), (one, LEASE), delivered.clone()).await.unwrap());
    assert!(store.record_attempt((hook, ids[0]), (other, LEASE), delivered).await.unwrap());

    // Failures are counted, and forgotten with a success; what failed meanwhile is due when the receiver is back.
    for id in &ids[1..] {
        assert!(store.record_attempt((hook, *id), (other, LEASE), attempt(DeliveryState::Pending)).await.unwrap());
    }
    let job = store.send_job(hook, other, 9).await.unwrap().unwrap();
    assert_eq!((job.health.failures, job.deliveries.len()), (2, 0));
    let back = SendAttempt { is_back: true, ..attempt(DeliveryState::Delivered) };
    assert!(store.record_attempt((hook, ids[0]), (other, LEASE), back).await.unwrap());
    let job = store.send_job(hook, other, 9).await.unwrap().unwrap();
    assert_eq!((job.health.failures, job.deliveries.len()), (0, 2));
    let rests = SendAttempt { rest: Some(LEASE), ..attempt(DeliveryState::Pending) };
    assert!(store.record_attempt((hook, ids[1]), (other, LEASE), rests).await.unwrap());
    store.release_webhook(hook, other).await.unwrap();
    assert!(store.take_webhooks(one, LEASE, 9).await.unwrap().is_empty(), "it rests");
    store.forget_failures(hook).await.unwrap();
    assert_eq!(store.take_webhooks(one, LEASE, 9).await.unwrap(), [hook]);
}

#[sqlx::test(migrations = false)]
async fn deliveries_are_sent_again_and_deleted_when_old(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (store, writer) = (&fixture.store, &fixture.writer);
    let hook = webhook(&fixture, "hook", "aws-accounts").await;
    account(&fixture, "a").await;
    dispatch(store).await;
    let test = writer.test_webhook(store.get(hook).await.unwrap()).await.unwrap();
    assert_eq!((test.spec.state, test.spec.attempts), (DeliveryState::Pending, 0));
    let done = "UPDATE webhook_deliveries SET state = 'Failed', next_attempt_at = NULL, attempts = 10";
    sqlx::query(done).execute(&pool).await.unwrap();
    assert_eq!(writer.redeliver(test.id()).await.unwrap().spec.state, DeliveryState::Pending);
    let range = DeliveryRange { webhook: hook, state: None, since: None, until: None, after: 0, limit: 10 };
    let again: Vec<Record<WebhookDelivery>> = writer.redeliver_all(range).await.unwrap();
    assert_eq!((again.len(), again[0].spec.attempts, again[0].spec.next_attempt_at.is_some()), (1, 0, true));
    let audited: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_events WHERE object_kind = 'WebhookDelivery'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(audited, 3, "a test, one, and a range of one");
    assert_eq!(store.purge_webhook_deliveries(Duration::ZERO, 10).await.unwrap(), 0, "what waits is never old");
    sqlx::query(done).execute(&pool).await.unwrap();
    assert_eq!(store.purge_webhook_deliveries(Duration::from_secs(3600), 10).await.unwrap(), 0);
    assert_eq!(store.purge_webhook_deliveries(Duration::ZERO, 10).await.unwrap(), 2);
}

#[sqlx::test(migrations = false)]
async fn a_page_sees_by_a_mark_that_something_was_sent(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let store = &fixture.store;
    let (hook, other) =
        (webhook(&fixture, "a", "aws-accounts").await, webhook(&fixture, "b", "gateway-instances").await);
    dispatch(store).await;
    let marks = async || {
        let [one, another, all] = [Some(hook), Some(other), None].map(|of| store.delivery_mark(of));
        [one.await.unwrap(), another.await.unwrap(), all.await.unwrap()]
    };
    let begin = marks().await;
    assert_eq!(begin, marks().await, "nothing happens");
    assert_eq!(store.webhook_receivers(&[hook, other]).await.unwrap()[&hook].pending, 0);

    account(&fixture, "one").await;
    account(&fixture, "two").await;
    dispatch(store).await;
    let made = marks().await;
    assert!(made[0] != begin[0] && made[1] == begin[1] && made[2] != begin[2], "deliveries were made");
    let holder = Uuid::new_v4();
    store.take_webhooks(holder, LEASE, 9).await.unwrap();
    let due = store.send_job(hook, holder, 10).await.unwrap().unwrap().deliveries;
    let failed = SendAttempt { problem: Some("nobody answers".into()), ..attempt(DeliveryState::Pending) };
    assert!(store.record_attempt((hook, due[0].id), (holder, LEASE), failed).await.unwrap());
    let tried = marks().await;
    assert!(tried[0] != made[0] && tried[1] == begin[1], "one was tried");
    let receiver = store.webhook_receivers(&[hook]).await.unwrap().remove(&hook).unwrap();
    assert_eq!((receiver.failures, receiver.pending, receiver.problem.as_deref()), (1, 2, Some("nobody answers")));
    assert!(receiver.failing_since.is_some() && receiver.last_attempt_at.is_some(), "{receiver:?}");

    let done = attempt(DeliveryState::Delivered);
    for delivery in &due {
        assert!(store.record_attempt((hook, delivery.id), (holder, LEASE), done.clone()).await.unwrap());
    }
    store.release_webhook(hook, holder).await.unwrap();
    let receiver = store.webhook_receivers(&[hook]).await.unwrap().remove(&hook).unwrap();
    assert_eq!((receiver.failures, receiver.pending, receiver.next_attempt_at, receiver.problem), (0, 0, None, None));
    let done = marks().await;
    fixture.writer.redeliver(due[0].id).await.unwrap();
    assert!(marks().await[0] != done[0], "somebody asks for one again");
}
