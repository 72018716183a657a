//! The table of a struct's fields, and the struct seen through it.
//!
//! JSON, SQL, filters and the API document all derive from this one table. `#[derive(Fields)]` writes it, and so does `#[derive(Noun)]`.

use crate::{
    kind::Kind,
    slot::{Shape, Slot},
    value::Type,
};
use serde::{Serializer, ser::SerializeMap};

/// One line of a noun's table.
#[derive(Debug)]
pub struct Field {
    /// Name on the wire, `GatewayDefinitionID`.
    pub json: &'static str,
    /// Name in Postgres, `gateway_definition_id`.
    pub column: &'static str,
    /// Meaning, unit, limits: for the API document.
    pub doc: &'static str,
    /// A value for examples in the API document: a text as it is, everything else as JSON. None: left out of them unless it is required.
    pub example: Option<&'static str>,
    /// POST and PUT must carry it.
    pub required: bool,
    /// Set by the system: the stored value may be sent back, another one is refused.
    pub read_only: bool,
    /// Set by POST for good.
    pub immutable: bool,
    /// Stored and returned as ciphertext.
    pub encrypted: bool,
    /// May hold secrets among other things: encrypted at rest as a whole, and told to nobody but those who read the record.
    pub sensitive: bool,
    /// Can be asked for in a list.
    pub filterable: bool,
    /// The record that this id names.
    pub parent: Option<Parent>,
    /// One value, or rows of another noun.
    pub shape: Shape,
}

impl Field {
    /// Rows of another noun rather than a column.
    pub const fn is_child(&self) -> bool {
        matches!(self.shape, Shape::Children { .. })
    }

    /// The column's type; children have none.
    pub const fn column_type(&self) -> Option<Type> {
        match self.shape {
            Shape::Column { ty, .. } => Some(ty),
            Shape::Children { .. } => None,
        }
    }

    /// Holds something that must not show up beside the record itself.
    pub const fn is_secret(&self) -> bool {
        self.encrypted || self.sensitive
    }
}

/// The record that an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The kind of that record.
    pub kind: Kind,
    /// The table of that kind in Postgres.
    pub table: &'static str,
    /// What the parent's deletion means for this record.
    pub on_delete: OnDelete,
}

/// What a parent's deletion means for the records that name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// The parent stays while they live.
    Blocks,
    /// They go with it.
    Takes,
}

/// A struct whose fields are listed in a table, which a derive macro writes.
pub trait Table {
    /// In the order of the wire.
    const FIELDS: &'static [Field];
}

/// A struct seen through its table.
pub trait Fields: Send + Sync + 'static {
    /// Every field, in the order of the wire.
    fn fields(&self) -> &'static [Field];
    /// The slot of a line of the table.
    fn get(&self, index: usize) -> &dyn Slot;
    /// The slot of a line of the table.
    fn get_mut(&mut self, index: usize) -> &mut dyn Slot;
}

/// Every line of the table with its slot.
pub fn entries(fields: &dyn Fields) -> impl Iterator<Item = (&'static Field, &dyn Slot)> {
    fields.fields().iter().enumerate().map(move |(index, field)| (field, fields.get(index)))
}

/// The lines that are columns of the table itself.
pub fn columns(fields: &'static [Field]) -> impl Iterator<Item = &'static Field> {
    fields.iter().filter(|field| !field.is_child())
}

/// One JSON object out of all parts; what is null is left out.
pub fn serialize<S: Serializer>(parts: &[&dyn Fields], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (field, slot) in parts.iter().flat_map(|part| entries(*part)).filter(|(_, slot)| !slot.is_null()) {
        map.serialize_entry(field.json, slot)?;
    }
    map.end()
}
