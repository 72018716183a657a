//! Rows that Postgres sends as JSON, many in one answer: see `migrations/functions/inputs.sql`.

use crate::error::{Result, StoreError};
use causeway_records::{
    Record,
    field::Fields,
    inputs::Named,
    noun::Noun,
    value::{Type, Value},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::{collections::BTreeMap, fmt};

/// A row, by column. Documents come beside it.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct JsonRow {
    columns: Map<String, Json>,
    #[serde(skip)]
    documents: BTreeMap<&'static str, Value>,
}

/// A row of a reconciled noun, and what its reconciliation says about it.
#[derive(Deserialize)]
pub(crate) struct StatedRow(JsonRow, JsonRow);

/// Without what is in it: it may be a secret.
impl fmt::Debug for JsonRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonRow(..)")
    }
}

impl JsonRow {
    /// The record that the row holds.
    pub(crate) fn record<T: Noun>(mut self) -> Result<Record<T>> {
        let mut record = Record::<T>::default();
        self.fill(&mut record.common, T::TABLE)?;
        self.fill(&mut record.spec, T::TABLE)?;
        Ok(record)
    }

    /// Adds a document that came beside the row.
    pub(crate) fn document(&mut self, column: &'static str, document: Value) {
        self.documents.insert(column, document);
    }

    /// Sets the fields of a part of the record.
    pub(crate) fn fill(&mut self, part: &mut dyn Fields, table: &'static str) -> Result<()> {
        for index in 0..part.fields().len() {
            let field = &part.fields()[index];
            let Some(ty) = field.column_type() else { continue };
            // A column that is NULL and one that isn't there are the same to a field that may be empty, and wrong for one that may not.
            let value = match self.documents.remove(field.column) {
                None if field.sensitive => Ok(None),
                None => value(self.columns.remove(field.column).unwrap_or_default(), ty),
                document => Ok(document),
            };
            let set = value.and_then(|value| part.get_mut(index).set(value));
            set.map_err(|reason| inconsistent(table, field.column, reason))?;
        }
        Ok(())
    }
}

impl StatedRow {
    /// Adds a document that came beside the row.
    pub(crate) fn document(&mut self, column: &'static str, document: Value) {
        self.0.document(column, document);
    }

    /// The record that the row holds, with the status that came with it.
    pub(crate) fn record<T: Noun>(self) -> Result<Record<T>> {
        let Self(row, mut state) = self;
        let mut record = row.record::<T>()?;
        state.fill(&mut record.status, "reconciliations")?;
        Ok(record)
    }

    /// The same with the name that its objects bear.
    pub(crate) fn named<T: Noun>(mut self) -> Result<Named<T>> {
        let Some(Json::String(object_name)) = self.1.columns.remove("object_name") else {
            return Err(inconsistent("reconciliations", "object_name", "it is missing"));
        };
        Ok(Named { record: self.record()?, object_name })
    }
}

fn inconsistent(table: &'static str, column: &'static str, reason: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { table, column, reason: reason.into() }
}

/// A column's value as Postgres writes it into JSON.
fn value(json: Json, ty: Type) -> std::result::Result<Option<Value>, String> {
    if json.is_null() {
        return Ok(None);
    }
    let value = match ty {
        Type::Bool => json.as_bool().map(Value::Bool),
        Type::Int4 => json.as_i64().and_then(|number| i32::try_from(number).ok()).map(Value::Int4),
        Type::Int8 => json.as_i64().map(Value::Int8),
        Type::Text => json.as_str().map(|text| Value::Text(text.to_owned())),
        Type::Time => time(&json).map(Value::Time),
        Type::Json => return Ok(Some(Value::Json(json))),
    };
    value.map(Some).ok_or_else(|| format!("{json} is no {}", ty.name()))
}

fn time(json: &Json) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(json.as_str()?).ok()?.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::WorkloadInstance;
    use serde_json::json;

    #[test]
    fn a_row_becomes_a_record() {
        let row: StatedRow = serde_json::from_value(json!([
            {
                "id": 900_000_000_000_000_001_i64, "created_at": "2026-11-21T15:03:40.123456+00:00", "name": "web", "unknown": 1,
                "kubernetes_runtime_instance_id": 1, "workload_definition_id": 2,
            },
            {"reconciled": true, "object_name": "web-9"},
        ]))
        .unwrap();
        let named = row.named::<WorkloadInstance>().unwrap();
        assert_eq!((named.record.id(), named.object_name.as_str()), (900_000_000_000_000_001, "web-9"));
        assert_eq!(named.record.common.created_at.unwrap().timestamp_subsec_micros(), 123_456);
        assert_eq!((named.record.spec.workload_definition_id, named.record.status.reconciled), (2, Some(true)));
    }

    #[test]
    fn a_value_that_does_not_fit_names_its_column() {
        let row: JsonRow = serde_json::from_value(json!({"id": "x"})).unwrap();
        let message = row.record::<WorkloadInstance>().unwrap_err().to_string();
        assert!(message.contains("id") && message.contains("int8"), "{message}");
    }
}
