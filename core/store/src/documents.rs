//! Documents at rest. Fields that may hold secrets (manifests, what became of them) are encrypted here on their way to Postgres and decrypted on their
//! way back: everything above has the text, and no statement needs it.

use crate::error::{Result, StoreError};
use causeway_records::{
    field::Field,
    noun::Info,
    secret::{Keyring, SecretError},
    value::{Type, Value},
};
use std::sync::Arc;

/// What a reader gets of a document that can't be read, because its key is missing or it is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// An error: for whoever acts on the document.
    Fails,
    /// A text in its place that says why: for people, who still see, mend and delete the record.
    IsTold,
}

/// The keys of a store's documents. Without keys no document can be read or written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Documents(Option<Arc<(Keyring, Unreadable)>>);

/// Where a document is: a noun's table and the field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) field: &'static Field,
}

impl Place {
    /// The documents of a noun.
    pub(crate) fn all(info: &'static Info) -> impl Iterator<Item = Self> {
        info.fields.iter().filter(|field| field.sensitive).map(|field| Self { table: info.table, field })
    }

    /// A document of a noun that has one of this name.
    pub(crate) fn of(info: &'static Info, column: &str) -> Self {
        let mut all = Self::all(info);
        all.find(|place| place.field.column == column).unwrap_or_else(|| unreachable!("{} has no {column}", info.table))
    }

    /// What is authenticated along with the document.
    pub(crate) fn name(self) -> String {
        format!("{}.{}", self.table, self.field.column)
    }

    pub(crate) fn inconsistent(self, reason: impl ToString) -> StoreError {
        StoreError::Inconsistent { table: self.table, column: self.field.column, reason: reason.to_string() }
    }
}

/// How long the documents of a record are that a statement calls `t`, as an expression. None: the noun has none.
pub(crate) fn lengths(info: &'static Info) -> Option<String> {
    let lengths: Vec<_> =
        Place::all(info).map(|place| format!("coalesce(octet_length(t.{}), 0)", place.field.column)).collect();
    (!lengths.is_empty()).then(|| lengths.join(" + "))
}

impl Documents {
    pub(crate) fn new(keys: Keyring, unreadable: Unreadable) -> Self {
        Self(Some(Arc::new((keys, unreadable))))
    }

    pub(crate) fn keyring(&self) -> Option<&Keyring> {
        self.0.as_deref().map(|(keys, _)| keys)
    }

    /// A value as it is stored.
    pub(crate) fn seal(&self, place: Place, value: Value) -> Result<Vec<u8>> {
        let text = match value {
            Value::Text(text) => text,
            Value::Json(json) => json.to_string(),
            other => return Err(place.inconsistent(format!("{other:?} is no document"))),
        };
        self.seal_text(place, &text)
    }

    pub(crate) fn seal_text(&self, place: Place, text: &str) -> Result<Vec<u8>> {
        let (keys, _) = self.keys(place)?;
        keys.seal_document(&place.name(), text).map_err(|error| place.inconsistent(error))
    }

    /// The value that is stored.
    pub(crate) fn open(&self, place: Place, sealed: Vec<u8>) -> Result<Value> {
        let is_json = place.field.column_type() == Some(Type::Json);
        match self.open_text(place, sealed)? {
            Ok(text) if is_json => {
                Ok(Value::Json(serde_json::from_str(&text).map_err(|error| place.inconsistent(error))?))
            }
            Ok(text) => Ok(Value::Text(text)),
            Err(error) => {
                let told = format!("# this document can't be read: {error}\n");
                Ok(if is_json { Value::Json(told.into()) } else { Value::Text(told) })
            }
        }
    }

    /// The text that is stored; why it can't be read, where that is told.
    pub(crate) fn open_text(&self, place: Place, sealed: Vec<u8>) -> Result<std::result::Result<String, SecretError>> {
        let (keys, unreadable) = self.keys(place)?;
        match (keys.open_document(&place.name(), sealed), unreadable) {
            (Err(error), Unreadable::Fails) => Err(place.inconsistent(error)),
            (opened, _) => Ok(opened),
        }
    }

    fn keys(&self, place: Place) -> Result<&(Keyring, Unreadable)> {
        self.0.as_deref().ok_or_else(|| place.inconsistent("this program was started without ENCRYPTION_KEY"))
    }
}
