//! Changing records.

use super::{
    Writer, accounts,
    attempts::Attempts,
    children, consequences, create, manifest_total,
    parents::{self, Named},
    run_to_completion,
    shape::{self, Shape, Write},
};
use crate::{
    audit,
    documents::{Documents, Place},
    error::{Result, StoreError},
    inbox::{self, Happened},
    row::{self, CLIENT_STATUS, KEY_IDS},
    selects,
    statement::Statement,
};
use causeway_records::{
    Record,
    noun::{Children, Noun},
    nouns::{Action, Rules},
    problem::Reason,
    watch::EventType,
};
use sqlx::{Connection as _, PgConnection, Row, postgres::PgRow, types::Json};

/// Merges a change into a record and says whether another reconcile is asked for; fails with what is wrong with the change.
pub trait Merge<T>: Fn(&mut Record<T>) -> Result<bool> + Send + Sync {}
impl<T, F: Fn(&mut Record<T>) -> Result<bool> + Send + Sync> Merge<T> for F {}

/// A record as it is stored, and as it is to be.
struct Change<T> {
    before: Record<T>,
    after: Record<T>,
    /// A person asks for another reconcile.
    again: bool,
    /// What is asked for is another than before.
    intent: bool,
    /// All that could follow concerns records that depend on this one, and there was none.
    is_unused: bool,
}

impl Writer {
    /// Changes a record: `merge` is merged into the stored one, and again if another writer was faster. Children that it adds take the place of
    /// all stored ones of their noun.
    pub async fn change<T: Noun + Rules>(&self, id: i64, merge: impl Merge<T> + 'static) -> Result<Record<T>> {
        let writer = self.clone();
        run_to_completion(async move {
            let mut attempts = Attempts::new(&writer.store);
            loop {
                let met = match writer.change_once(id, &merge).await {
                    Ok(Some(record)) => return Ok(record),
                    Ok(None) => contention(),
                    Err(error) if error.is_transient() => error,
                    Err(error) => return Err(error),
                };
                if !attempts.is_one_left_after(&met).await {
                    return Err(if met.is_conflict() { contention() } else { met });
                }
            }
        })
        .await
    }

    /// None: another writer was faster.
    async fn change_once<T: Noun + Rules>(&self, id: i64, merge: &impl Merge<T>) -> Result<Option<Record<T>>> {
        // One connection for all statements: with many clients each wait for one is long.
        let mut connection = self.store.pool.acquire().await?;
        let change = read_and_merge(&mut connection, id, merge, &self.store.documents).await?;
        let named = parents::named_anew(&change.before.spec, &change.after.spec);
        let follow = change.intent && consequences::follow(T::KIND, false);
        let grown = manifest_total::grown(Some(&change.before), &change.after);
        if named.is_empty() && grown.is_none() && (!follow || change.is_unused) {
            let row = self.update(&change, follow)?.fetch_optional(&mut *connection).await?;
            connection.give_back();
            return row.as_ref().map(|row| row::record_with(row, &self.store.documents)).transpose();
        }
        // In a box of its own: each change is a task, which would have room for all this.
        let written = Box::pin(self.change_in_transaction(&mut connection, &change, &named, follow, grown)).await?;
        let Some(row) = written else { return Ok(None) };
        connection.give_back();
        Ok(Some(row::record_with(&row, &self.store.documents)?))
    }

    /// The row as it was written. None: another writer was faster, and the transaction is left open.
    async fn change_in_transaction<T: Noun>(
        &self,
        connection: &mut PgConnection,
        change: &Change<T>,
        named: &[Named],
        follow: bool,
        grown: Option<i64>,
    ) -> Result<Option<PgRow>> {
        let mut transaction = connection.begin().await?;
        self.trace(&mut transaction).await?;
        // 1. What it names is there, and stays.
        parents::lock(&mut transaction, named, false).await?;
        // 2. The record, its children, its place in the queue, its audit event.
        let Some(row) = self.update(change, false)?.fetch_optional(&mut *transaction).await? else { return Ok(None) };
        // 3. and 4. What follows, and who is woken.
        if follow {
            let id = change.after.id();
            consequences::carry_out(&mut transaction, T::KIND, id, false).await?;
            if accounts::concern_eks(T::KIND, &change.before.spec, &change.after.spec) {
                accounts::check_eks(&mut transaction, T::KIND, id).await?;
            }
        }
        if let Some(definition) = grown {
            manifest_total::check::<T>(&mut transaction, definition).await?;
        }
        // 5.
        transaction.commit().await?;
        Ok(Some(row))
    }

    /// Record, children, work to do, audit event and events, as one statement. Without effect if the record is not as it was read. `unused`: also if another
    /// record depends on it by now.
    fn update<T: Noun>(&self, change: &Change<T>, unused: bool) -> Result<Statement> {
        let children = change.after.spec.children();
        let shape = Shape::of::<T>(if unused { Write::ChangeUnused } else { Write::Change }, &children);
        shape::statement(shape, |statement| self.update_of(statement, change, &children, unused))
    }

