//! Types that one column can hold, and what a reader of the API must know about their values.

use crate::value::{Type, Value};
use chrono::{DateTime, Utc};
use schemars::{Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt::Display,
    num::{IntErrorKind, ParseIntError},
    str::FromStr,
};

/// Describes a type; named types are told once, in [`definitions`](crate::nouns::definitions).
pub type Typed = fn(&mut SchemaGenerator) -> Schema;

/// What the documentation says about a value beyond its type.
#[derive(Clone, Copy, Debug)]
pub struct Hints {
    /// JSON Schema's `format`.
    pub format: Option<&'static str>,
    /// JSON Schema's `pattern`.
    pub pattern: Option<&'static str>,
    /// Smallest number allowed.
    pub minimum: Option<i64>,
    /// Largest number allowed.
    pub maximum: Option<i64>,
    /// Shortest text allowed, in characters.
    pub min_length: Option<usize>,
    /// Longest text allowed, in characters.
    pub max_length: Option<usize>,
    /// The only texts allowed; empty: any.
    pub choices: &'static [&'static str],
    /// What each choice means; empty: they speak for themselves.
    pub meanings: &'static [&'static str],
    /// Schema of a type that has a name of its own.
    pub schema: Option<Typed>,
}

impl Hints {
    /// Nothing to say.
    pub const NONE: Self = Self {
        format: None,
        pattern: None,
        minimum: None,
        maximum: None,
        min_length: None,
        max_length: None,
        choices: &[],
        meanings: &[],
        schema: None,
    };
}

/// A value of one column, checked: who holds one can use it as it is.
pub trait Scalar: Serialize + DeserializeOwned + Clone + Default + PartialEq + Send + Sync + 'static {
    /// The column's type.
    const TYPE: Type;
    /// What the documentation says about it.
    const HINTS: Hints = Hints::NONE;
    /// An optional one may be sent as an empty text, which stands for no value: clients of Threeport do so where they have none.
    const EMPTY_IS_NONE: bool = false;
    /// For storing.
    fn to_value(&self) -> Value;
    /// From storage. Fails on a value that today's rules refuse.
    fn from_value(value: Value) -> Result<Self, String>;
    /// From a query parameter.
    fn parse(text: &str) -> Result<Self, String>;
    /// What Postgres can't store though JSON can carry it.
    fn storable(&self) -> Result<(), String> {
        Ok(())
    }
}

fn mismatch(wanted: Type, got: &Value) -> String {
    format!("expected {}, got {got:?}", wanted.name())
}

/// Scalars that are a variant of [`Value`] as they are.
macro_rules! plain {
    ($($ty:ty, $variant:ident, $hints:expr, $storable:expr, $parse:expr;)*) => {$(
        impl Scalar for $ty {
            const TYPE: Type = Type::$variant;
            const HINTS: Hints = $hints;
            fn to_value(&self) -> Value { Value::$variant(self.clone()) }
            fn from_value(value: Value) -> Result<Self, String> {
                match value { Value::$variant(inner) => Ok(inner), other => Err(mismatch(Self::TYPE, &other)) }
            }
            fn parse(text: &str) -> Result<Self, String> { $parse(text) }
            fn storable(&self) -> Result<(), String> { let check: fn(&Self) -> Result<(), String> = $storable; check(self) }
        }
    )*};
}

plain! {
    bool, Bool, Hints::NONE, |_| Ok(()), bit;
    i32, Int4, Hints { format: Some("int32"), ..Hints::NONE }, |_| Ok(()), number;
    i64, Int8, Hints { format: Some("int64"), ..Hints::NONE }, |_| Ok(()), number;
    String, Text, Hints::NONE, |text| no_nul(text), parsed;
    DateTime<Utc>, Time, Hints { format: Some("date-time"), ..Hints::NONE }, |_| Ok(()), parsed;
    serde_json::Value, Json, Hints::NONE, |json| no_nul_inside(json), parsed;
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{error}"))
}

/// As Threeport reads it in a query, not in JSON: the words of Go, and nothing for false.
fn bit(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err("must be true or false".into()),
    }
}

/// As Threeport reads it in a query, not in JSON: nothing stands for 0.
pub(crate) fn number<T: FromStr<Err = ParseIntError> + Default>(text: &str) -> Result<T, String> {
    if text.is_empty() {
        return Ok(T::default());
    }
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "is too large a number".into(),
        _ => "must be a whole number".into(),
    })
}

/// NUL is a legal character of JSON that neither `text` nor `jsonb` can hold.
pub(crate) fn no_nul(text: &str) -> Result<(), String> {
    if text.contains('\0') { Err("holds a NUL character, which can't be stored; remove it".into()) } else { Ok(()) }
}

pub(crate) fn no_nul_inside(json: &serde_json::Value) -> Result<(), String> {
    use serde_json::Value::{Array, Object, String};
    match json {
        String(text) => no_nul(text),
        Array(items) => items.iter().try_for_each(no_nul_inside),
        Object(map) => map.iter().try_for_each(|(key, value)| no_nul(key).and_then(|()| no_nul_inside(value))),
        _ => Ok(()),
    }
}

/// A jsonb column with a type of its own: anything serde can read and write and schemars can describe.
macro_rules! json_scalar {
    ($ty:ty) => {
        impl $crate::scalar::Scalar for $ty {
            const TYPE: $crate::value::Type = $crate::value::Type::Json;
            const HINTS: $crate::scalar::Hints = $crate::scalar::Hints {
                schema: Some(|generator| generator.subschema_for::<$ty>()),
                ..$crate::scalar::Hints::NONE
            };
            fn to_value(&self) -> $crate::value::Value {
                $crate::value::Value::Json(serde_json::to_value(self).unwrap_or_default())
            }
            fn from_value(value: $crate::value::Value) -> Result<Self, String> {
                match value {
                    $crate::value::Value::Json(json) => serde_json::from_value(json).map_err(|error| error.to_string()),
                    other => Err(format!("expected jsonb, got {other:?}")),
                }
            }
            fn parse(text: &str) -> Result<Self, String> {
                serde_json::from_str(text).map_err(|error| error.to_string())
            }
        }
    };
}
pub(crate) use json_scalar;
