//! Rows of child nouns that are written with their parent.

use crate::{
    error::{Result, StoreError},
    row,
    statement::Statement,
};
use causeway_records::{
    field::{Field, columns},
    noun::{Children, Noun},
    problem::Reason,
    slot::Shape,
    value::{Type, Value},
};
use serde_json::Map;
use sqlx::{PgConnection, postgres::PgRow, types::Json};

/// The lists that hold rows, each with its number among all lists of the noun.
pub(super) fn filled<'c>(children: &'c [Children<'c>]) -> impl Iterator<Item = (usize, &'c Children<'c>)> {
    children.iter().enumerate().filter(|(_, child)| !child.rows.is_empty())
}

/// Appends the CTE that makes the rows, in their order. They are one parameter, so the text is the same for every number of rows.
pub(super) fn insert(statement: &mut Statement, at: usize, child: &Children<'_>) -> Result<()> {
    let own: Vec<_> = own_columns(child).map(|index| &child.info.fields[index]).collect();
    let listed = |name: &dyn Fn(&Field) -> String| own.iter().map(|field| name(field)).collect::<Vec<_>>().join(", ");
    let names = || listed(&|field| field.column.to_owned());
    statement.push_with(|| {
        // The parent may have columns of the same names.
        let (table, key, names, values) = (child.info.table, child.key, names(), listed(&|field| format!("v.{}", field.column)));
        format!(", c{at} AS (INSERT INTO {table}({key}, {names}) SELECT t.id, {values} FROM t, ROWS FROM (jsonb_to_recordset(")
    });
    statement.bind(Json(rows(child)))?;
    statement.push_with(|| {
        let typed = own.iter().filter_map(|field| Some(format!("{} {}", field.column, field.column_type()?.name())));
        let (typed, names) = (typed.collect::<Vec<_>>().join(", "), names());
        format!(") AS ({typed})) WITH ORDINALITY v({names}, ordinality) ORDER BY v.ordinality RETURNING *)")
    });
    Ok(())
}

fn rows(child: &Children<'_>) -> Vec<Map<String, serde_json::Value>> {
    let cell = |row: &dyn causeway_records::field::Fields, index: usize| {
        let value = row.get(index).to_value().map_or(serde_json::Value::Null, json);
        (child.info.fields[index].column.to_owned(), value)
    };
    child.rows.iter().map(|row| own_columns(child).map(|index| cell(*row, index)).collect()).collect()
}

fn json(value: Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => value.into(),
        Value::Int4(value) => value.into(),
        Value::Int8(value) => value.into(),
        Value::Text(value) => value.into(),
        Value::Time(value) => value.to_rfc3339().into(),
        Value::Json(value) => value,
    }
}

/// The places of the columns of a child, but for the one that names the parent.
fn own_columns(child: &Children<'_>) -> impl Iterator<Item = usize> {
    let (fields, key) = (child.info.fields, child.key);
    (0..fields.len()).filter(move |index| !fields[*index].is_child() && fields[*index].column != key)
}

/// The lists of children that a write makes or replaces, as changes of an audit event. `replaces`: the CTEs `x..` hold those before.
pub(super) fn changes<T: Noun>(children: &[Children<'_>], replaces: bool) -> Vec<String> {
    let list = |cte: &str, at: usize, json: &str| format!("(SELECT jsonb_agg({json} ORDER BY id) FROM {cte}{at})");
    let change = |(at, child): (usize, &Children<'_>)| {
        let holds = |shape: Shape| matches!(shape, Shape::Children { kind } if kind == child.info.kind);
        let field = T::FIELDS.iter().find(|field| holds(field.shape)).map_or(child.info.plural, |field| field.json);
        let json = audited(child);
        let old = if replaces { list("x", at, &json) } else { "NULL".into() };
        let new = list("c", at, &json);
        format!("jsonb_strip_nulls(jsonb_build_object('Field', '{field}', 'Old', {old}, 'New', {new}))")
    };
    filled(children).map(change).collect()
}

/// A child as an audit event shows it.
fn audited(child: &Children<'_>) -> String {
    let fields = columns(child.info.fields).filter(|field| field.column != child.key).map(|field| {
        let masked = format!("CASE WHEN {} IS NOT NULL THEN '***' END", field.column);
        let value = if field.is_secret() { masked } else { field.column.to_owned() };
        format!(", '{}', {value}", field.json)
    });
    format!("jsonb_build_object('ID', id{})", fields.collect::<String>())
}

/// Empties the lists of children that are as they are stored: who sends back what was read makes no new rows, and no new work.
pub(super) async fn drop_unchanged<T: Noun>(connection: &mut PgConnection, id: i64, changed: &mut T) -> Result<()> {
    let mut same = vec![];
    for child in changed.children().iter().filter(|child| !child.rows.is_empty()) {
        let mut stored = stored(connection, id, child).await?;
        let found = child.rows.iter().all(|row| {
            let values = own_columns(child).map(|index| row.get(index).to_value()).collect::<Vec<_>>();
            let at = stored.iter().position(|stored| *stored == values);
            at.map(|at| stored.swap_remove(at)).is_some()
        });
        same.extend((found && stored.is_empty()).then_some(child.info.kind));
    }
    for (index, field) in T::FIELDS.iter().enumerate() {
        if matches!(field.shape, Shape::Children { kind } if same.contains(&kind)) {
            let emptied = changed.get_mut(index).set(None);
            emptied.map_err(|problem| StoreError::invalid_field(Reason::InvalidField, field.json, problem))?;
        }
    }
    Ok(())
}

/// The live children of a record, as values of their own columns.
async fn stored(connection: &mut PgConnection, id: i64, child: &Children<'_>) -> Result<Vec<Vec<Option<Value>>>> {
    let columns: Vec<&Field> = own_columns(child).map(|index| &child.info.fields[index]).collect();
    let names: Vec<_> = columns.iter().map(|field| field.column).collect();
    let mut statement =
        Statement::new(format!("SELECT {} FROM {} WHERE {} = ", names.join(", "), child.info.table, child.key));
    statement.bind(id)?.push(" AND deleted_at IS NULL");
    let rows = statement.query().fetch_all(connection).await?;
    let types: Vec<Type> = columns.iter().filter_map(|field| field.column_type()).collect();
    let read = |row: &PgRow| types.iter().enumerate().map(|(at, ty)| row::value(row, at, *ty)).collect();
    Ok(rows.iter().map(read).collect::<sqlx::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, GatewayTcpPort, MAX_PORTS};

    /// Postgres and sqlx keep every text that they have prepared: a text for each number of rows would fill their memory.
    #[test]
    fn the_text_is_the_same_for_every_number_of_rows() {
        let text = |ports: usize| {
            let definition =
                GatewayDefinition { tcp_ports: vec![GatewayTcpPort::default(); ports], ..GatewayDefinition::default() };
            let mut statement = Statement::new("");
            for (at, child) in filled(&definition.children()) {
                insert(&mut statement, at, child).unwrap();
            }
            statement.text().to_owned()
        };
        assert!(text(1).contains("INSERT INTO gateway_tcp_ports"), "{}", text(1));
        assert_eq!(text(1), text(MAX_PORTS));
    }
}
