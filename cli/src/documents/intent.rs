//! What a document means for a noun: whether it can be, and how it differs from a record that stands. The types of the nouns decide both, so that
//! `SHOP.example.org.` is no change of `shop.example.org`.

use causeway_manifests::Budget;
use causeway_records::{
    Kind, Record,
    field::{Table as _, entries},
    noun::Noun,
    nouns::{self, Rules},
    overlay::overlay,
    problem::{Problem, Reason, Refusal},
    record::Common,
    slot::Slot,
};
use serde_json::Value;

use super::keys::is_ignored;
use crate::{api::Fields, kinds};

/// A field that differs. Secrets are never told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldChange {
    pub(crate) field: &'static str,
    pub(crate) old: Value,
    pub(crate) new: Value,
}

macro_rules! by_kind {
    ($($noun:ident),* $(,)?) => {
        /// Refuses what the API would refuse for the body's own sake.
        pub(crate) fn check(kind: Kind, body: &Fields) -> Result<(), Refusal> {
            match kind {
                $(Kind::$noun => checked::<nouns::$noun>(body, true).map(drop),)*
                _ => Ok(()),
            }
        }

        /// How the record would differ. With `partly`, what the body leaves out stays.
        pub(crate) fn changes(kind: Kind, body: &Fields, stored: &Fields, partly: bool) -> Result<Vec<FieldChange>, Refusal> {
            match kind {
                $(Kind::$noun => compared::<nouns::$noun>(body, stored, partly),)*
                _ => Ok(vec![]),
            }
        }

        /// The fields of a record that aren't as they are by default, in the order of the noun's table.
        pub(crate) fn set(kind: Kind, stored: &Fields) -> Vec<(&'static str, Value)> {
            match kind {
                $(Kind::$noun => set_in::<nouns::$noun>(stored),)*
                _ => vec![],
            }
        }
    };
}
causeway_records::with_nouns!(by_kind);

/// Reads a body as the API does. What `rules` say about several fields can only be known where all of them are: secrets that stand are not.
fn checked<T: Noun + Rules>(body: &Fields, rules: bool) -> Result<T, Refusal> {
    let mut record = Record::<T>::default();
    let report = overlay(&bytes(body), &mut [&mut record.spec])?;
    let missing =
        report.missing(T::FIELDS).into_iter().map(|field| Problem::new(missing_key(field), "is required; write it"));
    let mut problems: Vec<_> = missing.chain(report.problems).collect();
    if problems.is_empty() {
        record.spec.tidy();
        problems = if rules { record.spec.check() } else { vec![] };
        problems.extend(record.spec.check_documents(&Budget::default()));
    }
    if problems.is_empty() { Ok(record.spec) } else { Err(Refusal::fields(Reason::InvalidField, problems)) }
}

/// A missing id is a missing reference in a document.
fn missing_key(field: &str) -> &str {
    field.strip_suffix("ID").unwrap_or(field)
}

fn bytes(body: &Fields) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

