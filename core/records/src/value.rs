//! What one column holds, as a plain value: the border between typed fields and whatever stores them.

use chrono::{DateTime, Utc};

/// A value of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `boolean`
    Bool(bool),
    /// `integer`
    Int4(i32),
    /// `bigint`
    Int8(i64),
    /// `text`
    Text(String),
    /// `timestamptz`, microseconds
    Time(DateTime<Utc>),
    /// `jsonb`
    Json(serde_json::Value),
}

/// The types of [`Value`], by their names in Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `boolean`
    Bool,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `text`
    Text,
    /// `timestamptz`
    Time,
    /// `jsonb`
    Json,
}

impl Type {
    /// Postgres's name of the type, for casts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int4 => "int4",
            Self::Int8 => "int8",
            Self::Text => "text",
            Self::Time => "timestamptz",
            Self::Json => "jsonb",
        }
    }
}
