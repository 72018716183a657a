//! A record that was just made, with the children that were made along with it.

use crate::{
    documents::Documents,
    error::{Result, StoreError},
    row,
};
use causeway_records::{
    Record,
    field::{self, Fields, entries},
    noun::{Children, Noun},
    record::Common,
    slot::Shape,
};
use serde::{Serialize, ser::SerializeMap};
use serde_json::{Value, json};
use sqlx::{Row, postgres::PgRow};

/// A new record and its children: one object of JSON. Later reads give the record alone.
#[derive(Clone, Debug)]
pub struct Created<T> {
    pub record: Record<T>,
    /// By the field that held them in the body: children with ids and times, in the body's order.
    pub children: Vec<(&'static str, Vec<Value>)>,
}

impl<T: Noun> Created<T> {
    /// From the row that the statement answered; `asked` is what was sent.
    pub(crate) fn read(row: &PgRow, asked: &Record<T>, documents: &Documents) -> Result<Self> {
        let record: Record<T> = row::record_with(row, documents)?;
        let mut made = vec![];
        for (at, children) in asked.spec.children().iter().enumerate().filter(|(_, made)| !made.rows.is_empty()) {
            let ids: Vec<i64> = row.try_get(format!("children_{at}").as_str())?;
            let rows = ids.iter().zip(&children.rows).map(|(id, row)| child(&record.common, *id, children, *row));
            made.push((field_of::<T>(children), rows.collect::<Result<_>>()?));
        }
        Ok(Self { record, children: made })
    }
}

/// The field of `T` that holds these children.
fn field_of<T: Noun>(children: &Children<'_>) -> &'static str {
    let holds = |shape: Shape| matches!(shape, Shape::Children { kind } if kind == children.info.kind);
    T::FIELDS.iter().find(|field| holds(field.shape)).map_or("", |field| field.json)
}

/// A child as a read of it would answer: made by the same statement as its parent, it has the same times.
fn child(parent: &Common, id: i64, children: &Children<'_>, row: &dyn Fields) -> Result<Value> {
    let common = Common { id, ..parent.clone() };
    let refuse = |error: serde_json::Error| StoreError::Inconsistent {
        table: children.info.table,
        column: children.key,
        reason: error.to_string(),
    };
    let mut object = field::serialize(&[&common, row], serde_json::value::Serializer).map_err(refuse)?;
    if let Some((key, _)) = entries(row).find(|(field, _)| field.column == children.key) {
        object[key.json] = json!(parent.id);
    }
    Ok(object)
}

impl<T: Noun> Serialize for Created<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let parts = self.record.parts();
        for (field, slot) in parts.iter().flat_map(|part| entries(*part)) {
            match self.children.iter().find(|(name, _)| *name == field.json) {
                Some((name, rows)) => map.serialize_entry(name, rows)?,
                None if slot.is_null() => {}
                None => map.serialize_entry(field.json, slot)?,
            }
        }
        map.end()
    }
}
