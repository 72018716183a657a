//! What Postgres keeps from being overwritten: by a worker that lost its lease, and by a database that lost its memory.

use crate::fixture::{Fixture, record};
use causeway_records::{
    database_epoch::DatabaseEpoch,
    inventory::{InventoryEntry, ObjectRef},
    nouns::AwsAccount,
    status::NewCondition,
};
use causeway_store::{
    StoreError,
    lease::Lease,
    queue::{Action, Key, Outcome},
};
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

fn entry(name: &str) -> InventoryEntry {
    InventoryEntry::intended(ObjectRef {
        group: String::new(),
        version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: None,
        name: name.into(),
    })
}

fn outcome(error: &str) -> Outcome {
    Outcome { applied: true, error: Some(error.into()), ..Outcome::default() }
}

/// The runtime's lease in the hands of a new worker.
async fn take(fixture: &Fixture) -> Lease {
    let held = fixture.store.keep_leases(Uuid::new_v4(), Duration::from_secs(60)).await.unwrap();
    *held.leases.iter().find(|lease| lease.cluster_id == fixture.runtime).unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_worker_that_lost_its_lease_writes_nothing_down(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let key = Key { kind: causeway_records::Kind::WorkloadInstance, id: fixture.workload };
    let old = take(&fixture).await;
    let work = fixture.store.begin(&key, old).await.unwrap().unwrap();
    assert!(fixture.store.save_inventory(&work, &vec![entry("first")]).await.unwrap());

    sqlx::query("UPDATE workers SET until = '-infinity'").execute(&pool).await.unwrap();
    let new = take(&fixture).await;
    assert!(new.epoch > old.epoch);
    let successor = fixture.store.begin(&key, new).await.unwrap().unwrap();
    assert_eq!(successor.inventory, vec![entry("first")]);
    assert!(fixture.store.save_inventory(&successor, &vec![entry("second")]).await.unwrap());
    fixture.store.complete(&successor, &outcome("the successor's"), 1).await.unwrap();

    assert!(!fixture.store.save_inventory(&work, &vec![entry("late")]).await.unwrap());
    assert!(!fixture.store.save_published_state(&work, &serde_json::json!({"late": true})).await.unwrap());
    fixture.store.complete(&work, &outcome("late"), 1).await.unwrap();
    let late = vec![NewCondition::not_met("Applied", "Late", "late")];
    fixture.store.requeue(&work, Action::AwaitChange, late).await.unwrap();
    assert!(fixture.store.begin(&key, old).await.unwrap().is_none(), "it begins nothing more either");
    let now = fixture.store.begin(&key, new).await.unwrap().unwrap();
    assert!(now.conditions.get("Applied").is_none());
    assert_eq!((now.inventory, now.last_error.as_deref()), (vec![entry("second")], Some("the successor's")));
}

#[sqlx::test(migrations = false)]
async fn a_record_whose_row_is_gone_is_due_when_something_of_it_turns_up(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let key = Key { kind: causeway_records::Kind::WorkloadInstance, id: fixture.workload };
    fixture.writer.delete::<causeway_records::nouns::WorkloadInstance>(fixture.workload).await.unwrap();
    fixture.store.confirm_deleted(key.kind, key.id).await.unwrap();
    let due = async || {
        let items = fixture.store.due(fixture.runtime, 100).await.unwrap();
        items.oldest.iter().chain(&items.rest).any(|due| due.key == key)
    };
    assert!(!due().await);
    fixture.store.wake(std::slice::from_ref(&key)).await.unwrap();
    assert!(due().await);
    let work = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
    assert!(work.gone);
    fixture.store.requeue(&work, Action::AwaitChange, vec![]).await.unwrap();
    assert!(!due().await);
}

#[sqlx::test(migrations = false)]
async fn epochs_count_on_and_ids_are_never_given_twice(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    assert_eq!(fixture.store.epoch(fixture.runtime).await.unwrap().epoch, 0);
    assert!(fixture.store.next_epoch(fixture.runtime).await.is_err(), "there is no cluster yet");
    fixture.store.bind_cluster(fixture.runtime, "some-uid").await.unwrap();
    let first = fixture.store.next_epoch(fixture.runtime).await.unwrap();
    assert_eq!(first.epoch, 1);
    assert_eq!(fixture.store.epoch(fixture.runtime).await.unwrap(), first);
    let marked = DatabaseEpoch { epoch: 9, last_id: first.last_id + 40, ..first };
    assert!(first.is_before(&marked));
    fixture.store.skip_ids(&marked).await.unwrap();
    fixture.store.skip_ids(&marked).await.unwrap();
    let passed = fixture.store.pass_epoch(fixture.runtime, marked.epoch).await.unwrap();
    assert_eq!(passed.epoch, 10);
    assert!(passed.last_id > marked.last_id && !passed.is_before(&marked), "{passed:?}");
    assert!(fixture.add_workload("later").await > marked.last_id);
}

/// A mark is what the owner of a cluster says. Whatever it says, there are ids left.
#[sqlx::test(migrations = false)]
async fn a_mark_that_cannot_be_true_skips_no_id(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let now = fixture.store.epoch(fixture.runtime).await.unwrap();
    for last_id in [now.last_id + 1_000_000_001, i64::MAX - 1_000_000, i64::MAX] {
        fixture.store.skip_ids(&DatabaseEpoch { last_id, ..now }).await.unwrap();
        assert_eq!(fixture.store.epoch(fixture.runtime).await.unwrap(), now, "{last_id}");
    }
    fixture.store.skip_ids(&DatabaseEpoch { last_id: now.last_id + 1_000_000_000, ..now }).await.unwrap();
    assert!(fixture.add_workload("later").await > now.last_id + 1_000_000_000);
}

/// No client can mend that, so none is told that its value is wrong.
#[sqlx::test(migrations = false)]
async fn ids_that_are_used_up_are_a_fault_of_the_server(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    sqlx::query("SELECT setval('ids', 9223372036854775807)").execute(&pool).await.unwrap();
    let account = record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#);
    let error = fixture.writer.create(account).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[sqlx::test(migrations = false)]
async fn records_whose_deletion_was_asked_for_are_told_from_those_that_stay(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let stays = fixture.add_workload("stays").await;
    let keys = [fixture.workload, stays, 1].map(|id| Key { kind: causeway_records::Kind::WorkloadInstance, id });
    assert!(fixture.store.being_deleted(&keys).await.unwrap().is_empty());
    fixture.writer.delete::<causeway_records::nouns::WorkloadInstance>(fixture.workload).await.unwrap();
    assert_eq!(fixture.store.being_deleted(&keys).await.unwrap(), keys[..1]);
    fixture.store.confirm_deleted(keys[0].kind, keys[0].id).await.unwrap();
    assert_eq!(fixture.store.being_deleted(&keys).await.unwrap(), keys[..1], "objects of it may still be there");
    assert!(fixture.store.being_deleted(&[]).await.unwrap().is_empty());
}
