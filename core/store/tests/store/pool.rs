//! What becomes of a connection whose user came to no good end.

use causeway_store::pool::Pool;
use sqlx::{Connection, Executor, PgPool, postgres::PgConnectOptions};
use std::time::Duration;
use tokio::time::timeout;

const WAIT: Duration = Duration::from_secs(10);

/// One connection, so that whoever comes next has the same one or a new one.
fn one(pool: &PgPool) -> Pool {
    Pool::new(PgConnectOptions::clone(&pool.connect_options()), 1, WAIT)
}

async fn backend(pool: &Pool) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrations = false)]
async fn a_transaction_that_was_left_is_undone_though_nobody_uses_its_connection(pool: PgPool) {
    pool.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").await.unwrap();
    let one = one(&pool);
    let before = backend(&one).await;
    {
        let mut connection = one.acquire().await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        transaction.execute("UPDATE t SET n = 2").await.unwrap();
    }
    let locked = sqlx::query_scalar("UPDATE t SET n = n + 10 RETURNING n").fetch_one(&pool);
    let found: i32 = timeout(WAIT, locked).await.expect("the row is free").unwrap();
    assert_eq!((found, backend(&one).await), (11, before));
}

#[sqlx::test(migrations = false)]
async fn a_statement_that_nobody_waits_for_leaves_its_connection_as_it_was(pool: PgPool) {
    let one = one(&pool);
    let before = backend(&one).await;
    let slow =
        timeout(Duration::from_millis(100), one.execute("SELECT n FROM pg_sleep(0.5), generate_series(1, 10000) n"));
    assert!(slow.await.is_err());
    assert_eq!(backend(&one).await, before, "it waits for the answer, and takes its own and no other");
}

#[sqlx::test(migrations = false)]
async fn a_connection_that_postgres_ended_is_replaced(pool: PgPool) {
    let one = one(&pool);
    let before = backend(&one).await;
    one.execute("SELECT 1 / 0").await.unwrap_err();
    assert_eq!(backend(&one).await, before, "a refusal says nothing against it");
    sqlx::query("SELECT pg_terminate_backend($1, 5000)").bind(before).execute(&pool).await.unwrap();
    one.execute("SELECT 1").await.unwrap_err();
    assert_ne!(backend(&one).await, before);
}

#[sqlx::test(migrations = false)]
async fn nobody_waits_for_a_connection_longer_than_he_said(pool: PgPool) {
    let one = Pool::new(PgConnectOptions::clone(&pool.connect_options()), 1, Duration::from_millis(100));
    let held = one.acquire().await.unwrap();
    assert!(matches!(one.execute("SELECT 1").await, Err(sqlx::Error::PoolTimedOut)));
    held.give_back();
    one.execute("SELECT 1").await.unwrap();
    one.close();
    assert!(matches!(one.execute("SELECT 1").await, Err(sqlx::Error::PoolClosed)));
}
