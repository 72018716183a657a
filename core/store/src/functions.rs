//! The files of `migrations/functions` that are generated: `make functions` writes them anew, a test compares them. And functions that are made of those files
//! and stand in none.

use crate::depends;
use causeway_records::{noun::Info, nouns, slot::Shape};
use std::fmt::Write;

/// The text of `migrations/functions/dependants.sql`.
///
/// The functions are VOLATILE so that they see what was committed while the write that calls them waited for its row: a CTE beside that write
/// would not, and would miss dependants. Whether there are any is a function of its own, without the lists: nearly every change asks only that.
pub fn dependants_sql() -> String {
    let (mut dependants, mut has) = (String::from(DEPENDANTS_HEAD), String::from(HAS_DEPENDANTS_HEAD));
    for group in depends::TABLE.chunk_by(|one, other| one.changed == other.changed) {
        let changed = group[0].changed;
        let found = group.iter().map(|line| format!("SELECT '{}', {}", line.wakes, line.ids("record")));
        let found = found.collect::<Vec<_>>().join("\n    UNION ");
        // Writing to a String can't fail.
        let _ = writeln!(
            dependants,
            "WHEN '{changed}' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM ({found}) d(kind, id);"
        );
        let any = depends::any_exists(changed, "record").replace(" OR EXISTS", "\n    OR EXISTS");
        let _ = writeln!(has, "WHEN '{changed}' THEN RETURN {any};");
    }
    dependants + "ELSE NULL;\n" + TAIL + &has + "ELSE RETURN false;\n" + TAIL
}

const DEPENDANTS_HEAD: &str = "\
-- Which records are reconciled again when a record changes; NULL: none. Generated from core/store/src/depends/mod.rs by `make functions`.

CREATE OR REPLACE FUNCTION dependants_of(k text, record bigint, OUT kinds text[], OUT ids bigint[]) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
CASE k
";
const HAS_DEPENDANTS_HEAD: &str = "
-- Whether there is any. Asked for a row that is locked, it sees all that were committed while the statement waited for the lock.
CREATE OR REPLACE FUNCTION has_dependants(k text, record bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
CASE k
";
const TAIL: &str = "END CASE;\nEND $$;\n";

/// The text of `migrations/functions/children.sql`.
///
/// A function for each noun with children. It locks the rows FOR SHARE, and reads one list after the other, so that each sees what was committed
/// while the one before waited.
pub fn children_sql() -> String {
    let mut sql = String::from(
        "-- Rows of child nouns, for reading their parent whole. Generated from the nouns by `make functions`.\n",
    );
    for info in nouns::ALL {
        let lists = child_lists(info);
        if lists.is_empty() {
            continue;
        }
        let (mut variables, mut reads, mut answer) = (String::new(), String::new(), vec![]);
        for (n, (table, key)) in lists.iter().enumerate() {
            // Writing to a String can't fail.
            let _ = write!(variables, " c{n} json;");
            let _ = writeln!(
                reads,
                "    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c{n} FROM (SELECT * FROM {table}\n        WHERE {key} = record AND deleted_at IS NULL FOR SHARE) x;"
            );
            answer.push(format!("'{table}', c{n}"));
        }
        let _ = write!(
            sql,
            "\nCREATE OR REPLACE FUNCTION children_of_{}(record bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$\nDECLARE{variables}\nBEGIN\n{reads}    RETURN json_build_object({});\nEND $$;\n",
            info.table,
            answer.join(", ")
        );
    }
    sql
}

/// The text of `migrations/functions/names.sql`.
pub fn names_sql() -> String {
    let mut sql = String::from(NAMES_HEAD);
    for info in nouns::ALL.iter().filter(|info| info.reconciled && info.named()) {
        // Writing to a String can't fail.
        let _ = writeln!(sql, "WHEN '{}' THEN RETURN (SELECT name FROM {} WHERE id = record);", info.kind, info.table);
    }
    sql + "ELSE RETURN NULL;\n" + TAIL
}

/// What reads for a reconcile, as it reads for people who look: the same without locks, and so under names of its own. No file: it would say twice what
/// `inputs.sql` says.
pub(crate) fn views_sql() -> String {
    let mut sql = String::from(VIEWS_HEAD);
    let read = format!("{}\n{}", include_str!("../../../migrations/functions/inputs.sql"), children_sql());
    for function in read.split("CREATE OR REPLACE FUNCTION ").filter(|function| is_view(function)) {
        let lines = function.lines().filter(|line| !line.trim_start().starts_with("--") && !line.contains(AWAITS));
        let text = lines.collect::<Vec<_>>().join("\n");
        let named = text.replace("read_", "view_").replace("children_of_", "view_children_of_");
        let seen = LOCKS.iter().fold(named, |text, lock| text.replace(lock, ""));
        sql += &format!("\nCREATE OR REPLACE FUNCTION {}\n", seen.trim_end());
    }
    sql
}

const VIEWS_HEAD: &str = "\
-- The functions of inputs.sql and children.sql for people who look: they lock nothing.
";
/// What locks, and waits for what is locked.
const LOCKS: &[&str] = &[" FOR SHARE OF t", " FOR SHARE"];
const AWAITS: &str = "PERFORM await_";

/// Whether a function reads rows with locks that people look at, too.
fn is_view(function: &str) -> bool {
    ["read_workload(", "read_gateway(", "children_of_"].iter().any(|name| function.starts_with(name))
}

const NAMES_HEAD: &str = "\
-- The name of a record that workers reconcile, for events about it. Generated from the nouns by `make functions`.

CREATE OR REPLACE FUNCTION name_of(k text, record bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
CASE k
";

/// The tables of a noun's children, in the order of its lists, each with the column that names the parent.
fn child_lists(info: &Info) -> Vec<(&'static str, &'static str)> {
    let lists = info.fields.iter().filter_map(|field| match field.shape {
        Shape::Children { kind } => Some(kind.info()),
        Shape::Column { .. } => None,
    });
    lists.filter_map(|child| Some((child.table, child.part_of(info.kind)?.column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_as_they_are_generated() {
        let dependants = include_str!("../../../migrations/functions/dependants.sql");
        assert_eq!(dependants, dependants_sql(), "run make functions");
        let children = include_str!("../../../migrations/functions/children.sql");
        assert_eq!(children, children_sql(), "run make functions");
        let names = include_str!("../../../migrations/functions/names.sql");
        assert_eq!(names, names_sql(), "run make functions");
    }

    #[test]
    fn who_looks_locks_nothing() {
        let views = views_sql();
        for part in ["view_workload(", "view_gateway(", "view_children_of_gateway_definitions("] {
            assert!(views.contains(&format!("FUNCTION {part}")), "{part}");
        }
        let statements: Vec<_> = views.lines().filter(|line| !line.starts_with("--")).collect();
        for word in ["FOR SHARE", "FOR UPDATE", "await_", "read_", " children_of_"] {
            assert!(statements.iter().all(|line| !line.contains(word)), "{word}");
        }
    }
}
