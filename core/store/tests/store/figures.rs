//! What metrics tell of all records and clusters.

use causeway_records::{Kind, status::NewCondition};
use causeway_store::queue::{Key, Outcome};
use sqlx::PgPool;
use std::time::Duration;

use crate::fixture::Fixture;

#[sqlx::test(migrations = false)]
async fn what_is_blocked_is_counted_by_kind_and_step(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let definition = fixture.definition("web", r#""HttpPorts":[{"Port":80}]"#).await;
    let id = fixture.instance("web", definition).await.unwrap().id();
    let of_gateways = async || {
        let figures = fixture.store.figures().await.unwrap();
        let gateways = figures.blocked.into_iter().filter(|one| one.kind == Kind::GatewayInstance);
        gateways.map(|one| (one.step, one.count, one.longest)).collect::<Vec<_>>()
    };
    let [(step, count, longest)] = &of_gateways().await[..] else { panic!("one group") };
    assert_eq!((step.as_str(), *count), ("Reconciled", 1), "nobody has reconciled it yet");
    assert!(*longest < Duration::from_secs(600), "{longest:?}");

    let key = Key { kind: Kind::GatewayInstance, id };
    let settle = async |conditions| {
        let claimed = fixture.store.begin(&key, fixture.lease()).await.unwrap().unwrap();
        fixture.store.complete(&claimed, &Outcome::with(vec![conditions]), 1).await.unwrap();
    };
    settle(NewCondition::not_met("Applied", "MassDeletion", "nine objects would go")).await;
    sqlx::query("UPDATE reconciliations SET blocking_since = now() - interval '1 hour' WHERE id = $1")
        .bind(id)
        .execute(&pool)
        .await
        .unwrap();
    let [(step, count, longest)] = &of_gateways().await[..] else { panic!("one group") };
    assert_eq!((step.as_str(), *count), ("Applied", 1));
    assert!(*longest >= Duration::from_secs(3600), "{longest:?}");
    let held = async || {
        let figures = fixture.store.figures().await.unwrap();
        (figures.mass_deletions, figures.zone_deletions)
    };
    assert_eq!(held().await, (1, 0));
    settle(NewCondition::not_met("DnsPublished", "MassDeletion", "thirty hostnames would leave the zone")).await;
    assert_eq!(held().await, (0, 1));

    settle(NewCondition::not_met("Applied", "DatabaseRestored", "it has seen a later state")).await;
    assert_eq!((fixture.store.figures().await.unwrap().restored, held().await), (1, (0, 0)));

    sqlx::query("UPDATE reconciliations SET interrupt_reconciliation = true WHERE id = $1")
        .bind(id)
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(of_gateways().await, [], "somebody has paused it");
}

#[sqlx::test(migrations = false)]
async fn a_cluster_without_a_live_worker_is_counted(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let without_worker = async || fixture.store.figures().await.unwrap().without_worker;
    let run = async |statement: &'static str| {
        assert!(sqlx::query(statement).execute(&pool).await.unwrap().rows_affected() > 0, "{statement}");
    };
    let clusters = without_worker().await;
    assert!(clusters > 0, "nobody holds the cluster of the fixture");
    run("INSERT INTO workers(id, until) VALUES (gen_random_uuid(), now() + interval '1 hour')").await;
    run("INSERT INTO leases(runtime_id, holder) SELECT r.id, w.id FROM kubernetes_runtime_instances r, workers w
         ON CONFLICT (runtime_id) DO UPDATE SET holder = excluded.holder")
    .await;
    assert_eq!(without_worker().await, 0, "a worker holds all");
    run("UPDATE workers SET until = now() - interval '1 second'").await;
    assert_eq!(without_worker().await, clusters, "that worker has ended");
}
