//! Rows of child nouns that are read with their parent, for every noun that has lists of children.

use crate::{error::Result, json_row::JsonRow};
use causeway_records::{
    noun::{Info, Noun},
    nouns,
    slot::Shape,
};
use std::{collections::HashMap, fmt::Write};

/// The live children of a record by their table, each list by id: an answer of the functions that [`children_sql`] makes.
pub(crate) type Rows = HashMap<String, Vec<JsonRow>>;

/// Fills the lists of children of a record, which are empty.
pub(crate) fn fill(parent: &mut impl Noun, mut rows: Rows) -> Result<()> {
    for mut children in parent.children_mut() {
        let table = children.info.table;
        for mut row in rows.remove(table).unwrap_or_default() {
            row.fill(children.add(), table)?;
        }
    }
    Ok(())
}

/// The text of `migrations/functions/children.sql`; a test compares the two, `make functions` writes it anew.
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
    use causeway_records::nouns::GatewayDefinition;
    use serde_json::json;

    #[test]
    fn the_file_of_the_functions_is_as_it_is_generated() {
        let file = include_str!("../../../migrations/functions/children.sql");
        assert_eq!(file, children_sql(), "run make functions");
    }

    #[test]
    fn rows_fill_the_lists_of_their_nouns() {
        let rows = json!({"gateway_tcp_ports": [{"id": 1, "gateway_definition_id": 7, "port": 5432}, {"gateway_definition_id": 7, "port": 22}]});
        let mut definition = GatewayDefinition::default();
        fill(&mut definition, serde_json::from_value(rows).unwrap()).unwrap();
        let ports: Vec<_> = definition.tcp_ports.iter().map(|port| port.port.get()).collect();
        assert_eq!((ports, definition.http_ports.len()), (vec![5432, 22], 0));
    }
}
