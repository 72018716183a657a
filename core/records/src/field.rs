//! A noun is a plain struct; this is what the rest of the program knows about its fields.
//!
//! JSON, SQL, filters and the API document all derive from the one table that `#[derive(Noun)]` writes.

use crate::{
    json::read,
    kind::Kind,
    problem::Problem,
    scalar::{Hints, Scalar},
    value::{Type, Value},
};
use serde::{Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

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
    /// May hold secrets among other things: told to nobody but those who read the record.
    pub sensitive: bool,
    /// Can be asked for in a list.
    pub filterable: bool,
    /// The record that this id names.
    pub parent: Option<Parent>,
    /// What the slot holds.
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

/// What a slot holds.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One column.
    Column {
        /// Its type.
        ty: Type,
        /// What the documentation says about its values.
        hints: Hints,
        /// Reads a query parameter.
        parse: fn(&str) -> Result<Value, String>,
    },
    /// Rows of a child noun.
    Children {
        /// The child's kind.
        kind: Kind,
    },
}

/// The record that an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its kind.
    pub kind: Kind,
    /// Its table.
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

/// A struct's table.
pub trait Table {
    /// In the order of the wire.
    const FIELDS: &'static [Field];
}

/// A struct seen through its table.
pub trait Fields: Send + Sync + 'static {
    /// The table.
    fn fields(&self) -> &'static [Field];
    /// The slot of a line of the table.
    fn get(&self, index: usize) -> &dyn Slot;
    /// The slot of a line of the table.
    fn get_mut(&mut self, index: usize) -> &mut dyn Slot;
}

/// What there is to know about a noun without its type.
#[derive(Debug)]
pub struct Info {
    /// Which noun this is.
    pub kind: Kind,
    /// `gateway-definitions`: the path.
    pub plural: &'static str,
    /// `gateway_definitions`.
    pub table: &'static str,
    /// What it is, for the API document.
    pub doc: &'static str,
    /// Workers bring it about: it has a status, and its deletion takes two steps.
    pub reconciled: bool,
    /// Its table of fields.
    pub fields: &'static [Field],
    /// One with its defaults.
    pub new: fn() -> Box<dyn Fields>,
}

impl Info {
    /// Fields that are columns of the noun's own table.
    pub fn columns(&self) -> impl Iterator<Item = &'static Field> + use<> {
        columns(self.fields)
    }

    /// Has fields that are stored encrypted.
    pub fn has_secrets(&self) -> bool {
        self.fields.iter().any(|field| field.encrypted)
    }

    /// The field that names the record of this kind that these records are part of.
    pub fn part_of(&self, whole: Kind) -> Option<&'static Field> {
        let takes = |parent: &Parent| parent.kind == whole && parent.on_delete == OnDelete::Takes;
        self.fields.iter().find(|field| field.parent.as_ref().is_some_and(takes))
    }

    /// Has a name that is unique among the live.
    pub fn named(&self) -> bool {
        self.fields.iter().any(|field| field.column == "name")
    }
}

/// A stored noun.
pub trait Noun: Table + Fields + Default + Clone + PartialEq + std::fmt::Debug + serde::Serialize {
    /// Which noun this is. Apart from `INFO` so that nouns may name each other.
    const KIND: Kind;
    /// `gateway_definitions`.
    const TABLE: &'static str;
    /// Names and fields.
    const INFO: Info;
    /// Rows of child nouns to be created with it.
    fn children(&self) -> Vec<Children<'_>>;
    /// The same lists, to be filled with the rows that are stored.
    fn children_mut(&mut self) -> Vec<ChildrenMut<'_>>;
}

/// Rows of one child noun that a POST of the parent creates.
pub struct Children<'a> {
    /// Their noun.
    pub info: &'static Info,
    /// The column that names the parent.
    pub key: &'static str,
    /// The rows.
    pub rows: Vec<&'a dyn Fields>,
}

impl<'a> Children<'a> {
    /// Rows of `T`.
    pub fn of<T: Noun>(key: &'static str, rows: &'a [T]) -> Self {
        Self { info: &T::INFO, key, rows: rows.iter().map(|row| row as &dyn Fields).collect() }
    }
}

