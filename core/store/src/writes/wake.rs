//! Who is reconciled again because of a write.

use crate::error::Result;
use causeway_records::Kind;
use sqlx::PgConnection;

/// Wakes records. `intent`: what is asked for has changed, so they aren't reconciled until a reconcile has seen that.
pub(super) async fn each(connection: &mut PgConnection, records: &[(Kind, i64)], intent: bool) -> Result<()> {
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

/// Wakes records, and all that depend on one that is locked, because what is asked for has changed. All at once, in the order in which everybody takes such rows.
pub(super) async fn each_and_dependants(
    connection: &mut PgConnection,
    records: &[(Kind, i64)],
    (kind, id): (Kind, i64),
) -> Result<()> {
    let (kinds, ids) = columns(records);
    sqlx::query!("SELECT wake_with_dependants($1, $2, $3, $4)", &kinds, &ids, kind.as_str(), id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Locks records in the queue, one that is about to be written, and all that depend on it: for who writes that one and then wakes the others.
pub(super) async fn lock_with_dependants(
    connection: &mut PgConnection,
    records: &[(Kind, i64)],
    (kind, id): (Kind, i64),
) -> Result<()> {
    let (kinds, ids) = columns(records);
    sqlx::query!("SELECT lock_with_dependants($1, $2, $3, $4)", &kinds, &ids, kind.as_str(), id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Wakes all that depend on a record, as [`depends`](crate::depends) lists them. The record's row must be locked: then every dependant is seen.
pub(super) async fn dependants(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<()> {
    sqlx::query!("SELECT wake_dependants($1, $2, $3)", kind.as_str(), id, false).execute(connection).await?;
    Ok(())
}
