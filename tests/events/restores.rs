//! A database that goes back to an older state.

use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, unique_name};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::{
    api,
    follower::{Follower, number},
};

async fn account(platform: &ControlPlane, what: &str) {
    let body = json!({"Name": unique_name(what), "AccountID": "1", "DefaultRegion": "x"});
    platform.client().create("aws-accounts", &body).await.unwrap();
}

/// Runs these statements as Postgres's admin while the API is away.
async fn offline(platform: &mut ControlPlane, statements: impl Fn(&str) -> Vec<String>) {
    platform.kill_api().await;
    let url = platform.database_url();
    let name = url.rsplit('/').next().unwrap();
    let endpoints = Endpoints::from_env().unwrap();
    let mut admin = PgConnection::connect(&endpoints.postgres.url).await.unwrap();
    // A killed client's connection takes Postgres a moment to notice.
    let end = format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'");
    for text in std::iter::once(end).chain(statements(name)) {
        admin.execute(AssertSqlSafe(text)).await.unwrap();
    }
    platform.start_api_again().await.unwrap();
}

/// Positions of the lost history come again in the restored one, for other events: nobody goes on from them as if nothing had been.
#[tokio::test]
async fn who_followed_what_a_restored_backup_has_forgotten_lists_again() {
    let mut platform = api("events_restored", &[]).await;
    let url = platform.url();
    let mut follower = Follower::begin(&url).await;
    account(&platform, "before").await;
    // It has its position, and the copy knows it.
    follower.catch_up(&url, "").await;
    offline(&mut platform, |name| vec![format!("CREATE DATABASE {name}_backup TEMPLATE {name}")]).await;
    for _ in 0..3 {
        account(&platform, "lost").await;
    }
    follower.catch_up(&url, "").await;
    assert_eq!((follower.seen.len(), follower.resets.len()), (4, 0));
    let lost = follower.seen.last().map(number);

    offline(&mut platform, |name| {
        vec![format!("DROP DATABASE {name} WITH (FORCE)"), format!("ALTER DATABASE {name}_backup RENAME TO {name}")]
    })
    .await;
    let mut other = Follower::begin(&url).await;
    for _ in 0..4 {
        account(&platform, "after").await;
    }
    other.catch_up(&url, "").await;
    assert!(other.seen.last().map(number) > lost, "numbers were given out twice, and the epoch alone tells");
    follower.catch_up(&url, "").await;
    assert_eq!(follower.resets, ["OtherEpoch"]);
    // After the list that it makes now, it misses nothing.
    account(&platform, "later").await;
    follower.catch_up(&url, "").await;
    let told: Vec<&Value> = follower.seen[4..].iter().collect();
    assert!(told.len() == 1 && told[0]["Name"].as_str().unwrap().starts_with("later"), "{told:?}");
    platform.stop().await;
}
