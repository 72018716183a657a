//! What can go wrong with the store, and what the caller can do about it.

use causeway_records::{
    field::Field,
    nouns,
    problem::{Problem, Reason, Refusal},
};
use sqlx::postgres::PgDatabaseError;
use std::fmt;

/// A failed read or write.
#[derive(Debug)]
pub enum StoreError {
    /// No live record has this id.
    NotFound,
    /// The client's mistake: the refusal names the fields and the remedy.
    Invalid(Refusal),
    /// Somebody else holds what the write wants: the sentence names the holder.
    Conflict(Refusal),
    /// The record isn't any more what the client made its condition.
    PreconditionFailed,
    /// The write would not do what the client made its condition.
    PlanOutdated,
    /// A row that today's code can't read.
    Inconsistent {
        table: &'static str,
        column: &'static str,
        /// What the parser says of the value that is stored there.
        reason: String,
    },
    /// No connection to Postgres came free in time: all are in use, or it can't be reached. [`Store::is_reachable`](crate::Store::is_reachable)
    /// tells which.
    NoConnection,
    /// Postgres answers and takes no writes: a standby, or an old primary after a failover. The next attempt goes over a new connection.
    ReadOnly,
    /// Connections lead to a pooler that gives sessions of Postgres to transactions.
    SharedSessions,
    /// A statement waited too long for what others have locked.
    Locked(sqlx::Error),
    /// Postgres has ended a statement that took too long.
    TookTooLong(sqlx::Error),
    /// Postgres can't be reached or refused; later it may work.
    Unavailable(sqlx::Error),
}

impl StoreError {
    /// The client's mistake, for which no single field is to blame.
    pub fn invalid(reason: Reason, sentence: impl Into<String>) -> Self {
        Self::Invalid(Refusal::new(reason, sentence))
    }

    /// The client's mistake in one field.
    pub fn invalid_field(reason: Reason, field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(Refusal::field(reason, field, problem))
    }

    /// Somebody else holds what the write wants.
    pub fn conflict(reason: Reason, sentence: impl Into<String>) -> Self {
        Self::Conflict(Refusal::new(reason, sentence))
    }

    /// Postgres can't be reached, as [`Store::is_reachable`](crate::Store::is_reachable) found.
    pub fn unreachable() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }

    /// The reason code of an answer with this error.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotFound => Reason::NotFound,
            Self::Invalid(refusal) | Self::Conflict(refusal) => refusal.reason,
            Self::PreconditionFailed => Reason::PreconditionFailed,
            Self::PlanOutdated => Reason::PlanOutdated,
            Self::Inconsistent { .. } => Reason::InternalError,
            Self::NoConnection | Self::Locked(_) | Self::TookTooLong(_) => Reason::Overloaded,
            Self::ReadOnly | Self::SharedSessions | Self::Unavailable(_) => Reason::Unavailable,
        }
    }

    /// The fields that are to blame.
    pub fn details(&self) -> &[Problem] {
        match self {
            Self::Invalid(refusal) | Self::Conflict(refusal) => &refusal.details,
            _ => &[],
        }
    }

    /// Two writers met: the same statement may work when tried again.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Locked(_)) || self.is_conflict()
    }

    /// Two transactions met, and Postgres has ended one of them.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Unavailable(error) if is_conflict(error))
    }
}

/// Two transactions met, and Postgres has ended one of them.
pub(crate) fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|e| matches!(e.code().as_deref(), Some("40P01" | "40001")))
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("record not found"),
            Self::Invalid(refusal) | Self::Conflict(refusal) => refusal.fmt(f),
            Self::PreconditionFailed => {
                f.write_str("the record has changed since it was read; read it again and send its new ETag in If-Match")
            }
            Self::PlanOutdated => {
                f.write_str("the write would now do something else than that plan; ask for a plan again and send its Plan-Revision in If-Plan")
            }
            Self::Inconsistent { table, column, reason } => write!(f, "{table}.{column} can't be read: {reason}"),
            Self::NoConnection => f.write_str("no connection to the database came free in time; try again in a moment"),
            Self::ReadOnly => {
                f.write_str("the database takes no writes right now, as while it fails over; try again in a moment")
            }
            Self::SharedSessions => f.write_str(
                "DATABASE_URL leads to a pooler that shares sessions of Postgres between connections, as PgBouncer does with pool_mode transaction or statement; set pool_mode = session for this database, or connect to Postgres itself",
            ),
            Self::Locked(_) => f.write_str(
                "others have kept the same records locked for too long; try again in a moment, and if it stays so, read in the server's log who holds them",
            ),
            Self::TookTooLong(_) => f.write_str(
                "the database has ended a statement that took too long; try again in a moment, or ask for less at once",
            ),
            Self::Unavailable(_) => f.write_str("the database can't be reached right now"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Locked(error) | Self::TookTooLong(error) | Self::Unavailable(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        if Reason::CONFLICTS.contains(&refusal.reason) { Self::Conflict(refusal) } else { Self::Invalid(refusal) }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::NoConnection;
        }
        let database = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
        if let Some(refused) = database.and_then(refused) {
            return refused;
        }
        let why: fn(sqlx::Error) -> Self = match database.map(PgDatabaseError::code) {
            Some("55P03") => Self::Locked,
            Some("57014") => Self::TookTooLong,
            _ => Self::Unavailable,
        };
        why(error)
    }
}

/// What a client can mend in an error of Postgres; None: nothing.
fn refused(error: &PgDatabaseError) -> Option<StoreError> {
    let constraint = error.constraint().unwrap_or_default();
    Some(match error.code() {
        "23505" if constraint.ends_with("_name") => StoreError::Conflict(Refusal {
            reason: Reason::NameTaken,
            sentence: "object with provided name already exists".into(),
            details: vec![Problem::new("Name", "another live record has it; take another name")],
        }),
        "23505" => match taken(constraint) {
            Some((field, problem)) => StoreError::Conflict(Refusal::field(Reason::AlreadyExists, field, problem)),
            None => StoreError::conflict(Reason::AlreadyExists, "a record that says the same already exists"),
        },
        "23503" => {
            let problem = "names a record that doesn't exist";
            let field = error.table().and_then(|table| referring(table, constraint)).map_or("", |field| field.json);
            StoreError::invalid_field(Reason::ParentNotFound, field, problem)
        }
        "25006" => StoreError::ReadOnly,
        "54000" => StoreError::invalid(Reason::InvalidField, "a text is too long to be stored; shorten it"),
        // A sequence that has given out its last number: no client can mend that.
        "2200H" => return None,
        // Text that Postgres can't hold, numbers and times out of range and the like.
        code if code.starts_with("22") => {
            StoreError::invalid(Reason::InvalidField, format!("a value can't be stored: {}", error.message()))
        }
        _ => return None,
    })
}

/// What another record of the cluster stands for already, by the index that says so.
fn taken(constraint: &str) -> Option<(&'static str, &'static str)> {
    Some(match constraint {
        "workload_instances_namespace" => (
            "Namespace",
            "is that of another workload instance in the cluster; name that one, or take another namespace",
        ),
        "shared_gateways_gateway" => {
            ("GatewayName", "is that of another shared gateway in the namespace; change that one, or take another name")
        }
        _ => return None,
    })
}

/// The field whose foreign key this is, by Postgres's way to name them.
fn referring(table: &str, constraint: &str) -> Option<&'static Field> {
    let info = nouns::ALL.iter().find(|info| info.table == table)?;
    info.fields.iter().find(|field| constraint == format!("{table}_{}_fkey", field.column))
}

/// A result whose error is the store's.
pub type Result<T> = std::result::Result<T, StoreError>;