/// The list of one child noun in its parent, to be filled with the rows that are stored.
pub struct ChildrenMut<'a> {
    /// Their noun.
    pub info: &'static Info,
    /// The column that names the parent.
    pub key: &'static str,
    rows: &'a mut dyn Rows,
}

impl<'a> ChildrenMut<'a> {
    /// The rows of `T`.
    pub fn of<T: Noun>(key: &'static str, rows: &'a mut Vec<T>) -> Self {
        Self { info: &T::INFO, key, rows }
    }

    /// A further row, with its defaults.
    pub fn add(&mut self) -> &mut dyn Fields {
        self.rows.add()
    }
}

/// A list of rows, seen without their type.
trait Rows {
    fn add(&mut self) -> &mut dyn Fields;
}

impl<T: Noun> Rows for Vec<T> {
    fn add(&mut self) -> &mut dyn Fields {
        let last = self.len();
        self.push(T::default());
        &mut self[last]
    }
}

/// A slot of a struct, seen without its type.
pub trait Slot: erased_serde::Serialize + Send + Sync {
    /// Left out of JSON; NULL in a column.
    fn is_null(&self) -> bool;
    /// For storing.
    fn to_value(&self) -> Option<Value>;
    /// From storage.
    fn set(&mut self, value: Option<Value>) -> Result<(), String>;
    /// Takes a JSON value; `null` leaves the slot as it is and answers false. Fails with all that is wrong with the value; fields of the
    /// problems are seen from the slot.
    fn take(&mut self, json: &RawValue) -> Result<bool, Vec<Problem>>;
    /// Reads a JSON value and says whether it equals what is here.
    fn same(&self, json: &RawValue) -> Result<bool, Vec<Problem>>;
}
erased_serde::serialize_trait_object!(Slot);

/// What a type of a slot says in the table.
pub trait Shaped {
    /// Column or children.
    const SHAPE: Shape;
}

impl<T: Scalar> Shaped for T {
    const SHAPE: Shape = Shape::Column {
        ty: T::TYPE,
        hints: T::HINTS,
        parse: |text| {
            let value = T::parse(text)?;
            value.storable()?;
            Ok(value.to_value())
        },
    };
}
impl<T: Scalar> Shaped for Option<T> {
    const SHAPE: Shape = T::SHAPE;
}
impl<T: Noun> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::Children { kind: T::KIND };
}

/// A value of one column; None for `null`.
fn value<T: Scalar>(json: &RawValue) -> Result<Option<T>, Vec<Problem>> {
    let value: Option<T> = read(json)?;
    match value.as_ref().map_or(Ok(()), Scalar::storable) {
        Ok(()) => Ok(value),
        Err(problem) => Err(vec![Problem::new("", problem)]),
    }
}

impl<T: Scalar> Slot for T {
    fn is_null(&self) -> bool {
        false
    }
    fn to_value(&self) -> Option<Value> {
        Some(Scalar::to_value(self))
    }
    fn set(&mut self, value: Option<Value>) -> Result<(), String> {
        *self = T::from_value(value.ok_or("is NULL")?)?;
        Ok(())
    }
    fn take(&mut self, json: &RawValue) -> Result<bool, Vec<Problem>> {
        Ok(value::<T>(json)?.map(|value| *self = value).is_some())
    }
    fn same(&self, json: &RawValue) -> Result<bool, Vec<Problem>> {
        Ok(value::<T>(json)?.is_none_or(|value| value == *self))
    }
}

impl<T: Scalar> Slot for Option<T> {
    fn is_null(&self) -> bool {
        self.is_none()
    }
    fn to_value(&self) -> Option<Value> {
        self.as_ref().map(Scalar::to_value)
    }
    fn set(&mut self, value: Option<Value>) -> Result<(), String> {
        *self = value.map(T::from_value).transpose()?;
        Ok(())
    }
    fn take(&mut self, json: &RawValue) -> Result<bool, Vec<Problem>> {
        if T::EMPTY_IS_NONE && json.get() == "\"\"" {
            *self = None;
            return Ok(true);
        }
        Ok(value::<T>(json)?.map(|value| *self = Some(value)).is_some())
    }
    fn same(&self, json: &RawValue) -> Result<bool, Vec<Problem>> {
        Ok(value::<T>(json)?.is_none_or(|value| Some(value) == *self))
    }
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
