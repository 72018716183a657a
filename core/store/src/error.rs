//! What can go wrong with the store, and what the caller can do about it.

use std::fmt;

/// A failed read or write.
#[derive(Debug)]
pub enum StoreError {
    /// No live record has this id.
    NotFound,
    /// The client's mistake: the sentence names the field and the remedy.
    Invalid(String),
    /// Somebody else holds what the write wants: the sentence names the holder.
    Conflict(String),
    /// The record isn't any more what the client made its condition.
    PreconditionFailed,
    /// A row that today's code can't read.
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// Why.
        reason: String,
    },
    /// Postgres can't be reached or refused; later it may work.
    Unavailable(sqlx::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("record not found"),
            Self::Invalid(sentence) | Self::Conflict(sentence) => f.write_str(sentence),
            Self::PreconditionFailed => {
                f.write_str("the record has changed since it was read; read it again and send its new ETag in If-Match")
            }
            Self::Inconsistent { table, column, reason } => write!(f, "{table}.{column} can't be read: {reason}"),
            Self::Unavailable(_) => f.write_str("the database can't be reached right now"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(error) => Some(error),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else { return Self::Unavailable(error) };
        let constraint = database.constraint().unwrap_or_default();
        match database.code().as_deref() {
            // Raised by the functions of the migrations.
            Some("CW400") => Self::Invalid(database.message().to_owned()),
            Some("CW409") => Self::Conflict(database.message().to_owned()),
            Some("23505") if constraint.ends_with("_name") => {
                Self::Conflict("object with provided name already exists".into())
            }
            Some("23505") => Self::Conflict(format!("the same already exists ({constraint})")),
            Some("23503") => Self::Invalid(format!("names a record that doesn't exist ({constraint})")),
            // Text that Postgres can't hold, numbers out of range and the like.
            Some(code) if code.starts_with("22") => Self::Invalid(database.message().to_owned()),
            _ => Self::Unavailable(error),
        }
    }
}

impl StoreError {
    /// Two writers met: the same statement may work when tried again.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(error)
            if error.as_database_error().is_some_and(|e| matches!(e.code().as_deref(), Some("40P01" | "40001"))))
    }
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, StoreError>;
