//! No connection comes free: because all are in use, or because nobody answers?

use crate::fixture::record;
use causeway_records::nouns::*;
use causeway_store::{Store, StoreError};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use std::time::Duration;

/// Several such waits must be over before Postgres ends the statement that is in the way.
const WAIT: Duration = Duration::from_secs(2);

#[sqlx::test(migrations = "../../migrations")]
async fn a_busy_database_is_told_apart(pool: PgPool) {
    let options = pool.connect_options();
    let (host, port, database) = (options.get_host(), options.get_port(), options.get_database().unwrap());
    let url = format!("postgres://{}@{host}:{port}/{database}", options.get_username());
    let store = Store::connect(&url, 1, WAIT).unwrap();
    let mut holder = PgConnection::connect_with(&options).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    held.execute("LOCK TABLE aws_accounts").await.unwrap();
    let waits = tokio::spawn({
        let store = store.clone();
        async move { store.get::<AwsAccount>(1).await }
    });
    while store.list::<Event>(&[], 1, 0).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(store.get::<Event>(1).await, Err(StoreError::NoConnection)));
    assert!(store.is_reachable().await);
    store.ping().await.unwrap();
    held.rollback().await.unwrap();
    assert!(matches!(waits.await.unwrap(), Err(StoreError::NotFound)));
    store.list::<Event>(&[], 1, 0).await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_away_is_told_apart() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = Store::connect(&format!("postgres://postgres@127.0.0.1:{free}/none"), 1, WAIT).unwrap();
    let writer = store.on_behalf_of(causeway_store::Origin { caller: "tester".into(), request_id: None });
    let account = record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#);
    assert!(matches!(writer.create(account).await, Err(StoreError::NoConnection)));
    assert!(!store.is_reachable().await);
    assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
}

#[sqlx::test(migrations = "../../migrations")]
async fn a_database_without_writes_is_told_apart(pool: PgPool) {
    let options = pool.connect_options();
    let (host, port, database) = (options.get_host(), options.get_port(), options.get_database().unwrap());
    let alter = format!("ALTER DATABASE \"{database}\" SET default_transaction_read_only = on");
    pool.execute(sqlx::AssertSqlSafe(alter)).await.unwrap();
    let url = format!("postgres://{}@{host}:{port}/{database}", options.get_username());
    let store = Store::connect(&url, 1, WAIT).unwrap();
    assert!(matches!(store.ping().await, Err(StoreError::ReadOnly)));
    let writer = store.on_behalf_of(causeway_store::Origin { caller: "tester".into(), request_id: None });
    let account = record::<AwsAccount>(r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#);
    assert!(matches!(writer.create(account).await, Err(StoreError::ReadOnly)));
    store.list::<Event>(&[], 1, 0).await.expect("reads are answered");
}
