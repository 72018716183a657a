//! One line of the table: whom a change wakes, and how these are found.

use causeway_records::Kind;

/// When a record of a kind changes, records of another are woken.
pub(crate) struct Line {
    pub(crate) changed: Kind,
    pub(crate) wakes: Kind,
    which: Which,
}

enum Which {
    /// The live ones whose column names the record.
    Naming(&'static str),
    /// The one that the record names in this column, once the record is gone.
    NamedByGone(&'static str),
    /// The live ones that name in this column what the record names there.
    Beside(&'static str),
    /// What `SELECT .0 FROM .1` finds.
    Found(&'static str, &'static str),
}

pub(super) const fn naming(changed: Kind, wakes: Kind, column: &'static str) -> Line {
    Line { changed, wakes, which: Which::Naming(column) }
}

pub(super) const fn named_by_gone(changed: Kind, wakes: Kind, column: &'static str) -> Line {
    Line { changed, wakes, which: Which::NamedByGone(column) }
}

pub(super) const fn beside(changed: Kind, wakes: Kind, column: &'static str) -> Line {
    Line { changed, wakes, which: Which::Beside(column) }
}

pub(super) const fn line(changed: Kind, wakes: Kind, id: &'static str, from: &'static str) -> Line {
    Line { changed, wakes, which: Which::Found(id, from) }
}

impl Line {
    /// `id FROM table WHERE ...`: what follows a SELECT. `record`: an expression of the id of the one that changed.
    pub(crate) fn ids(&self, record: &str) -> String {
        match self.which {
            Which::Naming(column) => {
                format!("id FROM {} WHERE {column} = {record} AND deleted_at IS NULL", self.wakes.info().table)
            }
            Which::NamedByGone(column) => {
                format!("{column} FROM {} WHERE id = {record} AND deleted_at IS NOT NULL", self.changed.info().table)
            }
            Which::Beside(column) => format!(
                "t.id FROM {} t JOIN {} c ON c.{column} = t.{column} WHERE c.id = {record} AND t.deleted_at IS NULL",
                self.wakes.info().table,
                self.changed.info().table
            ),
            Which::Found(id, from) => format!("{id} FROM {}", from.replace(" record", &format!(" {record}"))),
        }
    }
}
