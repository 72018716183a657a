//! A noun is a plain struct with a table of its own; this is what the rest of the program knows about it. `#[derive(Noun)]` writes it.

use crate::{
    field::{Field, Fields, OnDelete, Parent, Table, columns},
    kind::Kind,
    slot::{Shape, Shaped},
};

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
    /// Every field, in the order of the wire.
    pub fields: &'static [Field],
    /// Makes one with its defaults.
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

/// A noun that has a table in Postgres.
pub trait Noun: Table + Fields + Default + Clone + PartialEq + std::fmt::Debug + serde::Serialize {
    /// Which noun this is. Apart from `INFO` so that nouns may name each other.
    const KIND: Kind;
    /// `gateway_definitions`.
    const TABLE: &'static str;
    /// The same and all else, without the type.
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
    /// The children, in the order of the body.
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

impl<T: Noun> Shaped for Vec<T> {
    const SHAPE: Shape = Shape::Children { kind: T::KIND };
}
