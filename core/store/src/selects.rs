//! How the records of each noun are read: generated once from its table. Fixed texts, so that Postgres plans each only once on a connection.

use crate::{depends, row::select_list};
use causeway_records::{Kind, noun::Info, nouns};
use std::{collections::HashMap, sync::LazyLock};

/// The column of `to_change`.
pub(crate) const IS_UNUSED: &str = "is_unused";

/// The SELECTs of one noun.
pub(crate) struct Selects {
    /// Columns of a record.
    pub(crate) columns: String,
    /// One live record: `$1` id.
    pub(crate) get: &'static str,
    /// The same, and in the column [`IS_UNUSED`] whether all that follows from a change concerns records that depend on it, and there is none. A hint: the
    /// change looks again once it has locked the row.
    pub(crate) to_change: &'static str,
    /// One live record, waiting for writers of the row and keeping them off until the statement ends.
    pub(crate) share: &'static str,
    /// A record that may be gone: `$1` id.
    pub(crate) find: &'static str,
    /// `SELECT ... FROM` of records that may be gone: a condition follows.
    pub(crate) any: String,
    /// `FROM ... WHERE` of the live ones, for lists.
    pub(crate) from: String,
    /// The same without status, for counting.
    pub(crate) own: String,
}

static ALL: LazyLock<HashMap<Kind, Selects>> = LazyLock::new(|| {
    nouns::ALL.iter().chain(nouns::OWN).chain(nouns::INTERNAL).map(|info| (info.kind, Selects::new(info))).collect()
});

pub(crate) fn for_noun(info: &Info) -> &'static Selects {
    &ALL[&info.kind]
}

impl Selects {
    fn new(info: &'static Info) -> Self {
        let columns = select_list(info);
        let join = if info.reconciled {
            format!(" JOIN reconciliations r ON r.kind = '{}' AND r.id = t.id", info.kind)
        } else {
            String::new()
        };
        let from = format!("FROM {} t{join} WHERE t.deleted_at IS NULL", info.table);
        let object_name = if info.reconciled { ", r.object_name" } else { "" };
        let any = format!("SELECT {columns}{object_name} FROM {} t{join}", info.table);
        let find = format!("{any} WHERE t.id = $1");
        let is_unused = if depends::matters_to_dependants_only(info.kind) {
            // By the parameter: an `x.id` here could be a column of a table that the condition names alike.
            format!("NOT ({})", depends::any_exists(info.kind, "$1"))
        } else {
            "false".into()
        };
        Self {
            to_change: leak(format!("SELECT {columns}, {is_unused} AS {IS_UNUSED} {from} AND t.id = $1")),
            get: leak(format!("SELECT {columns} {from} AND t.id = $1")),
            share: leak(format!("{find} FOR SHARE OF t")),
            find: leak(find),
            any,
            own: format!("FROM {} t WHERE t.deleted_at IS NULL", info.table),
            from,
            columns,
        }
    }
}

// There is one text for each noun and use, for as long as the process runs.
fn leak(text: String) -> &'static str {
    text.leak()
}
