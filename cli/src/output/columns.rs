//! Which columns a table of a kind has. They derive from the noun: its name, the records that it names, what every record of it must say.

use causeway_records::{
    Kind,
    field::{Field, Table as _},
    noun::Info,
    status::Status,
    value::Type,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeMap;

use super::{
    age,
    data::is_id,
    state::{State, state},
    style::FAINT,
    table::{Cell, Table},
};
use crate::{
    api::{Fields, id, name},
    kinds,
};

/// Names of other records, by kind and id.
pub(crate) type Names = BTreeMap<Kind, BTreeMap<i64, String>>;

/// Records as a table. `wide` adds ids, and fields that some record sets.
pub(crate) fn table(info: &'static Info, records: &[Fields], names: &Names, wide: bool, now: DateTime<Utc>) -> Table {
    let mut table = Table::default();
    let states: Vec<_> = records.iter().map(|record| state(record, info.reconciled)).collect();
    let mut column = |head: &str, cell: &dyn Fn(usize, &Fields) -> Cell| {
        table.heads.push(head.to_owned());
        table.rows.resize(records.len(), vec![]);
        for (at, record) in records.iter().enumerate() {
            table.rows[at].push(cell(at, record));
        }
    };
    if info.named() {
        column("NAME", &|_, record| Cell::new(name(record)));
    }
    if wide || !info.named() {
        column("ID", &|_, record| Cell::new(&id(record).to_string()));
    }
    for (field, parent) in kinds::parents(info) {
        column(&parent_head(field), &|_, record| {
            let found = record.get(field.json).and_then(Value::as_i64);
            let text = found
                .map(|id| names.get(&parent.kind).and_then(|names| names.get(&id)).cloned().unwrap_or(id.to_string()));
            Cell::new(&text.unwrap_or_default())
        });
    }
    let is_told = |field: &Field| field.required || (field.read_only && !is_id(field));
    let own = info.columns().filter(|field| is_shown(field) && (wide || is_told(field)));
    for field in own {
        column(&head(field.json), &|_, record| Cell::new(&value(record.get(field.json))));
    }
    if info.reconciled {
        column("STATE", &|at, _| Cell::styled(states[at].word(), states[at].style()));
        column("WAITS FOR", &|at, _| Cell::new(states[at].step().map_or("", |step| &step.condition_type)));
        column("SINCE", &|at, _| Cell::new(&states[at].since(now).unwrap_or_default()));
    }
    if wide && info.reconciled {
        column("REASON", &|at, _| Cell::new(reason(&states[at])));
    }
    column("AGE", &|_, record| Cell::styled(&age::of(record.get("CreatedAt"), now), FAINT));
    if records.is_empty() { table } else { table.without_empty_columns() }
}

fn reason(state: &State) -> &str {
    state.step().map_or("", |step| &step.reason)
}

/// Texts of many lines: `get NAME -o json` and `describe` show them.
const LONG: [&str; 2] = ["AnswerBody", "Payload"];

/// A field of one short value that isn't a secret, isn't shown anyway, and says something about the record rather than about the work on it.
fn is_shown(field: &Field) -> bool {
    let short = matches!(field.column_type(), Some(Type::Bool | Type::Int4 | Type::Int8 | Type::Text | Type::Time));
    let is_status = Status::FIELDS.iter().any(|status| status.json == field.json);
    let is_used = !field.doc.starts_with("Not used by Causeway");
    let is_pem = field.doc.starts_with("PEM ");
    let is_long = LONG.contains(&field.json);
    short
        && !is_long
        && !field.is_secret()
        && field.parent.is_none()
        && field.column != "name"
        && !is_status
        && is_used
        && !is_pem
}

/// `RUNTIME`: the head of a column with the names of other records. It tells apart two fields that name records of one kind.
fn parent_head(field: &Field) -> String {
    let reference = kinds::reference(field);
    let stem = reference.strip_suffix("Instance").or(reference.strip_suffix("Definition")).unwrap_or(reference);
    head(stem.strip_prefix("Kubernetes").unwrap_or(stem))
}

/// `ADMIN EMAIL`: a name of the wire as the head of a column.
pub(crate) fn head(json: &str) -> String {
    let mut words = String::new();
    let letters: Vec<char> = json.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let after_small = at > 0 && letters[at - 1].is_lowercase();
        let before_small = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) {
            words.push(' ');
        }
        words.extend(letter.to_uppercase());
    }
    words
}

