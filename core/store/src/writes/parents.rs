//! The records that a record names: they must be there, and stay until the write is done.

use crate::{error::Result, statement::Statement};
use causeway_records::{
    Kind,
    field::{Field, Fields, OnDelete, Parent, entries},
    value::Value,
};
use causeway_rules::parents;
use sqlx::{PgConnection, Row};

/// A record that another one names.
pub(super) struct Named {
    field: &'static Field,
    parent: Parent,
    id: i64,
}

/// The records that this one names, in the order of its fields.
pub(super) fn named_by(spec: &dyn Fields) -> Vec<Named> {
    let named = |(field, slot): (&'static Field, &dyn causeway_records::slot::Slot)| {
        let (parent, Value::Int8(id)) = (field.parent?, slot.to_value()?) else { return None };
        Some(Named { field, parent, id })
    };
    entries(spec).filter_map(named).collect()
}

/// Those that a change has to lock: what the record is part of, for a rule may read all its parts, and what it didn't name before.
pub(super) fn named_anew(before: &dyn Fields, after: &dyn Fields) -> Vec<Named> {
    let before = named_by(before);
    let is_known =
        |named: &Named| before.iter().any(|other| other.field.json == named.field.json && other.id == named.id);
    let mut named = named_by(after);
    named.retain(|named| named.parent.on_delete == OnDelete::Takes || !is_known(named));
    named
}

/// Locks them until the transaction ends. What a record is part of is locked against other writers, and so is a shared gateway, on which routes are claimed
/// then: two that had locked it against change alone would wait for each other. The others are locked only against change.
///
/// # Errors
/// Names the first that isn't there or, if `new`, that is being deleted.
pub(super) async fn lock(connection: &mut PgConnection, named: &[Named], new: bool) -> Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    let mut statement = Statement::new("WITH ");
    for (n, Named { parent, id, .. }) in named.iter().enumerate() {
        let is_written = parent.on_delete == OnDelete::Takes || parent.kind == Kind::SharedGateway;
        let lock = if is_written { "NO KEY UPDATE" } else { "SHARE" };
        let comma = if n > 0 { ", " } else { "" };
        statement.push(&format!("{comma}p{n} AS (SELECT id FROM {} WHERE id = ", parent.table)).bind(*id)?;
        statement.push(&format!(" AND deleted_at IS NULL FOR {lock})"));
    }
    let found: Vec<_> = (0..named.len()).map(|n| format!("EXISTS (SELECT FROM p{n})")).collect();
    statement.push(&format!(" SELECT ARRAY[{}]", found.join(", ")));
    let found: Vec<bool> = statement.query().fetch_one(&mut *connection).await?.try_get(0)?;
    if let Some((missing, _)) = named.iter().zip(found).find(|(_, found)| !found) {
        return Err(parents::missing(missing.field.json, missing.parent.kind).into());
    }
    if new { none_is_going(connection, named).await } else { Ok(()) }
}

/// With the locks held nobody can begin to delete them.
async fn none_is_going(connection: &mut PgConnection, named: &[Named]) -> Result<()> {
    let reconciled: Vec<_> = named.iter().filter(|named| named.parent.kind.info().reconciled).collect();
    if reconciled.is_empty() {
        return Ok(());
    }
    let (kinds, ids): (Vec<_>, Vec<_>) =
        reconciled.iter().map(|named| (named.parent.kind.as_str().to_owned(), named.id)).unzip();
    let going = sqlx::query_scalar!(
        "SELECT r.id FROM unnest($1::text[], $2::bigint[]) n(kind, id) JOIN reconciliations r USING (kind, id) WHERE r.deletion_scheduled IS NOT NULL",
        &kinds,
        &ids
    )
    .fetch_all(connection)
    .await?;
    match reconciled.iter().find(|named| going.contains(&named.id)) {
        Some(named) => Err(parents::being_deleted(named.parent.kind, named.id).into()),
        None => Ok(()),
    }
}
