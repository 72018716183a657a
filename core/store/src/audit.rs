//! Who changed what, when.
//!
//! What clients ask for is written through a [`Writer`](crate::Writer), which knows for whom it writes. Each of its writes leaves one audit event, in the
//! same statement or transaction: nothing is acknowledged without one, and none tells of what didn't happen. What workers write is not
//! audited, nor what a write brings about by itself, such as the support services of a cluster's first gateway.

use crate::{
    Filter, Origin, Page, Start, Store, error::Result, row::CLIENT_STATUS, statement::Statement,
    writes::run_to_completion,
};
use causeway_records::{
    Record,
    field::Fields,
    noun::{Info, Noun},
    nouns::{Action, AuditEvent, Change, Changes},
    status::Status,
    value::{Type, Value},
};
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use std::time::Duration;

/// By when events are selected. Without bounds it is all time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Inclusive start.
    pub since: Option<DateTime<Utc>>,
    /// Exclusive end, so that consecutive periods share no event.
    pub until: Option<DateTime<Utc>>,
}

impl Store {
    /// One page of the audit events of a period that pass every filter, by ascending id, and how many there are in all.
    pub async fn audit_events(
        &self,
        filters: &[Filter],
        period: Period,
        limit: i64,
        start: Start,
    ) -> Result<Page<AuditEvent>> {
        // An expression over the number alone, so that the index of times counts.
        let since = ("t.created_at >= timestamptz 'epoch' + {} * interval '1 microsecond'", period.since);
        let until = ("t.created_at < timestamptz 'epoch' + {} * interval '1 microsecond'", period.until);
        let bounds = [since, until].into_iter().filter_map(|(text, time)| Some((text, time?.timestamp_micros())));
        self.list_where(filters, &bounds.collect::<Vec<_>>(), limit, start).await
    }

    /// Deletes audit events that are older than `keep`, the oldest first, at most `limit` of them. Answers how many went. Several processes may
    /// do so at once.
    pub async fn purge_audit_events(&self, keep: Duration, limit: i64) -> Result<u64> {
        let store = self.clone();
        run_to_completion(async move {
            let gone = sqlx::query!(
                "DELETE FROM audit_events WHERE id IN
                    (SELECT id FROM audit_events WHERE created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
                keep.as_secs_f64(),
                limit
            );
            Ok(gone.execute(&store.pool).await?.rows_affected())
        })
        .await
    }
}

/// What an audit event says of a write.
pub(crate) struct Changed<'c> {
    pub(crate) action: Action,
    pub(crate) changes: &'c Changes,
    /// Expressions of further changes, of the rows of child nouns.
    pub(crate) children: &'c [String],
}

/// Appends the CTE that writes the event of what happened to the row of `t`.
pub(crate) fn event(statement: &mut Statement, info: &Info, origin: &Origin, changed: &Changed<'_>) -> Result<()> {
    let name = if info.named() { "t.name" } else { "NULL" };
    statement.push(", a AS (INSERT INTO audit_events(tenant, created_at, updated_at, caller, request_id, action, object_kind, object_id, object_name, changes) SELECT t.tenant, t.updated_at, t.updated_at, ");
    statement.value(Type::Text, Some(Value::Text(origin.caller.clone())))?.push(", ");
    statement.value(Type::Text, origin.request_id.clone().map(Value::Text))?;
    statement.push_with(|| format!(", '{}', '{}', t.id, {name}, ", changed.action, info.kind));
    statement.bind(Json(changed.changes))?.push("::jsonb");
    for child in changed.children {
        statement.push(" || ").push(child);
    }
    statement.push(" FROM t)");
    Ok(())
}

/// Appends the statement for the events of deletions: one for each row of `from`.
pub(crate) fn deletions<'s>(
    statement: &'s mut Statement,
    info: &Info,
    origin: &Origin,
    from: &str,
) -> Result<&'s mut Statement> {
    let name = if info.named() { "name" } else { "NULL" };
    statement.push("INSERT INTO audit_events(tenant, caller, request_id, action, object_kind, object_id, object_name) SELECT tenant, ");
    statement.value(Type::Text, Some(Value::Text(origin.caller.clone())))?.push(", ");
    statement.value(Type::Text, origin.request_id.clone().map(Value::Text))?;
    Ok(statement.push(&format!(", '{}', '{}', id, {name} FROM {from}", Action::Delete, info.kind)))
}

/// What a new record has.
pub(crate) fn made<T: Noun>(record: &Record<T>) -> Changes {
    let mut changes = Changes::between(None, &record.spec);
    changes.0.extend(client_status(&Status::default(), &record.status));
    changes
}

/// What a write has changed; `again`: another reconcile is asked for.
pub(crate) fn changed<T: Noun>(before: &Record<T>, after: &Record<T>, again: bool) -> Changes {
    let mut changes = Changes::between(Some(&before.spec), &after.spec);
    changes.0.extend(client_status(&before.status, &after.status));
    if again {
        changes.0.push(Change { field: "Reconciled".into(), old: None, new: Some(false.into()) });
    }
    changes
}

/// The changes of those columns of a status that clients write.
fn client_status(before: &Status, after: &Status) -> impl Iterator<Item = Change> + use<> {
    let is_clients = |change: &Change| {
        let field = after.fields().iter().find(|field| field.json == change.field);
        field.is_some_and(|field| CLIENT_STATUS.contains(&field.column))
    };
    let mut changes = Changes::between(Some(before), after).0;
    changes.retain(is_clients);
    changes.into_iter()
}
