//! Who is reconciled again because of a write.

use crate::error::Result;
use causeway_records::Kind;
use sqlx::PgConnection;

/// Wakes a record. `intent`: what is asked for has changed, so it isn't reconciled until a reconcile has seen that.
pub(super) async fn record(connection: &mut PgConnection, kind: Kind, id: i64, intent: bool) -> Result<()> {
    sqlx::query!("SELECT wake($1, $2, $3)", kind.as_str(), id, intent).execute(connection).await?;
    Ok(())
}

/// Wakes all that depend on a record, as [`depends`](crate::depends) lists them. The record's row must be locked: then every dependant is seen.
pub(super) async fn dependants(connection: &mut PgConnection, kind: Kind, id: i64, intent: bool) -> Result<()> {
    sqlx::query!("SELECT wake_dependants($1, $2, $3)", kind.as_str(), id, intent).execute(connection).await?;
    Ok(())
}
