//! A record of whatever kind, as pages show it.

use crate::{auth::Caller, state::ApiState, wire::redaction::redact};
use causeway_records::{
    Kind, Record,
    field::{Field, entries},
    noun::Noun,
    nouns,
    status::Status,
};
use causeway_store::{Result, StoreError};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// A record without its type.
pub(super) struct Shown {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) fields: Vec<(&'static Field, Value)>,
    pub(super) status: Status,
    pub(super) created: Option<DateTime<Utc>>,
    pub(super) updated: Option<DateTime<Utc>>,
}

fn shown<T: Noun>(record: Record<T>, caller: &Caller) -> Shown {
    let record = redact(record, caller);
    // Ciphertext and manifests tell a person nothing; the API answers them.
    let fields = entries(&record.spec).filter(|(field, slot)| !slot.is_null() && !field.is_secret());
    let fields: Vec<_> = fields.filter_map(|(field, slot)| Some((field, serde_json::to_value(slot).ok()?))).collect();
    let name = fields.iter().find(|(field, _)| field.column == "name").and_then(|(_, name)| name.as_str());
    Shown {
        kind: T::KIND,
        id: record.id(),
        name: name.map_or_else(|| record.id().to_string(), str::to_owned),
        created: record.common.created_at,
        updated: record.common.updated_at,
        status: record.status,
        fields,
    }
}

/// Manifests are on no page, but they are read with their record: where there is room for them.
async fn read_one<T: Noun>(app: &ApiState, caller: &Caller, id: i64) -> Result<Shown> {
    let bytes = app.store.document_bytes::<T>(id).await?;
    let (services, caller) = (app.clone(), caller.clone());
    app.aside(bytes, async move { Ok(shown(services.store.get::<T>(id).await?, &caller)) }).await
}

macro_rules! read {
    ($($noun:ident),* $(,)?) => {
        /// A record of any kind, with what the caller may read of it.
        pub(super) async fn read(app: &ApiState, caller: &Caller, kind: Kind, id: i64) -> Result<Shown> {
            match kind {
                $(Kind::$noun => read_one::<nouns::$noun>(app, caller, id).await,)*
                // What clients can make and change has pages.
                _ => Err(StoreError::NotFound),
            }
        }
    };
}
causeway_records::with_nouns!(read);
