//! Where a page begins, and in which order it goes on.

use chrono::{DateTime, Utc};

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After so many records: each page costs as much as all before it, and shifts when earlier records come or go.
    Offset(i64),
    /// After the record with this id, or where it would be: costs the page alone, and no record that stays is left out or comes twice.
    After(i64),
    /// Before the record with this id, by descending id: the newest first. 0: at the newest.
    Before(i64),
    /// By a time, and records of the same time by id: after this one, or at the beginning.
    By(Order, Option<Position>),
}

/// A time that lists can be ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Since when a step blocks; records that nothing blocks are left out.
    BlockingSince,
    /// When a certificate ends; those that were never issued first.
    NotAfter,
}

/// A record's place in such an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Its time; of a certificate that was never issued, the beginning of 1970.
    pub time: DateTime<Utc>,
    /// Its id, which orders records of the same time.
    pub id: i64,
}

impl Order {
    /// What is sorted by: as the index has it.
    const fn key(self) -> &'static str {
        match self {
            Self::BlockingSince => "r.blocking_since",
            Self::NotAfter => "coalesce(t.not_after, timestamptz 'epoch')",
        }
    }

    /// What is sorted by where that is the same: the id in the table of the index.
    const fn id(self) -> &'static str {
        match self {
            Self::BlockingSince => "r.id",
            Self::NotAfter => "t.id",
        }
    }

    /// Which records have a place in it.
    pub(super) const fn only(self) -> &'static str {
        match self {
            Self::BlockingSince => " AND r.blocking_since IS NOT NULL AND r.gone_at IS NULL",
            Self::NotAfter => "",
        }
    }
}

/// A time as a parameter that an index can be searched by: an expression over a number alone.
pub(crate) fn time_parameter(n: usize) -> String {
    format!("timestamptz 'epoch' + ${n} * interval '1 microsecond'")
}

/// Where a page begins and how it goes on, as parts of a statement.
pub(super) struct Beginning {
    pub(super) behind: String,
    pub(super) offset: String,
    /// A further column, by which the rows are sorted.
    pub(super) sorted: String,
    /// The order within the table.
    pub(super) order: String,
    /// The same order of the rows that were selected.
    pub(super) outer: &'static str,
}

impl Beginning {
    pub(super) fn of(start: Start, n: usize) -> Self {
        let (behind, offset) = match start {
            Start::Offset(..=0) | Start::Before(..=0) | Start::By(_, None) => (String::new(), String::new()),
            Start::Offset(_) => (String::new(), format!(" OFFSET ${n}")),
            Start::After(_) => (format!(" AND t.id > ${n}"), String::new()),
            Start::Before(_) => (format!(" AND t.id < ${n}"), String::new()),
            Start::By(order, Some(_)) => {
                let (key, id, time) = (order.key(), order.id(), time_parameter(n));
                (format!(" AND ({key}, {id}) > ({time}, ${})", n + 1), String::new())
            }
        };
        let (sorted, order, outer) = match start {
            Start::Offset(_) | Start::After(_) => (String::new(), "t.id".to_owned(), "id"),
            Start::Before(_) => (String::new(), "t.id DESC".to_owned(), "id DESC"),
            Start::By(order, _) => {
                (format!(", {} AS sorted_by", order.key()), format!("{}, {}", order.key(), order.id()), "sorted_by, id")
            }
        };
        Self { behind, offset, sorted, order, outer }
    }
}
