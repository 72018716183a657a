//! Rows into records.

use crate::{
    documents::{Documents, Place},
    error::{Result, StoreError},
};
use causeway_records::{
    Record,
    field::{Fields, Table, columns},
    inputs::Named,
    noun::{Info, Noun},
    record::Common,
    secret::KeyIds,
    status::Status,
    value::{Type, Value},
};
use chrono::{DateTime, Utc};
use sqlx::{Row, postgres::PgRow, types::Json};

/// The column that says which keys the encrypted ones were written with; tables without encrypted ones don't have it.
pub(crate) const KEY_IDS: &str = "key_ids";

/// Columns of `reconciliations` that a client may write.
pub(crate) const CLIENT_STATUS: &[&str] = &[
    "creation_acknowledged",
    "creation_confirmed",
    "creation_failed",
    "deletion_acknowledged",
    "deletion_confirmed",
    "interrupt_reconciliation",
];

pub(crate) fn value(row: &PgRow, index: usize, ty: Type) -> sqlx::Result<Option<Value>> {
    Ok(match ty {
        Type::Bool => row.try_get::<Option<bool>, _>(index)?.map(Value::Bool),
        Type::Int4 => row.try_get::<Option<i32>, _>(index)?.map(Value::Int4),
        Type::Int8 => row.try_get::<Option<i64>, _>(index)?.map(Value::Int8),
        Type::Text => row.try_get::<Option<String>, _>(index)?.map(Value::Text),
        Type::Time => row.try_get::<Option<DateTime<Utc>>, _>(index)?.map(Value::Time),
        Type::Json => row.try_get::<Option<serde_json::Value>, _>(index)?.map(Value::Json),
    })
}

/// A row with what it takes to read it.
#[derive(Clone, Copy)]
struct Source<'r> {
    row: &'r PgRow,
    documents: &'r Documents,
}

fn fill(part: &mut dyn Fields, table: &'static str, source: Source<'_>, next: &mut usize) -> Result<()> {
    for index in 0..part.fields().len() {
        let field = &part.fields()[index];
        let Some(ty) = field.column_type() else { continue };
        let value = if field.sensitive {
            let sealed: Option<Vec<u8>> = source.row.try_get(*next)?;
            sealed.map(|sealed| source.documents.open(Place { table, field }, sealed)).transpose()?
        } else {
            value(source.row, *next, ty)?
        };
        part.get_mut(index).set(value).map_err(|reason| StoreError::Inconsistent {
            table,
            column: field.column,
            reason,
        })?;
        *next += 1;
    }
    Ok(())
}

/// A record without documents, from a row that begins with the columns of [`select_list`].
pub(crate) fn record<T: Noun>(row: &PgRow) -> Result<Record<T>> {
    record_with(row, &Documents::default())
}

/// A record from a row that begins with the columns of [`select_list`].
pub(crate) fn record_with<T: Noun>(row: &PgRow, documents: &Documents) -> Result<Record<T>> {
    let (mut record, mut next) = (Record::<T>::default(), 0);
    let source = Source { row, documents };
    fill(&mut record.common, T::TABLE, source, &mut next)?;
    fill(&mut record.spec, T::TABLE, source, &mut next)?;
    if T::INFO.reconciled {
        fill(&mut record.status, "reconciliations", source, &mut next)?;
    }
    if T::INFO.has_secrets() {
        record.key_ids = row.try_get::<Json<KeyIds>, _>(next)?.0;
    }
    Ok(record)
}

/// The same from a row that has the name of the record's objects too.
pub(crate) fn named<T: Noun>(row: &PgRow) -> Result<Named<T>> {
    Ok(Named { record: record(row)?, object_name: row.try_get("object_name")? })
}

/// The columns of a record: `t` is the noun's table, `r` its reconciliation.
pub(crate) fn select_list(info: &Info) -> String {
    let own = columns(Common::FIELDS).chain(columns(info.fields)).map(|field| format!("t.{}", field.column));
    let status = columns(Status::FIELDS).filter(|_| info.reconciled).map(|field| format!("r.{}", field.column));
    own.chain(status).chain(info.has_secrets().then(|| format!("t.{KEY_IDS}"))).collect::<Vec<_>>().join(", ")
}
