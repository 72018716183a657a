//! What becomes of a connection whose user came to no good end.

use causeway_store::pool::Pool;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};
use std::{collections::BTreeSet, time::Duration};
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

/// A test of time itself: a connection that says nothing for five seconds is given up.
#[sqlx::test(migrations = false)]
async fn who_gives_up_waiting_for_a_lock_takes_no_connection_from_others(pool: PgPool) {
    pool.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1)").await.unwrap();
    let two = Pool::new(PgConnectOptions::clone(&pool.connect_options()), 2, WAIT);
    let before = backends(&two, 2).await;
    let mut held = pool.begin().await.unwrap();
    held.execute("SELECT FROM t FOR UPDATE").await.unwrap();
    assert!(timeout(Duration::from_millis(100), two.execute("UPDATE t SET n = 2")).await.is_err());
    let given_up = timeout(WAIT, async { while backends(&two, 2).await.is_subset(&before) {} });
    given_up.await.expect("the silent one is replaced");
    assert_eq!(backends(&two, 2).await.intersection(&before).count(), 1, "Postgres is well, and so is the other one");
    held.rollback().await.unwrap();
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

/// What an administrator does: over a connection of its own, which may always write.
async fn administrator(pool: &PgPool) -> PgConnection {
    let options = PgConnectOptions::clone(&pool.connect_options()).options([("default_transaction_read_only", "off")]);
    PgConnection::connect_with(&options).await.unwrap()
}

/// Connections that are opened from now on lead to a server that takes no writes, or to one that does.
async fn take_writes(administrator: &mut PgConnection, writes: bool) {
    let database: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(&mut *administrator).await.unwrap();
    let word = if writes { "off" } else { "on" };
    let statement = format!("ALTER DATABASE \"{database}\" SET default_transaction_read_only = {word}");
    administrator.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
}

/// Which of these are still connected.
async fn connected(administrator: &mut PgConnection, backends: &BTreeSet<i32>) -> i64 {
    let backends: Vec<i32> = backends.iter().copied().collect();
    let count = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)").bind(backends);
    count.fetch_one(administrator).await.unwrap()
}

/// As many connections as the pool may have, all given back.
async fn backends(pool: &Pool, count: usize) -> BTreeSet<i32> {
    let mut held = vec![];
    for _ in 0..count {
        held.push(pool.acquire().await.unwrap());
    }
    let mut backends = BTreeSet::new();
    for mut connection in held {
        let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *connection);
        backends.insert(pid.await.unwrap());
        connection.give_back();
    }
    backends
}

#[sqlx::test(migrations = false)]
async fn after_a_failover_no_connection_to_the_old_primary_stays(pool: PgPool) {
    pool.execute("CREATE TABLE t (n int)").await.unwrap();
    let mut administrator = administrator(&pool).await;
    take_writes(&mut administrator, false).await;
    let four = Pool::new(PgConnectOptions::clone(&pool.connect_options()), 4, WAIT);
    let old = backends(&four, 4).await;
    assert_eq!(old.len(), 4);
    assert!(!four.takes_writes().await.unwrap());
    take_writes(&mut administrator, true).await;
    // One write is refused after the other until the connections are a second old; then the first that is refused has all of them closed.
    let write = async || four.execute("INSERT INTO t VALUES (1)").await;
    let written = timeout(WAIT, async {
        while let Err(error) = write().await {
            assert_eq!(error.as_database_error().unwrap().code().unwrap(), "25006");
        }
        while connected(&mut administrator, &old).await > 0 {}
    });
    written.await.expect("writes work again");
    assert!(four.takes_writes().await.unwrap());
    assert!(backends(&four, 4).await.is_disjoint(&old));
}

#[sqlx::test(migrations = false)]
async fn a_transaction_that_is_refused_by_the_old_primary_ends_its_connection_too(pool: PgPool) {
    pool.execute("CREATE TABLE t (n int)").await.unwrap();
    let mut administrator = administrator(&pool).await;
    take_writes(&mut administrator, false).await;
    let one = one(&pool);
    let old = BTreeSet::from([backend(&one).await]);
    take_writes(&mut administrator, true).await;
    let gone = timeout(WAIT, async {
        while connected(&mut administrator, &old).await > 0 {
            let mut connection = one.acquire().await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            // Once the connection is another one it is written.
            let _ = transaction.execute("INSERT INTO t VALUES (1)").await;
        }
    });
    gone.await.expect("the connection is closed");
    one.execute("INSERT INTO t VALUES (1)").await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_server_without_writes_is_asked_over_new_connections_once_a_second_only(pool: PgPool) {
    let mut administrator = administrator(&pool).await;
    take_writes(&mut administrator, false).await;
    let one = one(&pool);
    let mut seen = BTreeSet::new();
    for _ in 0..50 {
        one.execute("CREATE TABLE t (n int)").await.unwrap_err();
        seen.insert(backend(&one).await);
    }
    // However long the fifty take: a connection is used for a second.
    assert!(seen.len() <= 5, "{} connections were opened", seen.len());
}

#[sqlx::test(migrations = false)]
async fn a_transaction_that_nobody_ended_ends_with_its_connection(pool: PgPool) {
    let one = one(&pool);
    let before = backend(&one).await;
    // As after a BEGIN whose answer nobody waited for: sqlx knows of no transaction.
    one.acquire().await.unwrap().execute("BEGIN").await.unwrap();
    assert_ne!(backend(&one).await, before);
}

#[sqlx::test(migrations = false)]
async fn a_server_that_vanished_costs_seconds(pool: PgPool) {
    let options = PgConnectOptions::clone(&pool.connect_options());
    let server = (options.get_host().to_owned(), options.get_port());
    let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = relay.local_addr().unwrap();
    let (vanish, vanished) = tokio::sync::watch::channel(false);
    // Connections that are there when the machine vanishes are answered nothing, not even that they are closed; later ones lead elsewhere.
    tokio::spawn(async move {
        let mut silent = vec![];
        loop {
            let (mut client, _) = relay.accept().await.unwrap();
            let mut upstream = tokio::net::TcpStream::connect(&server).await.unwrap();
            let mut vanished = vanished.clone();
            let is_old = !*vanished.borrow();
            silent.push(tokio::spawn(async move {
                let is_silent = async {
                    let _ = vanished.wait_for(|vanished| *vanished && is_old).await.map(|_| ());
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut upstream) => {}
                    () = is_silent => std::future::pending().await,
                }
            }));
        }
    });
    let two = Pool::new(options.host("127.0.0.1").port(at.port()), 2, WAIT);
    let old = backends(&two, 2).await;
    vanish.send(true).unwrap();
    // The client gives up; its connection is settled, which closes the other one as well.
    assert!(timeout(Duration::from_millis(100), two.execute("SELECT 1")).await.is_err());
    let answered =
        timeout(WAIT, async { while timeout(Duration::from_millis(100), two.execute("SELECT 1")).await.is_err() {} });
    answered.await.expect("statements are answered again");
    assert!(backends(&two, 2).await.is_disjoint(&old));
}
