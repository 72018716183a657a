//! The transaction of a trial.

use super::{Proposed, limits::OF_STATEMENTS};
use crate::{
    Store, Writer,
    error::{Result, StoreError},
    queue::Key,
};
use causeway_records::{
    inputs::AnyInputs,
    trial::{PLACEHOLDER, Side},
};
use sqlx::Connection as _;
use std::collections::{BTreeMap, BTreeSet};

/// What the statements of a transaction see of others.
#[derive(Clone, Copy)]
pub(super) enum Snapshot {
    /// All of them what was committed when the first began.
    One,
    /// Each what was committed when it began.
    Each,
}

impl Snapshot {
    const fn begin(self) -> &'static str {
        match self {
            Self::One => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            Self::Each => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }
}

/// A transaction that whatever is written through its writer becomes a part of.
pub(super) struct OwnTransaction {
    writer: Writer,
    /// The last id that was given out before it.
    last_id: i64,
}

impl OwnTransaction {
    pub(super) async fn begin(writer: &Writer, snapshot: Snapshot) -> Result<Self> {
        // It is asked for once; not over this connection.
        writer.store.control_plane().await?;
        let mut connection = writer.store.pool.acquire().await?;
        // The guard would end the transaction when it is dropped, and holds nothing but a borrow of the connection. The transaction goes on for as long as
        // the connection: so every begin of a write is a savepoint.
        std::mem::forget(connection.begin_with(snapshot.begin()).await?);
        sqlx::raw_sql(OF_STATEMENTS).execute(&mut *connection).await?;
        // With this the transaction has its number, before those of its savepoints.
        let last_id = sqlx::query_scalar!("SELECT last_value FROM ids, pg_current_xact_id()");
        let last_id = last_id.fetch_one(&mut *connection).await?;
        // What one snapshot shows fits together without locks. What is to be committed may rely on what it has read.
        let is_view = matches!(snapshot, Snapshot::One);
        let store = Store { pool: writer.store.pool.over(connection), is_view, ..writer.store.clone() };
        Ok(Self { writer: Writer { store, ..writer.clone() }, last_id })
    }

    fn store(&self) -> &Store {
        &self.writer.store
    }

    /// Carries the write out, and reads what the records that it concerns become; then only what workers would do later is undone.
    pub(super) async fn carry_out<V>(&self, proposed: &Proposed<V>) -> Result<(V, Side<AnyInputs>)> {
        self.send("SAVEPOINT before_write").await?;
        let written = (proposed.write)(self.writer.clone()).await?;
        self.send("SAVEPOINT after_write").await?;
        if let Some(Key { kind, id }) = proposed.deletion {
            match self.store().confirm_deleted(kind, id).await {
                // It takes one step, or waits for others that go first.
                Ok(_) | Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let woken = self.store().woken_here(proposed.deletion).await?;
        let after = self.store().side(&woken, &numbers(&woken, self.last_id)).await?;
        self.send("ROLLBACK TO SAVEPOINT after_write").await?;
        Ok((written, after))
    }

    /// Undoes the write, and reads the same records.
    pub(super) async fn before(&self, after: &Side<AnyInputs>) -> Result<Side<AnyInputs>> {
        self.send("ROLLBACK TO SAVEPOINT before_write").await?;
        let known = after.touched.keys().filter(|(_, id)| *id < PLACEHOLDER);
        let known = known.map(|(kind, id)| Key { kind: *kind, id: *id }).collect();
        self.store().side(&known, &Numbers::new()).await
    }

    pub(super) async fn commit(&self) -> Result<()> {
        self.send("COMMIT").await
    }

    async fn send(&self, text: &'static str) -> Result<()> {
        sqlx::raw_sql(text).execute(&self.store().pool).await?;
        Ok(())
    }
}

/// Ids that a write gave out, each with what stands for it.
pub(super) type Numbers = BTreeMap<i64, i64>;

fn numbers(woken: &BTreeSet<Key>, last_id: i64) -> Numbers {
    woken.iter().map(|key| key.id).filter(|id| *id > last_id).zip(PLACEHOLDER..).collect()
}
