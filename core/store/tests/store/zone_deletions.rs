//! The budget of deletions of a hosted zone.

use super::fixture::Fixture;
use sqlx::PgPool;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

#[sqlx::test(migrations = false)]
async fn so_many_hostnames_leave_a_zone_in_a_period(pool: PgPool) {
    let store = Fixture::new(&pool).await.store;
    let take = async |zone: &str, hosts: u32| store.take_from_zone(zone, hosts, 20, HOUR).await.unwrap();
    assert!(!take("Z1", 21).await, "never that many at once");
    assert!(take("Z1", 15).await && !take("Z1", 6).await && take("Z1", 5).await);
    assert!(!take("Z1", 1).await, "what was refused wasn't counted, and now it is used up");
    assert!(take("Z2", 20).await, "each zone has its own");
    sqlx::query("UPDATE zone_deletions SET since = since - interval '61 minutes' WHERE hosted_zone_id = 'Z1'")
        .execute(&pool)
        .await
        .unwrap();
    assert!(take("Z1", 20).await && !take("Z1", 1).await, "another period begins with the first");
}

/// Many workers ask at the same moment.
#[sqlx::test(migrations = false)]
async fn no_more_leave_than_the_budget_however_many_ask(pool: PgPool) {
    let store = Fixture::new(&pool).await.store;
    let asked = (0..30).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.take_from_zone("Z1", 3, 20, HOUR).await.unwrap() })
    });
    let mut taken = 0;
    for answer in asked.collect::<Vec<_>>() {
        taken += usize::from(answer.await.unwrap());
    }
    assert_eq!(taken, 6);
}
