//! Deletion. What workers bring about goes in two steps: DELETE schedules, and the row goes when a worker confirms that nothing is left in the
//! cluster. Everything else goes at once.

mod events;

use super::{
    Writer, claims, consequences, retried, run_to_completion,
    wake::{self, Woken},
};
use crate::{
    Store, audit,
    error::{Result, StoreError},
    inbox::{self, Happened},
    list::Filter,
    row, selects,
    statement::Statement,
    webhooks,
};
use causeway_records::{
    Kind, Record,
    field::{Field, OnDelete},
    noun::{Info, Noun},
    nouns,
    problem::Reason,
    watch::EventType,
};
use events::{with_events, with_queue_event};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row};

/// What became of a confirmed deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The row is gone.
    Gone,
    /// Records that must go first, as words: `gateway instance web`.
    Waits(Vec<String>),
}

impl Writer {
    /// Schedules the deletion of a reconciled record, or deletes another one. Refuses while others need it.
    pub async fn delete<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        self.delete_if(id, |_| Ok(())).await
    }

    /// The same, if `check` finds nothing wrong with the stored record.
    pub async fn delete_if<T: Noun>(
        &self,
        id: i64,
        check: impl Fn(&Record<T>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Record<T>> {
        let writer = self.clone();
        run_to_completion(async move { retried(&writer.store, || writer.delete_once::<T>(id, &check)).await }).await
    }

    /// Deletes all records that pass a filter, in one statement, and answers them. For nouns that nothing depends on and that workers don't
    /// bring about.
    pub async fn delete_all<T: Noun>(&self, filter: Filter) -> Result<Vec<Record<T>>> {
        debug_assert!(!T::INFO.reconciled && dependants(T::KIND).next().is_none(), "{} takes more to delete", T::KIND);
        let writer = self.clone();
        run_to_completion(async move { retried(&writer.store, || writer.delete_all_once(&filter)).await }).await
    }

    async fn delete_all_once<T: Noun>(&self, filter: &Filter) -> Result<Vec<Record<T>>> {
        let info = &T::INFO;
        let column = filter.field.column;
        let mut statement =
            Statement::new(format!("WITH t AS (UPDATE {} SET deleted_at = now() WHERE {column} = ", info.table));
        filter.push(&mut statement)?;
        statement.push(" AND deleted_at IS NULL RETURNING *), a AS (");
        audit::deletions(&mut statement, info, &self.origin, "t")?;
        statement.push(")");
        inbox::append(&mut statement, &[Happened::new(EventType::Deleted, info, "t")]);
        statement.push(&format!(" SELECT {} FROM t ORDER BY t.id", selects::for_noun(info).columns));
        let rows = statement.query().fetch_all(&self.store.pool).await?;
        rows.iter().map(|row| row::record_with(row, &self.store.documents)).collect()
    }

    async fn delete_once<T: Noun>(
        &self,
        id: i64,
        check: &(impl Fn(&Record<T>) -> Result<()> + Sync),
    ) -> Result<Record<T>> {
        let info = &T::INFO;
        let mut connection = self.store.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        self.trace(&mut transaction).await?;
        // With the lock held nobody can add a dependant, and the statements after it see all that were added before.
        let lock = format!("SELECT FROM {} WHERE id = $1 AND deleted_at IS NULL FOR UPDATE", info.table);
        if sqlx::query(AssertSqlSafe(lock)).bind(id).fetch_optional(&mut *transaction).await?.is_none() {
            return Err(StoreError::NotFound);
        }
        let stored = sqlx::query(selects::for_noun(info).find).bind(id).fetch_one(&mut *transaction).await?;
        check(&row::record_with(&stored, &self.store.documents)?)?;
        if info.reconciled && is_scheduled(&mut transaction, info.kind, id).await? {
            let sentence = format!("object with ID {id} already being deleted");
            return Err(StoreError::conflict(Reason::BeingDeleted, sentence));
        }
        if let Some((child, names)) = blocking(&mut transaction, info, id).await? {
            return Err(StoreError::conflict(Reason::InUse, refusal(info, child, &names)));
        }
        if info.reconciled {
            schedule(&mut transaction, info, id).await?;
        } else {
            remove(&mut transaction, info, id).await?;
        }
        let mut event = Statement::new("");
        audit::deletions(&mut event, info, &self.origin, &format!("{} WHERE id = ", info.table))?.bind(id)?;
        event.query().execute(&mut *transaction).await?;
        let row = sqlx::query(selects::for_noun(info).find).bind(id).fetch_one(&mut *transaction).await?;
        let record = row::record_with(&row, &self.store.documents)?;
        transaction.commit().await?;
        connection.give_back();
        Ok(record)
    }
}

impl Store {
    /// A worker's word that nothing of the record is left anywhere: the row goes, unless records that it takes along or that name it are still
    /// there.
    pub async fn confirm_deleted(&self, kind: Kind, id: i64) -> Result<Confirmed> {
        let info = kind.info();
        let store = self.clone();
        run_to_completion(async move { retried(&store, || store.confirm_once(info, id)).await }).await
    }

    async fn confirm_once(&self, info: &Info, id: i64) -> Result<Confirmed> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let lock = format!("SELECT FROM {} WHERE id = $1 FOR UPDATE", info.table);
        sqlx::query(AssertSqlSafe(lock)).bind(id).fetch_one(&mut *transaction).await?;
        if !is_scheduled(&mut transaction, info.kind, id).await? {
            let sentence = format!("nobody asked for the deletion of {} {id}", info.kind);
            return Err(StoreError::conflict(Reason::InUse, sentence));
        }
        let waits = remaining(&mut transaction, info, id).await?;
        if !waits.is_empty() {
            return Ok(Confirmed::Waits(waits));
        }
        remove(&mut transaction, info, id).await?;
        transaction.commit().await?;
        connection.give_back();
        Ok(Confirmed::Gone)
    }
}

