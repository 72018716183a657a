use anyhow::Context;
use causeway_store::{Database, Store};

/// Connects to Postgres, refuses a pooler that shares sessions, and brings the schema up to date.
pub(super) async fn connect(database: &Database) -> anyhow::Result<Store> {
    let store = database.connect()?;
    store.check_sessions().await.context("the database can't be used")?;
    store.migrate().await.context("the schema could not be brought up to date")?;
    Ok(store)
}