/// A record as the API answers it. A value that this release doesn't know stays at its default, so that it differs from whatever is wanted.
fn stored_as<T: Noun + Rules>(stored: &Fields) -> T {
    let mut record = Record::<T>::default();
    let known = |key: &String| T::FIELDS.iter().any(|field| field.json == *key);
    let own: Fields =
        stored.iter().filter(|(key, _)| known(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    // What can't be read is reported, and differs.
    let _ = overlay(&bytes(&own), &mut [&mut record.spec]);
    record.spec
}

fn compared<T: Noun + Rules>(body: &Fields, stored: &Fields, partly: bool) -> Result<Vec<FieldChange>, Refusal> {
    let (wanted, stands) = (checked::<T>(body, !T::INFO.has_secrets())?, stored_as::<T>(stored));
    let mut changes = vec![];
    for ((field, new), (_, old)) in entries(&wanted).zip(entries(&stands)) {
        let is_said = body.keys().any(|key| key.eq_ignore_ascii_case(field.json));
        let stays = field.encrypted || is_ignored(field.json) || (!is_said && (partly || field.immutable));
        let same = if field.is_child() { rows(new) == rows(old) } else { new.to_value() == old.to_value() };
        if stays || same {
            continue;
        }
        changes.push(FieldChange { field: field.json, old: shown(old), new: shown(new) });
    }
    Ok(changes)
}

fn shown(slot: &dyn Slot) -> Value {
    if slot.is_null() { Value::Null } else { serde_json::to_value(slot).unwrap_or_default() }
}

/// Rows without what the system sets in them, in any order.
fn rows(slot: &dyn Slot) -> Vec<String> {
    let Ok(Value::Array(rows)) = serde_json::to_value(slot) else { return vec![] };
    let mut rows: Vec<_> = rows.into_iter().map(|row| without_system(row).to_string()).collect();
    rows.sort();
    rows
}

/// A row of a list as a document has it.
pub(crate) fn without_system(row: Value) -> Value {
    let Value::Object(mut row) = row else { return row };
    row.retain(|key, _| !Common::FIELDS.iter().any(|field| field.json == key) && key != "GatewayDefinitionID");
    Value::Object(row)
}

fn set_in<T: Noun + Rules>(stored: &Fields) -> Vec<(&'static str, Value)> {
    let (stands, default) = (stored_as::<T>(stored), T::default());
    let mut set = vec![];
    for ((field, slot), (_, usual)) in entries(&stands).zip(entries(&default)) {
        let same = if field.is_child() { slot.is_null() } else { slot.to_value() == usual.to_value() };
        if field.required || !same {
            set.push((field.json, shown(slot)));
        }
    }
    set
}

/// Lists of other nouns' rows that a change empties: a PUT leaves such a list as it is.
pub(crate) fn emptied(kind: Kind, changes: &[FieldChange]) -> Vec<&'static str> {
    let lists = kinds::children(kind.info()).map(|(field, ..)| field.json);
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    lists.filter(|list| changes.iter().any(|change| change.field == *list && is_empty(&change.new))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: &Value) -> Fields {
        value.as_object().unwrap().clone()
    }

    fn differs(kind: Kind, wanted: &Value, stored: &Value, partly: bool) -> Vec<&'static str> {
        changes(kind, &object(wanted), &object(stored), partly).unwrap().iter().map(|change| change.field).collect()
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let stored = json!({
            "ID": 1, "Name": "d", "Domain": "example.org", "Zone": "Public", "AdminEmail": "a@example.org", "TTL": 300,
            "DnsDriver": "external-dns", "IssuerKind": "SelfSigned", "Reconciled": true,
        });
        let wanted = json!({"Name": "d", "Domain": "EXAMPLE.org.", "Zone": "Public", "AdminEmail": "a@example.org", "IssuerKind": "SelfSigned"});
        assert!(differs(Kind::DomainNameDefinition, &wanted, &stored, false).is_empty());
        let less = json!({"Name": "d", "Domain": "example.org", "Zone": "Public", "AdminEmail": "a@example.org"});
        assert_eq!(
            differs(Kind::DomainNameDefinition, &less, &stored, false),
            ["IssuerKind"],
            "a document is the whole intent"
        );
        assert!(differs(Kind::DomainNameDefinition, &less, &stored, true).is_empty(), "with --merge it isn't");
    }

    #[test]
    fn ports_are_compared_without_their_ids_and_order() {
        let port = |id: i64, port: i64| json!({"ID": id, "GatewayDefinitionID": 7, "Port": port, "Path": "/", "TLSEnabled": false, "HTTPSRedirect": false, "CreatedAt": "2026-01-01T00:00:00Z"});
        let stored = json!({"ID": 7, "Name": "g", "Placement": "Shared", "HttpPorts": [port(1, 80), port(2, 8080)]});
        let wanted = json!({"Name": "g", "HttpPorts": [{"Port": 8080}, {"Port": 80, "Path": "/"}]});
        assert!(differs(Kind::GatewayDefinition, &wanted, &stored, false).is_empty());
        let fewer = changes(Kind::GatewayDefinition, &object(&json!({"Name": "g"})), &object(&stored), false).unwrap();
        assert_eq!(emptied(Kind::GatewayDefinition, &fewer), ["HttpPorts"]);
        assert_eq!(
            differs(
                Kind::GatewayDefinition,
                &json!({"Name": "g", "HttpPorts": [{"Port": 81}, {"Port": 80}]}),
                &stored,
                false
            ),
            ["HttpPorts"]
        );
    }

    #[test]
    fn secrets_and_what_clients_remark_are_not_compared() {
        let stored = json!({
            "Name": "r", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "APIEndpoint": "https://a:1",
            "ConnectionToken": "ciphertext", "Status": "remark",
        });
        let wanted = json!({
            "Name": "r", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "APIEndpoint": "https://a:1", "ConnectionToken": "t",
        });
        assert!(differs(Kind::KubernetesRuntimeInstance, &wanted, &stored, false).is_empty());
        let without = json!({
            "Name": "r", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "APIEndpoint": "https://a:1",
        });
        assert!(differs(Kind::KubernetesRuntimeInstance, &without, &stored, false).is_empty(), "as it is exported");
        assert!(check(Kind::KubernetesRuntimeInstance, &object(&without)).is_err(), "a new one needs them");
    }

    #[test]
    fn what_cannot_be_is_found_without_a_server() {
        let wrong = |kind, body: Value| check(kind, &object(&body)).unwrap_err().sentence;
        assert_eq!(
            wrong(Kind::GatewayInstance, json!({"Name": "a"})),
            "KubernetesRuntimeInstance: is required; write it; GatewayDefinition: is required; write it; WorkloadInstance: is required; write it"
        );
        assert!(
            wrong(Kind::GatewayDefinition, json!({"Name": "a", "HttpPorts": [{"Port": 0}]}))
                .contains("HttpPorts[0].Port: 0 is out of range")
        );
        assert!(
            wrong(Kind::WorkloadDefinition, json!({"Name": "a", "YAMLDocument": "{kind: Pod}"}))
                .contains("has no apiVersion")
        );
    }
}