/// Every noun that names `kind` as its parent, with the field that does.
fn dependants(kind: Kind) -> impl Iterator<Item = (&'static Info, &'static Field, OnDelete)> {
    let all = nouns::ALL.iter().chain(nouns::INTERNAL);
    let fields = all.flat_map(|info| info.fields.iter().map(move |field| (*info, field)));
    fields.filter_map(move |(info, field)| {
        let parent = field.parent.filter(|parent| parent.kind == kind)?;
        Some((info, field, parent.on_delete))
    })
}

async fn is_scheduled(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<bool> {
    let scheduled = sqlx::query_scalar!(
        r#"SELECT deletion_scheduled IS NOT NULL AS "scheduled!" FROM reconciliations WHERE kind = $1 AND id = $2"#,
        kind.as_str(),
        id
    );
    Ok(scheduled.fetch_optional(connection).await?.unwrap_or(false))
}

/// A noun with live records that keep this one from going, and some of their names. Those that are on their way out themselves don't.
async fn blocking(connection: &mut PgConnection, info: &Info, id: i64) -> Result<Option<(&'static Info, Vec<String>)>> {
    for (child, field, on_delete) in dependants(info.kind) {
        if on_delete == OnDelete::Takes {
            continue;
        }
        let going = if child.reconciled {
            format!(
                " AND NOT EXISTS (SELECT FROM reconciliations r WHERE r.kind = '{}' AND r.id = t.id AND r.deletion_scheduled IS NOT NULL)",
                child.kind
            )
        } else {
            String::new()
        };
        // Whatever names a parent that it doesn't belong to has a name of its own.
        let text = format!(
            "SELECT name FROM {} t WHERE {} = $1 AND deleted_at IS NULL{going} ORDER BY id LIMIT 5",
            child.table, field.column
        );
        let names: Vec<String> = sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_all(&mut *connection).await?;
        if !names.is_empty() {
            return Ok(Some((child, names)));
        }
    }
    let names = if info.kind == Kind::SharedGateway { claims::on_common(connection, id, true).await? } else { vec![] };
    Ok((!names.is_empty()).then(|| (Kind::GatewayInstance.info(), names)))
}

/// Threeport's words; where it has none of its own, with the names of those that are in the way.
fn refusal(info: &Info, child: &Info, names: &[String]) -> String {
    let sentence = format!("{} has related {} - cannot be deleted", words(info.table, 1), words(child.table, 0));
    if info.kind.as_str().ends_with("Definition") { sentence } else { format!("{sentence}: {}", names.join(", ")) }
}

/// Live reconciled records that must be gone before this one's row can go.
async fn remaining(connection: &mut PgConnection, info: &Info, id: i64) -> Result<Vec<String>> {
    let mut waits = vec![];
    for (child, field, on_delete) in dependants(info.kind) {
        if on_delete == OnDelete::Takes && !child.reconciled {
            continue;
        }
        let text = format!(
            "SELECT name FROM {} WHERE {} = $1 AND deleted_at IS NULL ORDER BY id LIMIT 10",
            child.table, field.column
        );
        for row in sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&mut *connection).await? {
            waits.push(format!("{} {}", words(child.table, 1), row.try_get::<String, _>(0)?));
        }
    }
    if info.kind == Kind::SharedGateway {
        let names = claims::on_common(connection, id, false).await?;
        waits.extend(names.iter().map(|name| format!("gateway instance {name}")));
    }
    Ok(waits)
}

