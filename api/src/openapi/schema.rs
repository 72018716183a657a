//! Schemas in utoipa's types, and references to them.
//!
//! Why they aren't derived with utoipa: schemas are JSON Schema that the nouns' tables and schemars make, the same that records are checked with.
//! Any JSON Schema may stand in a document of version 3.1, but utoipa's type has fields for some keywords only (none for `const`, nor for
//! `readOnly` of a list), so all keywords go into its extensions. The crate aide takes schemas of schemars, but only of Rust types, not of tables.

use causeway_records::{noun::Info, nouns};
use serde_json::{Value, json};
use utoipa::openapi::{
    Ref, RefOr, Schema,
    extensions::Extensions,
    schema::{ObjectBuilder, SchemaType},
};

/// A schema in utoipa's type.
pub(super) fn schema(json: Value) -> RefOr<Schema> {
    let Value::Object(keywords) = json else { return Schema::default().into() };
    let extensions = Extensions::from_iter(keywords);
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).extensions(Some(extensions)).build().into()
}

/// A reference to a schema among the components.
pub(crate) fn schema_ref(name: &str) -> Value {
    json!(Ref::from_schema_name(name))
}

/// The schema of a text, with what it says.
pub(super) fn text(doc: &str) -> Value {
    json!({"type": "string", "description": doc})
}

/// The schema of a whole number, with what it counts or names.
pub(super) fn integer(doc: &str) -> Value {
    json!({"type": "integer", "format": "int64", "description": doc})
}

/// Every noun: those for everybody, then those for admins.
pub(super) fn all_nouns() -> impl Iterator<Item = &'static Info> {
    nouns::ALL.iter().chain(nouns::OWN).copied()
}
