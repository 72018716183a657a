//! Who changed what, when.
//!
//! What clients ask for is written through a [`Writer`], which knows for whom it writes. Each of its writes leaves one audit event, in the
//! same statement or transaction: nothing is acknowledged without one, and none tells of what didn't happen. What workers write is not
//! audited, nor what a write brings about by itself, such as the support services of a cluster's first gateway.

use crate::{
    Filter, Start, Store,
    error::Result,
    record::{add, whole},
    sql::CLIENT_STATUS,
};
use causeway_records::{
    Record,
    field::{Fields, Info, Noun},
    nouns::{Action, AuditEvent, Change, Changes},
    status::Status,
};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, postgres::PgArguments, types::Json};
use std::{fmt::Write, time::Duration};

/// Who asks for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// His name.
    pub caller: String,
    /// The id of his request, if it came as one.
    pub request_id: Option<String>,
}

/// A time between two others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Its beginning, which is part of it.
    pub since: Option<DateTime<Utc>>,
    /// Its end, which isn't.
    pub until: Option<DateTime<Utc>>,
}

/// The store for somebody who asks for changes: the only way to make, change and delete records for clients.
#[derive(Clone, Debug)]
pub struct Writer {
    pub(crate) store: Store,
    origin: Origin,
}

impl Store {
    /// The store for somebody who asks for changes.
    pub fn on_behalf_of(&self, origin: Origin) -> Writer {
        Writer { store: self.clone(), origin }
    }

    /// One page of the audit events of a period that pass every filter, by ascending id, and how many there are in all.
    pub async fn audit_events(
        &self,
        filters: &[Filter],
        period: Period,
        limit: i64,
        start: Start,
    ) -> Result<(Vec<Record<AuditEvent>>, i64)> {
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
        whole(async move {
            let text = "DELETE FROM audit_events WHERE id IN
                (SELECT id FROM audit_events WHERE created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
            Ok(sqlx::query(text).bind(keep.as_secs_f64()).bind(limit).execute(&store.pool).await?.rows_affected())
        })
        .await
    }
}

impl Writer {
    /// Binds what [`cte`] names.
    pub(crate) fn bind(&self, arguments: &mut PgArguments, changes: &Changes) -> Result<()> {
        self.bind_origin(arguments)?;
        add(arguments, Json(changes))
    }

    /// Binds the first two of these, which are all that [`deletions`] names.
    pub(crate) fn bind_origin(&self, arguments: &mut PgArguments) -> Result<()> {
        add(arguments, self.origin.caller.clone())?;
        add(arguments, self.origin.request_id.clone())
    }

    /// The event of a deletion, within the transaction that does it.
    pub(crate) async fn deleted(&self, connection: &mut PgConnection, info: &Info, id: i64) -> Result<()> {
        let text = deletions(info, &format!("{} WHERE id = $1", info.table));
        let event = sqlx::query(sqlx::AssertSqlSafe(text)).bind(id);
        event.bind(&self.origin.caller).bind(&self.origin.request_id).execute(connection).await?;
        Ok(())
    }
}

/// The statement for the events of deletions: one for each row of `from`. `$2` caller, `$3` request id.
pub(crate) fn deletions(info: &Info, from: &str) -> String {
    let name = if info.named() { "name" } else { "NULL" };
    format!(
        "INSERT INTO audit_events(tenant, caller, request_id, action, object_kind, object_id, object_name)
         SELECT tenant, $2::text, $3::text, '{}', '{}', id, {name} FROM {from}",
        Action::Delete,
        info.kind
    )
}

/// The CTE that tells what happened to the row of `t`. It names three binds after `next`: caller, request id, changes. `children` are
/// expressions of further changes.
pub(crate) fn cte(info: &Info, action: Action, children: &[String], next: usize) -> String {
    let name = if info.named() { "t.name" } else { "NULL" };
    let mut sql = format!(
        ", a AS (INSERT INTO audit_events(tenant, created_at, updated_at, caller, request_id, action, object_kind, object_id, object_name, changes) SELECT t.tenant, t.updated_at, t.updated_at, ${}::text, ${}::text, '{action}', '{}', t.id, {name}, ${}::jsonb",
        next + 1,
        next + 2,
        info.kind,
        next + 3
    );
    for child in children {
        // Writing to a String can't fail.
        let _ = write!(sql, " || {child}");
    }
    sql + " FROM t)"
}

/// What a new record has.
pub(crate) fn made<T: Noun>(record: &Record<T>) -> Changes {
    let mut changes = Changes::between(None, &record.spec);
    changes.0.extend(client_status(&Status::default(), &record.status));
    changes
}

/// What a write has changed; `again`: another pass is asked for.
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