/// A value in a cell.
pub(crate) fn value(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The ids of other records that a table needs the names of, by kind.
pub(crate) fn named_in(info: &'static Info, records: &[Fields]) -> BTreeMap<Kind, Vec<i64>> {
    let mut ids: BTreeMap<Kind, Vec<i64>> = BTreeMap::new();
    for (field, parent) in kinds::parents(info) {
        // Whole records without names are called by their ids.
        if parent.kind.info().named() {
            let found = records.iter().filter_map(|record| record.get(field.json)?.as_i64());
            ids.entry(parent.kind).or_default().extend(found);
        }
    }
    for ids in ids.values_mut() {
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::state::tests::record;
    use causeway_records::nouns;
    use serde_json::json;
    use std::collections::BTreeSet;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(3600, 0).unwrap()
    }

    fn text(kind: Kind, records: &[Fields], wide: bool) -> String {
        let names = |pairs: &[(i64, &str)]| pairs.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        let known = Names::from([
            (Kind::KubernetesRuntimeInstance, names(&[(1, "main")])),
            (Kind::GatewayDefinition, names(&[(2, "shop")])),
            (Kind::WorkloadInstance, names(&[(3, "shop")])),
        ]);
        let text = table(kind.info(), records, &known, wide, now()).text(None);
        anstream::adapter::strip_str(&text).to_string()
    }

    fn instance(name: &str, conditions: &[(&str, &str, &str)]) -> Fields {
        let ids = json!({
            "Name": name, "KubernetesRuntimeInstanceID": 1, "GatewayDefinitionID": 2, "WorkloadInstanceID": 3,
            "CreatedAt": "1970-01-01T00:10:00Z",
        });
        record(conditions, &ids)
    }

    #[test]
    fn gateway_instances() {
        let good = instance("shop", &[("Applied", "True", ""), ("Ready", "True", "")]);
        let bad = instance(
            "api",
            &[("Applied", "True", ""), ("AddressAssigned", "False", "none"), ("Ready", "False", "none")],
        );
        insta::assert_snapshot!("gateway_instances", text(Kind::GatewayInstance, &[good.clone(), bad.clone()], false));
        insta::assert_snapshot!("gateway_instances_wide", text(Kind::GatewayInstance, &[good.clone(), bad], true));
        assert_eq!(
            text(Kind::GatewayInstance, &[good], false).lines().next().unwrap(),
            "NAME   RUNTIME   GATEWAY   WORKLOAD   STATE   AGE"
        );
        let none = text(Kind::GatewayInstance, &[], false);
        let heads = "NAME   RUNTIME   GATEWAY   WORKLOAD   SHARED GATEWAY   STATE   WAITS FOR   SINCE   AGE";
        assert!(none.starts_with(heads), "{none}");
    }

    #[test]
    fn every_kind_has_columns_and_no_secret_among_them() {
        for info in nouns::ALL.iter().chain(nouns::OWN) {
            let heads = table(info, &[], &Names::new(), true, now()).heads;
            assert!(heads.len() > 2 && heads.last().is_some_and(|head| head == "AGE"), "{}: {heads:?}", info.plural);
            let different: BTreeSet<_> = heads.iter().collect();
            assert_eq!(different.len(), heads.len(), "{}: two columns of one name: {heads:?}", info.plural);
            for secret in info.fields.iter().filter(|field| field.is_secret()) {
                assert!(!heads.contains(&head(secret.json)), "{} shows {}", info.plural, secret.json);
            }
        }
    }

    #[test]
    fn heads_are_words() {
        assert_eq!(
            ["AdminEmail", "APIEndpoint", "TTL", "HTTPSRedirect", "RuntimeEventUID"].map(head),
            ["ADMIN EMAIL", "API ENDPOINT", "TTL", "HTTPS REDIRECT", "RUNTIME EVENT UID"]
        );
    }
}
