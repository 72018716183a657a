//! The events of a workload instance: what is kept, and that nothing is written twice.

use crate::fixture::Fixture;
use causeway_records::nouns::WorkloadEvent;
use causeway_store::{
    Filter, Store,
    resources::Resource,
    workload_events::{APPLIED, NewWorkloadEvent},
};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

fn event(uid: &str, minutes_ago: i64, message: &str) -> NewWorkloadEvent {
    NewWorkloadEvent {
        uid: uid.to_owned(),
        object: Some("apps/Deployment/shop/web".to_owned()),
        warning: true,
        reason: "FailedScheduling".to_owned(),
        message: message.to_owned(),
        at: Utc::now() - TimeDelta::minutes(minutes_ago),
    }
}

async fn listed(store: &Store) -> Vec<WorkloadEvent> {
    let none: [Filter; 0] = [];
    let (records, _) = store.list::<WorkloadEvent>(&none, 1000, 0).await.unwrap();
    records.into_iter().map(|record| record.spec).collect()
}

/// The transactions that wrote the rows.
async fn writers(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("SELECT xmin::text FROM workload_events ORDER BY id").fetch_all(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn an_event_is_written_once_and_again_when_it_says_something_new(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (store, workload) = (&fixture.store, fixture.workload);
    let resource = Resource {
        key: "apps/Deployment/shop/web".into(),
        definition: serde_json::json!({}),
        state: None,
        reconciled: true,
        last_operation: "Created".into(),
    };
    store.save_resources(workload, &[resource]).await.unwrap();
    let first = event("u1", 10, "no node");
    store.save_workload_events(workload, std::slice::from_ref(&first)).await.unwrap();
    let found = listed(store).await;
    assert_eq!((found[0].r#type.as_str(), found[0].runtime_event_uid.as_str()), ("Warning", "u1"));
    assert!(found[0].workload_resource_instance_id.is_some() && found[0].workload_instance_id == Some(workload));
    let before = writers(&pool).await;
    let soon = NewWorkloadEvent { at: first.at + TimeDelta::seconds(30), ..first.clone() };
    store.save_workload_events(workload, &[soon]).await.unwrap();
    assert_eq!(writers(&pool).await, before, "half a minute later it is no news");
    let later: DateTime<Utc> = first.at + TimeDelta::minutes(2);
    store.save_workload_events(workload, &[NewWorkloadEvent { at: later, ..first.clone() }]).await.unwrap();
    let other = NewWorkloadEvent { message: "no node is large enough".into(), at: later, ..first };
    store.save_workload_events(workload, &[other]).await.unwrap();
    let found = listed(store).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].message.as_str(), found[0].timestamp.timestamp()),
        ("no node is large enough", later.timestamp())
    );
}

#[sqlx::test(migrations = false)]
async fn so_many_are_kept_for_so_long_and_what_was_applied_always(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (store, workload) = (&fixture.store, fixture.workload);
    let applied = NewWorkloadEvent { object: None, warning: false, ..event(APPLIED, 30 * 24 * 60, "applied") };
    store.save_workload_events(workload, &[applied, event("old", 4 * 24 * 60, "old")]).await.unwrap();
    // What a client has written stays, whatever it is.
    sqlx::query(
        "INSERT INTO workload_events (runtime_event_uid, type, reason, message, timestamp, workload_instance_id)
        VALUES ('client', 'Normal', 'x', 'x', now() - interval '1 year', $1)",
    )
    .bind(workload)
    .execute(&pool)
    .await
    .unwrap();
    for round in 0..5 {
        let many: Vec<_> = (0..100).map(|n| event(&format!("{round}-{n}"), 100 - n, "again")).collect();
        store.save_workload_events(workload, &many).await.unwrap();
    }
    let uids: Vec<String> = listed(store).await.into_iter().map(|event| event.runtime_event_uid).collect();
    assert!(uids.len() <= 202, "{}", uids.len());
    for uid in [APPLIED, "client", "4-99"] {
        assert!(uids.iter().any(|found| found == uid), "{uid} is kept");
    }
    assert!(!uids.iter().any(|uid| uid == "old" || uid == "0-0"));
    // A client deletes them all; what happens from then on is kept again, and nothing of the others is left in the table.
    sqlx::query("UPDATE workload_events SET deleted_at = now()").execute(&pool).await.unwrap();
    store.save_workload_events(workload, &[event("4-99", 0, "again")]).await.unwrap();
    assert_eq!(listed(store).await.len(), 1);
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM workload_events").fetch_one(&pool).await.unwrap();
    assert!(rows <= 3, "{rows}");
}
