//! Turns of an AWS account at Route 53.

use super::fixture::Fixture;
use sqlx::PgPool;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(250);
const BURST: u32 = 4;

#[sqlx::test(migrations = false)]
async fn an_account_has_some_requests_at_once_and_then_one_after_the_other(pool: PgPool) {
    let store = Fixture::new(&pool).await.store;
    let take = async |account: &str| store.reserve_route53_request(account, INTERVAL, BURST).await.unwrap();
    for _ in 0..BURST {
        assert_eq!(take("1").await, Duration::ZERO);
    }
    let wait = take("1").await;
    assert!(wait > Duration::ZERO && wait <= INTERVAL, "{wait:?}");
    assert_eq!(take("2").await, Duration::ZERO, "each account has its own");
    let set = async |paid_until: &str| {
        let text =
            format!("UPDATE route53_requests SET paid_until = now() + interval '{paid_until}' WHERE account = '1'");
        sqlx::query(sqlx::AssertSqlSafe(text)).execute(&pool).await.unwrap();
    };
    set("-1 hour").await;
    for _ in 0..BURST {
        assert_eq!(take("1").await, Duration::ZERO);
    }
    assert!(take("1").await > Duration::ZERO, "what was not used is not saved up");
    set("1 day").await;
    assert!(take("1").await <= Duration::from_secs(61), "a clock that was wrong holds nobody up for long");
}

/// Each in a process of its own.
#[sqlx::test(migrations = false)]
async fn workers_that_ask_at_the_same_moment_are_given_different_turns(pool: PgPool) {
    let store = Fixture::new(&pool).await.store;
    let start = Instant::now();
    let asked = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.reserve_route53_request("1", INTERVAL, BURST).await.unwrap() })
    });
    let mut waits = vec![];
    for answer in asked.collect::<Vec<_>>() {
        waits.push(answer.await.unwrap());
    }
    waits.sort();
    let longest = *waits.last().unwrap();
    // Each that asked had waited for nothing yet, so the last turn is as far away as all before it take.
    assert!(longest + start.elapsed() >= INTERVAL * (20 - BURST), "{waits:?}");
    assert!(longest <= INTERVAL * (20 - BURST), "{waits:?}");
}

#[sqlx::test(migrations = false)]
async fn an_account_that_is_not_asked_any_more_is_forgotten(pool: PgPool) {
    let store = Fixture::new(&pool).await.store;
    let take = async |account: &str| store.reserve_route53_request(account, INTERVAL, BURST).await.unwrap();
    for account in ["1", "2", "3"] {
        take(account).await;
    }
    let age = "UPDATE route53_requests SET paid_until = now() - interval '61 minutes' WHERE account <> '2'";
    sqlx::query(age).execute(&pool).await.unwrap();
    take("1").await;
    let text = "SELECT account FROM route53_requests ORDER BY account";
    let left: Vec<String> = sqlx::query_scalar(text).fetch_all(&pool).await.unwrap();
    assert_eq!(left, ["1", "2"], "the one that asks stays, and so does one that asked a moment ago");
    for _ in 0..BURST {
        assert_eq!(take("3").await, Duration::ZERO, "it begins anew");
    }
    assert!(take("3").await > Duration::ZERO);
}

/// Each would forget all the others.
#[sqlx::test(migrations = false)]
async fn accounts_that_come_back_at_the_same_moment_do_not_wait_for_each_other(pool: PgPool) {
    let store = Fixture::new(&pool).await.store;
    for _ in 0..10 {
        let asked = (0..12).map(|account| {
            let store = store.clone();
            let take = async move { store.reserve_route53_request(&account.to_string(), INTERVAL, BURST).await };
            tokio::spawn(take)
        });
        for answer in asked.collect::<Vec<_>>() {
            assert_eq!(answer.await.unwrap().unwrap(), Duration::ZERO);
        }
        let age = "UPDATE route53_requests SET paid_until = now() - interval '61 minutes'";
        sqlx::query(age).execute(&pool).await.unwrap();
    }
}