    fn update_of<T: Noun>(
        &self,
        statement: &mut Statement,
        change: &Change<T>,
        children: &[Children<'_>],
        unused: bool,
    ) -> Result<()> {
        let (info, Change { before, after, again, .. }) = (&T::INFO, change);
        statement.push("WITH ");
        if unused {
            // Locked first: so the dependants that are looked for afterwards are all that there can be until this is committed.
            statement.push_with(|| format!("locked AS (SELECT id FROM {} WHERE id = ", info.table)).bind(after.id())?;
            statement.push(" FOR NO KEY UPDATE), ");
        }
        statement.push_with(|| format!("t AS (UPDATE {} SET updated_at = clock_timestamp()", info.table));
        for ((field, value), (_, stored)) in create::columns(&after.spec).zip(create::columns(&before.spec)) {
            // A document that stays as it is isn't encrypted anew, and one that can't be read is not lost.
            if !field.sensitive || value != stored {
                let place = Place { table: info.table, field };
                statement.push_with(|| format!(", {} = ", field.column)).field(place, value, &self.store.documents)?;
            }
        }
        if info.has_secrets() {
            statement.push_with(|| format!(", {KEY_IDS} = ")).bind(Json(&after.key_ids))?;
        }
        statement.push(" WHERE id = ");
        match unused {
            true => {
                statement.push_with(|| format!("(SELECT id FROM locked WHERE NOT has_dependants('{}', id))", T::KIND))
            }
            false => statement.bind(after.id())?,
        };
        statement.push(" AND updated_at = ").bind(before.common.updated_at)?;
        statement.push(" AND deleted_at IS NULL");
        if info.has_secrets() {
            // Secrets that were meanwhile written with another key change nothing but this.
            statement.push_with(|| format!(" AND {KEY_IDS} = ")).bind(Json(&before.key_ids))?;
        }
        statement.push(" RETURNING *)");
        if info.reconciled {
            requeue(statement, change, self.traceparent.as_deref())?;
        }
        for (at, child) in children::filled(children) {
            let (table, key) = (child.info.table, child.key);
            statement.push_with(|| format!(
                ", x{at} AS (UPDATE {table} SET deleted_at = now() WHERE {key} IN (SELECT id FROM t) AND deleted_at IS NULL RETURNING *)"
            ));
            children::insert(statement, at, child)?;
        }
        let changes = audit::changed(before, after, *again);
        let changed = audit::Changed {
            action: Action::Update,
            changes: &changes,
            children: &children::changes::<T>(children, true),
        };
        audit::event(statement, info, &self.origin, &changed)?;
        let (gone, made) = (create::ctes(children, "x"), create::ctes(children, "c"));
        let own = Happened::new(EventType::Changed, info, "t").queued("r");
        let gone = gone.iter().map(|(info, cte)| Happened::new(EventType::Deleted, info, cte)).collect();
        inbox::append(statement, &[vec![own], gone, create::made(&made)].concat());
        statement.push_with(|| {
            let join = if info.reconciled { " JOIN r ON true" } else { "" };
            format!(" SELECT {} FROM t{join}", selects::for_noun(info).columns)
        });
        Ok(())
    }
}

fn contention() -> StoreError {
    StoreError::conflict(Reason::Contention, "others change the same record all the time; try again")
}

async fn read_and_merge<T: Noun + Rules>(
    connection: &mut PgConnection,
    id: i64,
    merge: &impl Merge<T>,
    documents: &Documents,
) -> Result<Change<T>> {
    let row = sqlx::query(selects::for_noun(&T::INFO).to_change).bind(id).fetch_optional(&mut *connection).await?;
    let row = row.ok_or(StoreError::NotFound)?;
    let (before, is_unused): (Record<T>, bool) = (row::record_with(&row, documents)?, row.try_get(selects::IS_UNUSED)?);
    let mut after = before.clone();
    let again = merge(&mut after)?;
    children::drop_unchanged(connection, id, &mut after.spec).await?;
    // Pausing and resuming a runtime concerns all that is in its cluster.
    let paused_or_resumed = after.status.interrupt_reconciliation != before.status.interrupt_reconciliation;
    let intent = after.spec != before.spec || again || paused_or_resumed;
    Ok(Change { before, after, again, intent, is_unused })
}

/// Appends the CTE that counts a change of intent and makes the record due.
fn requeue<T: Noun>(statement: &mut Statement, change: &Change<T>, traceparent: Option<&str>) -> Result<()> {
    statement.push(", r AS (UPDATE reconciliations SET generation = generation + ").bind(i64::from(change.intent))?;
    statement.push(", wake_seq = wake_seq + 1, due_at = CASE WHEN ").bind(change.intent || change.again)?;
    statement.push(
        " THEN least(due_at, now()) ELSE due_at END, urgent = true, attempts = 0, brake_released = brake_released OR ",
    );
    statement.bind(change.again)?.push(", traceparent = CASE WHEN ").bind(change.intent || change.again)?;
    statement.push(" THEN ").bind(traceparent)?.push(" ELSE traceparent END");
    for (column, (ty, value)) in CLIENT_STATUS.iter().zip(create::client_status(&change.after.status)) {
        statement.push_with(|| format!(", {column} = ")).value(ty, value)?;
    }
    statement.push_with(|| format!(" WHERE kind = '{}' AND id = (SELECT id FROM t) RETURNING *)", T::KIND));
    Ok(())
}
