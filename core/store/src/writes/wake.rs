//! Who is reconciled again because of a write.

use crate::error::Result;
use causeway_records::Kind;
use sqlx::PgConnection;

/// Those whom a write wakes. They are gathered while it goes on and taken at its end, all at once and in the order in which everybody takes such rows.
#[derive(Debug, Default)]
pub(super) struct Woken {
    /// What is asked for has changed: they aren't reconciled until a reconcile has seen that.
    pub(super) asked: Vec<(Kind, i64)>,
    /// What is asked for is the same as ever, and they have something else to tell.
    pub(super) told: Vec<(Kind, i64)>,
}

impl Woken {
    pub(super) fn add(&mut self, more: Self) {
        self.asked.extend(more.asked);
        self.told.extend(more.told);
    }

    fn all(&self) -> Vec<(Kind, i64)> {
        self.asked.iter().chain(&self.told).copied().collect()
    }
}

/// Wakes records, without their dependants.
pub(super) async fn each(connection: &mut PgConnection, woken: &Woken) -> Result<()> {
    wake(connection, &woken.asked, true).await?;
    wake(connection, &woken.told, false).await
}

async fn wake(connection: &mut PgConnection, records: &[(Kind, i64)], intent: bool) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let (kinds, ids) = columns(records);
    sqlx::query!("SELECT wake_each($1, $2, $3)", &kinds, &ids, intent).execute(connection).await?;
    Ok(())
}

fn columns(records: &[(Kind, i64)]) -> (Vec<String>, Vec<i64>) {
    records.iter().map(|(kind, id)| (kind.as_str().to_owned(), *id)).unzip()
}

/// Wakes records, and all that depend on one that is locked, because what is asked for has changed.
pub(super) async fn each_and_dependants(
    connection: &mut PgConnection,
    woken: &Woken,
    (kind, id): (Kind, i64),
) -> Result<()> {
    if !woken.told.is_empty() {
        lock_with_dependants(connection, woken, (kind, id)).await?;
        wake(connection, &woken.told, false).await?;
    }
    let (kinds, ids) = columns(&woken.asked);
    sqlx::query!("SELECT wake_with_dependants($1, $2, $3, $4)", &kinds, &ids, kind.as_str(), id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Locks records in the queue, one that is about to be written, and all that depend on it: for who writes that one and then wakes the others.
pub(super) async fn lock_with_dependants(
    connection: &mut PgConnection,
    woken: &Woken,
    (kind, id): (Kind, i64),
) -> Result<()> {
    let (kinds, ids) = columns(&woken.all());
    sqlx::query!("SELECT lock_with_dependants($1, $2, $3, $4)", &kinds, &ids, kind.as_str(), id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The same without dependants.
pub(super) async fn lock(connection: &mut PgConnection, records: &[(Kind, i64)]) -> Result<()> {
    let (kinds, ids) = columns(records);
    sqlx::query!("SELECT lock_each($1, $2)", &kinds, &ids).execute(connection).await?;
    Ok(())
}

/// Wakes all that depend on a record, as [`depends`](crate::depends) lists them. The record's row must be locked: then every dependant is seen.
pub(super) async fn dependants(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<()> {
    sqlx::query!("SELECT wake_dependants($1, $2, $3)", kind.as_str(), id, false).execute(connection).await?;
    Ok(())
}
