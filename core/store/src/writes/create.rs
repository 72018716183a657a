//! Making records.

use super::{
    Writer, children, consequences, manifest_total, parents, retried, run_to_completion,
    shape::{self, Shape, Write},
};
use crate::{
    audit,
    created::Created,
    documents::Place,
    error::{Result, StoreError},
    inbox::{self, Happened},
    row::{CLIENT_STATUS, KEY_IDS},
    selects,
    statement::Statement,
};
use causeway_records::{
    Kind, Record,
    field::{Field, Fields, entries},
    noun::{Children, Info, Noun},
    nouns::Action,
    value::{Type, Value},
    watch::EventType,
};
use causeway_rules::names::slug;
use sqlx::{Connection as _, PgConnection, types::Json};
use std::collections::BTreeSet;

impl Writer {
    /// Makes a record, its children, and the work to do. The answer is the record alone; children are records of their own.
    pub async fn create<T: Noun>(&self, record: Record<T>) -> Result<Record<T>> {
        Ok(self.create_with_children(record).await?.record)
    }

    /// The same, and the answer has the children.
    pub async fn create_with_children<T: Noun>(&self, record: Record<T>) -> Result<Created<T>> {
        let made = self.create_each(vec![record]).await?;
        made.into_iter().next().ok_or(StoreError::NotFound)
    }

    /// Makes several records, all or none.
    pub async fn create_all<T: Noun>(&self, records: Vec<Record<T>>) -> Result<Vec<Record<T>>> {
        Ok(self.create_each(records).await?.into_iter().map(|made| made.record).collect())
    }

    async fn create_each<T: Noun>(&self, records: Vec<Record<T>>) -> Result<Vec<Created<T>>> {
        let writer = self.clone();
        run_to_completion(async move { retried(&writer.store, || writer.create_once(&records)).await }).await
    }

    async fn create_once<T: Noun>(&self, records: &[Record<T>]) -> Result<Vec<Created<T>>> {
        let mut connection = self.store.pool.acquire().await?;
        let names_others = records.iter().any(|record| !parents::named_by(&record.spec).is_empty());
        if let [record] = records
            && !names_others
            && !consequences::follow(T::KIND, true)
        {
            let made = self.insert(&mut connection, record).await?;
            connection.give_back();
            return Ok(vec![made]);
        }
        // In a box of its own: each creation is a task, which would have room for all this.
        let made = Box::pin(self.create_in_transaction(&mut connection, records)).await?;
        connection.give_back();
        Ok(made)
    }

    async fn create_in_transaction<T: Noun>(
        &self,
        connection: &mut PgConnection,
        records: &[Record<T>],
    ) -> Result<Vec<Created<T>>> {
        let (mut transaction, mut made) = (connection.begin().await?, vec![]);
        self.trace(&mut transaction).await?;
        for record in records {
            // 1. What it names is there, and stays.
            parents::lock(&mut transaction, &parents::named_by(&record.spec), true).await?;
            // 2. The record, its children, its place in the queue, its audit event.
            let new = self.insert(&mut transaction, record).await?;
            // 3. and 4. What follows, and who is woken.
            if consequences::follow(T::KIND, true) {
                consequences::carry_out(&mut transaction, T::KIND, new.record.id(), true).await?;
            }
            made.push(new);
        }
        let grown: BTreeSet<_> = records.iter().filter_map(|record| manifest_total::grown(None, record)).collect();
        for definition in grown {
            manifest_total::check::<T>(&mut transaction, definition).await?;
        }
        // 5.
        transaction.commit().await?;
        Ok(made)
    }

    async fn insert<T: Noun>(&self, connection: &mut PgConnection, record: &Record<T>) -> Result<Created<T>> {
        let row = self.insertion(record)?.query().fetch_one(connection).await?;
        Created::read(&row, record, &self.store.documents)
    }

    /// Record, children, work to do, audit event and events, as one statement.
    pub(super) fn insertion<T: Noun>(&self, record: &Record<T>) -> Result<Statement> {
        let children = record.spec.children();
        let shape = Shape::of::<T>(Write::Create, &children);
        shape::statement(shape, |statement| self.insert_into(statement, record, &children))
    }