/// Schedules a record and what goes with it.
async fn schedule(connection: &mut PgConnection, info: &Info, id: i64) -> Result<()> {
    let text = "UPDATE reconciliations SET deletion_scheduled = now() WHERE kind = $1 AND id = $2 AND deletion_scheduled IS NULL";
    let happened = with_queue_event(EventType::Deleting, info, text);
    let own = (info.kind, id);
    let woken = Woken { asked: vec![own], told: vec![] };
    wake::lock_with_dependants(connection, &woken, own).await?;
    sqlx::query(AssertSqlSafe(happened)).bind(info.kind.as_str()).bind(id).execute(&mut *connection).await?;
    wake::each_and_dependants(connection, &woken, own).await?;
    for (child, field, on_delete) in dependants(info.kind) {
        if on_delete != OnDelete::Takes || !child.reconciled {
            continue;
        }
        let text =
            format!("SELECT id FROM {} WHERE {} = $1 AND deleted_at IS NULL ORDER BY id", child.table, field.column);
        let ids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(text)).bind(id).fetch_all(&mut *connection).await?;
        for id in ids {
            Box::pin(schedule(connection, child, id)).await?;
        }
    }
    Ok(())
}

/// Takes the row, and what is part of it, out of the live ones.
async fn remove(connection: &mut PgConnection, info: &Info, id: i64) -> Result<()> {
    if matches!(info.kind, Kind::GatewayInstance | Kind::ListenerSet | Kind::SharedGateway) {
        sqlx::query!("DELETE FROM certificates WHERE reconciled_id = $1", id).execute(&mut *connection).await?;
    }
    let mut woken = Woken::default();
    match info.kind {
        Kind::GatewayInstance => woken = claims::release(connection, id).await?,
        Kind::Webhook => webhooks::forget(connection, id).await?,
        Kind::SharedGateway => {
            sqlx::query!("DELETE FROM gateway_ports WHERE gateway_id = $1", id).execute(&mut *connection).await?;
        }
        Kind::KubernetesRuntimeInstance => {
            sqlx::query!("DELETE FROM clusters WHERE runtime_id = $1", id).execute(&mut *connection).await?;
            sqlx::query!("DELETE FROM leases WHERE runtime_id = $1", id).execute(&mut *connection).await?;
        }
        _ => {}
    }
    for (child, field, on_delete) in dependants(info.kind) {
        if on_delete == OnDelete::Takes && !child.reconciled {
            let text = format!(
                "UPDATE {} SET deleted_at = now() WHERE {} = $1 AND deleted_at IS NULL",
                child.table, field.column
            );
            sqlx::query(AssertSqlSafe(with_events(child, text))).bind(id).execute(&mut *connection).await?;
        }
    }
    let text = format!("UPDATE {} SET deleted_at = now() WHERE id = $1", info.table);
    if !info.reconciled {
        sqlx::query(AssertSqlSafe(with_events(info, text))).bind(id).execute(&mut *connection).await?;
        // A port that goes frees its route, and so on.
        return consequences::carry_out(connection, info.kind, id, false).await;
    }
    sqlx::query(AssertSqlSafe(text)).bind(id).execute(&mut *connection).await?;
    // Who writes a zone's records may be late: they are looked for once more.
    let text = "UPDATE reconciliations SET gone_at = now(), due_at = CASE kind WHEN 'DomainNameInstance' THEN now() + interval '5 s' END,
        deletion_confirmed = coalesce(deletion_confirmed, now()), observed_generation = generation WHERE kind = $1 AND id = $2";
    // Told here and not when the record's own row went: what a worker finds out is told with this row, too, so that nothing comes after.
    let happened = with_queue_event(EventType::Deleted, info, text);
    wake::lock_with_dependants(connection, &woken, (info.kind, id)).await?;
    wake::each(connection, &woken).await?;
    sqlx::query(AssertSqlSafe(happened)).bind(info.kind.as_str()).bind(id).execute(&mut *connection).await?;
    wake::dependants(connection, info.kind, id).await
}

/// `gateway_instances` → `gateway instances`, or `gateway instance` with `cut` 1.
fn words(table: &str, cut: usize) -> String {
    let text = table.replace('_', " ");
    text[..text.len() - cut].to_owned()
}
