//! Leases: who holds which cluster, and what holding them costs.

use std::time::Duration;

use sqlx::PgPool;

use crate::fixture::Fixture;

#[sqlx::test(migrations = false)]
async fn leases_spread_evenly_and_pass_on(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (a, b, ttl) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2), Duration::from_secs(30));
    let held = fixture.store.keep_leases(a, ttl).await.unwrap();
    assert_eq!((held.leases.len(), held.share), (2, 2));
    let other = fixture.store.keep_leases(b, ttl).await.unwrap();
    assert_eq!((other.leases.len(), other.share), (0, 1));
    let held = fixture.store.keep_leases(a, ttl).await.unwrap();
    assert_eq!((held.leases.len(), held.share), (2, 1));
    fixture.store.release_leases(a, &[fixture.runtime]).await.unwrap();
    let other = fixture.store.keep_leases(b, ttl).await.unwrap();
    assert_eq!(
        other.leases.iter().map(|lease| (lease.cluster_id, lease.epoch)).collect::<Vec<_>>(),
        [(fixture.runtime, 2)]
    );
}

#[sqlx::test(migrations = false)]
async fn a_worker_that_lives_on_writes_no_lease(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (worker, ttl) = (uuid::Uuid::from_u128(1), Duration::from_secs(30));
    let held = fixture.store.keep_leases(worker, ttl).await.unwrap();
    let versions = async || -> Vec<String> {
        sqlx::query_scalar("SELECT xmin::text FROM leases ORDER BY runtime_id").fetch_all(&pool).await.unwrap()
    };
    let written = versions().await;
    assert_eq!(fixture.store.keep_leases(worker, ttl).await.unwrap(), held);
    assert_eq!(versions().await, written);
}

#[sqlx::test(migrations = false)]
async fn a_worker_that_says_too_late_that_it_lives_begins_anew(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (late, other, ttl) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2), Duration::from_secs(30));
    let before = fixture.store.keep_leases(late, ttl).await.unwrap().leases;
    let ends = async || {
        sqlx::query("UPDATE workers SET until = now() WHERE id = $1").bind(late).execute(&pool).await.unwrap();
    };
    ends().await;
    let after = fixture.store.keep_leases(late, ttl).await.unwrap().leases;
    assert_eq!(after.len(), before.len());
    assert!(
        after
            .iter()
            .all(|lease| before.iter().all(|old| old.cluster_id != lease.cluster_id || old.epoch < lease.epoch))
    );
    // Another one was there first: it has them all, and the late one waits for its share.
    ends().await;
    assert_eq!(fixture.store.keep_leases(other, ttl).await.unwrap().leases.len(), before.len());
    assert_eq!(fixture.store.keep_leases(late, ttl).await.unwrap().leases, []);
}

/// A worker extends its life while another one finds that it has ended: whichever is first, never both hold a lease.
#[sqlx::test(migrations = false)]
async fn a_worker_that_is_extending_its_life_is_not_dead(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let (slow, other, ttl) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2), Duration::from_secs(30));
    fixture.store.keep_leases(slow, ttl).await.unwrap();
    // The extension begins in time, and is committed too late.
    let mut extension = pool.begin().await.unwrap();
    sqlx::query("UPDATE workers SET until = clock_timestamp()").execute(&pool).await.unwrap();
    let extended = sqlx::query("UPDATE workers SET until = now() + interval '30 s' WHERE id = $1 AND until > now()")
        .bind(slow)
        .execute(&mut *extension)
        .await
        .unwrap();
    assert_eq!(extended.rows_affected(), 1);
    assert_eq!(fixture.store.keep_leases(other, ttl).await.unwrap().leases, []);
    extension.commit().await.unwrap();
    assert_eq!(fixture.store.keep_leases(other, ttl).await.unwrap().leases, []);
    assert_eq!(fixture.store.keep_leases(slow, ttl).await.unwrap().leases.len(), 2);
}

#[sqlx::test(migrations = false)]
async fn one_scan_finds_the_clusters_with_due_records(pool: PgPool) {
    let fixture = Fixture::new(&pool).await;
    let scan = async || fixture.store.clusters_with_due_records(&[0, fixture.runtime, i64::MAX]).await.unwrap();
    sqlx::query("UPDATE reconciliations SET due_at = now() + interval '1 hour'").execute(&pool).await.unwrap();
    assert!(scan().await.is_empty());
    for urgent in [true, false] {
        let text = "UPDATE reconciliations SET due_at = now(), urgent = $2 WHERE kind = 'WorkloadInstance' AND id = $1";
        sqlx::query(text).bind(fixture.workload).bind(urgent).execute(&pool).await.unwrap();
        assert_eq!(scan().await, [fixture.runtime], "urgent: {urgent}");
    }
}
