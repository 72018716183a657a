//! Rows of child nouns that are read with their parent, for every noun that has lists of children.

use crate::{error::Result, json_row::JsonRow};
use causeway_records::noun::Noun;
use std::collections::HashMap;

/// The live children of a record by their table, each list by id: an answer of the functions in `children.sql`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::GatewayDefinition;
    use serde_json::json;

    #[test]
    fn rows_fill_the_lists_of_their_nouns() {
        let rows = json!({"gateway_tcp_ports": [{"id": 1, "gateway_definition_id": 7, "port": 5432}, {"gateway_definition_id": 7, "port": 22}]});
        let mut definition = GatewayDefinition::default();
        fill(&mut definition, serde_json::from_value(rows).unwrap()).unwrap();
        let ports: Vec<_> = definition.tcp_ports.iter().map(|port| port.port.get()).collect();
        assert_eq!((ports, definition.http_ports.len()), (vec![5432, 22], 0));
    }
}