    fn insert_into<T: Noun>(
        &self,
        statement: &mut Statement,
        record: &Record<T>,
        children: &[Children<'_>],
    ) -> Result<()> {
        let info = &T::INFO;
        statement.push_with(|| {
            let names = info.columns().map(|field| field.column).chain(info.has_secrets().then_some(KEY_IDS));
            format!("WITH t AS (INSERT INTO {}({}) VALUES (", info.table, names.collect::<Vec<_>>().join(", "))
        });
        for (n, (field, value)) in columns(&record.spec).enumerate() {
            let place = Place { table: info.table, field };
            statement.push(if n > 0 { ", " } else { "" }).field(place, value, &self.store.documents)?;
        }
        if info.has_secrets() {
            statement.push(", ").bind(Json(&record.key_ids))?;
        }
        statement.push(") RETURNING *)");
        for (at, child) in children::filled(children) {
            children::insert(statement, at, child)?;
        }
        if info.reconciled {
            reconciliation(statement, record, self.traceparent.as_deref())?;
        }
        let changes = audit::Changed {
            action: Action::Create,
            changes: &audit::made(record),
            children: &children::changes::<T>(children, false),
        };
        audit::event(statement, info, &self.origin, &changes)?;
        let own = Happened::new(EventType::Created, info, "t").queued("r");
        inbox::append(statement, &[vec![own], made(&ctes(children, "c"))].concat());
        statement.push_with(|| {
            let join = if info.reconciled { " JOIN r ON true" } else { "" };
            format!(" SELECT {}{} FROM t{join}", selects::for_noun(info).columns, made_ids(children))
        });
        Ok(())
    }
}

/// The columns of a noun's own table with their values, in their order.
pub(super) fn columns(spec: &dyn Fields) -> impl Iterator<Item = (&'static Field, Option<Value>)> {
    entries(spec).filter(|(field, _)| !field.is_child()).map(|(field, slot)| (field, slot.to_value()))
}

/// Types and values of the columns of a status that clients write, in the order of [`CLIENT_STATUS`].
pub(super) fn client_status(status: &dyn Fields) -> impl Iterator<Item = (Type, Option<Value>)> {
    CLIENT_STATUS.iter().filter_map(|column| {
        let (field, slot) = entries(status).find(|(field, _)| field.column == *column)?;
        Some((field.column_type()?, slot.to_value()))
    })
}

/// Appends the CTE that puts a new record into the queue and gives its objects their name.
fn reconciliation<T: Noun>(statement: &mut Statement, record: &Record<T>, traceparent: Option<&str>) -> Result<()> {
    let name = entries(&record.spec).find(|(field, _)| field.column == "name").and_then(|(_, slot)| slot.to_value());
    let name = if let Some(Value::Text(name)) = name { name } else { String::new() };
    statement.push_with(|| {
        let (columns, kind, runtime) = (CLIENT_STATUS.join(", "), T::KIND, runtime_id(&T::INFO));
        format!(", r AS (INSERT INTO reconciliations(kind, id, runtime_id, object_name, traceparent, {columns}) SELECT '{kind}', t.id, {runtime}, ")
    });
    // As `object_name` of the rules, with an id that only Postgres knows yet. A workload's is the name of its namespace.
    let given = if T::KIND == Kind::WorkloadInstance { "coalesce(t.namespace, " } else { "(" };
    statement.push(given).value(Type::Text, Some(Value::Text(slug(&name))))?;
    statement.push(" || '-' || t.id), ").bind(traceparent)?;
    for (ty, value) in client_status(&record.status) {
        statement.push(", ").value(ty, value)?;
    }
    statement.push(" FROM t RETURNING *)");
    Ok(())
}

/// The cluster a record is in, as an expression over `t`; 0: none.
fn runtime_id(info: &Info) -> &'static str {
    if info.kind == Kind::KubernetesRuntimeInstance {
        "t.id"
    } else if info.fields.iter().any(|field| field.column == "kubernetes_runtime_instance_id") {
        "t.kubernetes_runtime_instance_id"
    } else {
        "0"
    }
}

/// Columns with the ids of the new children.
fn made_ids(children: &[Children<'_>]) -> String {
    let ids = children::filled(children)
        .map(|(at, _)| format!(", (SELECT array_agg(id ORDER BY id) FROM c{at}) AS children_{at}"));
    ids.collect()
}

/// The children that a write makes or takes away, each noun with its CTE: this word and the number of the list.
pub(super) fn ctes<'c>(children: &'c [Children<'c>], word: &str) -> Vec<(&'static Info, String)> {
    children::filled(children).map(|(at, child)| (child.info, format!("{word}{at}"))).collect()
}

/// Children that were made.
pub(super) fn made<'c>(ctes: &'c [(&'static Info, String)]) -> Vec<Happened<'c>> {
    ctes.iter().map(|(info, cte)| Happened::new(EventType::Created, info, cte)).collect()
}
