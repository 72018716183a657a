//! What one field of a struct holds: a value of one column, or rows of a child noun.

use crate::{
    density,
    json::read,
    kind::Kind,
    problem::Problem,
    scalar::{Hints, Scalar},
    value::{Type, Value},
};
use serde_json::value::RawValue;

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

/// A value of one column; None for `null`.
fn value<T: Scalar>(json: &RawValue) -> Result<Option<T>, Vec<Problem>> {
    if T::TYPE == Type::Json {
        density::check(json.get().as_bytes()).map_err(|problem| vec![Problem::new("", problem)])?;
    }
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
