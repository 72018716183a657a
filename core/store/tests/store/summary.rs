//! The columns that lists and overviews are asked for follow from the conditions, whoever writes these.

use causeway_records::{
    Kind, Record,
    nouns::GatewayInstance,
    status::{ConditionStatus, NewCondition},
};
use causeway_store::{
    Blocked,
    queue::{Action, Key, Outcome},
};
use sqlx::PgPool;

use crate::fixture::Fixture;

const HTTPS: &str = r#""HttpPorts":[{"Port":443,"TLSEnabled":true}]"#;

/// Ready, the step that blocks, its reason, and whether there is a time.
fn told(record: &Record<GatewayInstance>) -> (Option<ConditionStatus>, Option<&str>, Option<&str>, bool) {
    let status = &record.status;
    (status.ready, status.blocking_step.as_deref(), status.blocking_reason.as_deref(), status.blocking_since.is_some())
}

#[sqlx::test(migrations = false)]
async fn what_blocks_follows_from_the_conditions(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", HTTPS).await;
    let id = fixture.instance("web", definition).await.unwrap().id();
    let key = Key { kind: Kind::GatewayInstance, id };
    let begin = async || fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    let read = async || fixture.store.get::<GatewayInstance>(id).await.unwrap();
    let blocked = async || {
        let all = fixture.store.blocked(Blocked { kind: Some(Kind::GatewayInstance), limit: 10, ..Blocked::default() });
        all.await.unwrap().into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(told(&read().await), (Some(ConditionStatus::Unknown), None, None, true));
    assert_eq!(blocked().await, [id], "nobody has reconciled it yet");

    let fails = Outcome::with(vec![NewCondition::not_met("Applied", "Conflict", "held by others")]);
    fixture.store.complete(&begin().await, &fails, 1).await.unwrap();
    let first = read().await;
    assert_eq!(told(&first), (Some(ConditionStatus::False), Some("Applied"), Some("Conflict"), true));
    fixture.store.complete(&begin().await, &fails, 1).await.unwrap();
    assert_eq!(read().await.status, first.status, "the same again");

    let paused = vec![NewCondition::not_met("Paused", "InterruptReconciliation", "paused")];
    fixture.store.requeue(&begin().await, Action::AwaitChange, paused).await.unwrap();
    let waits = (Some(ConditionStatus::False), Some("Paused"), Some("InterruptReconciliation"), true);
    assert_eq!(told(&read().await), waits, "a reconcile that does nothing says so as well");
    fixture.store.requeue(&begin().await, Action::AwaitChange, vec![]).await.unwrap();
    assert_eq!(told(&read().await), waits, "nothing new was found");

    let stands = Outcome::with(vec![NewCondition::met("Applied", "Applied", "one object")]);
    fixture.store.complete(&begin().await, &stands, 1).await.unwrap();
    assert_eq!(told(&read().await), (Some(ConditionStatus::True), None, None, false));
    assert_eq!(blocked().await, Vec::<i64>::new());
    // A worker that has lost the lease changes none of it.
    let work = begin().await;
    sqlx::query("UPDATE leases SET epoch = epoch + 1").execute(&pool).await.unwrap();
    fixture.store.complete(&work, &fails, 1).await.unwrap();
    assert_eq!(told(&read().await), (Some(ConditionStatus::True), None, None, false));
}

#[sqlx::test(migrations = false)]
async fn what_belongs_to_no_cluster_names_none(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    fixture.definition("web", HTTPS).await;
    let blocked = fixture.store.blocked(Blocked { limit: 100, ..Blocked::default() }).await.unwrap();
    let of = |kind| blocked.iter().find(|record| record.kind == kind).unwrap().runtime_id;
    assert_eq!((of(Kind::GatewayDefinition), of(Kind::WorkloadInstance)), (None, Some(fixture.runtime)));
    let counts = fixture.store.record_counts().await.unwrap();
    let of = |kind| counts.iter().find(|count| count.kind == kind).unwrap().runtime_id;
    assert_eq!((of(Kind::GatewayDefinition), of(Kind::WorkloadInstance)), (None, Some(fixture.runtime)));
}
