//! Records as documents: what `export` prints.

use causeway_records::{Kind, slot::Shape};
use serde_json::{Value, json};

use super::{
    intent,
    keys::{INTERRUPT, is_ignored},
};
use crate::{
    api::{Fields, name},
    kinds,
    output::{
        columns::Names,
        data::{Member, Ordered},
    },
};

/// A record as a document: other records by their names, without what is as it is by default, and without secrets: those who read them get
/// ciphertext, which is of no use elsewhere.
pub(crate) fn document(kind: Kind, record: &Fields, names: &Names) -> Ordered {
    let info = kind.info();
    let mut members = vec![];
    for (json, value) in intent::set(kind, record) {
        let Some(field) = info.fields.iter().find(|field| field.json == json) else { continue };
        if field.encrypted || field.read_only || is_ignored(json) {
            continue;
        }
        let named = |kind: Kind, id: &Value| {
            let name = id.as_i64().and_then(|id| names.get(&kind)?.get(&id).cloned());
            name.map(|name| json!({"Name": name}))
        };
        if let Some(parent) = field.parent
            && let Some(reference) = named(parent.kind, &value)
        {
            members.push((kinds::reference(field).to_owned(), reference.into()));
        } else if let Some(of) = kinds::list_of(field)
            && let Some(references) =
                value.as_array().and_then(|ids| ids.iter().map(|id| named(of, id)).collect::<Option<Vec<_>>>())
        {
            members.push((format!("{of}s"), Value::Array(references).into()));
        } else if let (Shape::Children { kind: of }, Value::Array(rows)) = (field.shape, &value) {
            let rows = rows.iter().map(|row| short(of, row)).collect();
            members.push((json.to_owned(), Member::Rows(rows)));
        } else {
            members.push((json.to_owned(), value.into()));
        }
    }
    if info.reconciled && record.get(INTERRUPT) == Some(&json!(true)) {
        members.push((INTERRUPT.to_owned(), json!(true).into()));
    }
    Ordered(members)
}

/// A document that a server has made, in the order of the noun's table.
pub(crate) fn ordered(kind: Kind, mut fields: Fields) -> Ordered {
    let mut members = vec![];
    for field in kind.info().fields {
        let keys = [field.json, kinds::reference(field)];
        let Some((key, value)) = keys.into_iter().find_map(|key| Some((key, fields.remove(key)?))) else { continue };
        let member = match (field.shape, value) {
            (Shape::Children { kind: of }, Value::Array(rows)) => Member::Rows(
                rows.into_iter().map(|row| ordered(of, row.as_object().cloned().unwrap_or_default())).collect(),
            ),
            (_, value) => value.into(),
        };
        members.push((key.to_owned(), member));
    }
    members.extend(fields.into_iter().map(|(key, value)| (key, value.into())));
    Ordered(members)
}

/// A row of a list, without its ids and without what is usual.
fn short(of: Kind, row: &Value) -> Ordered {
    let row = row.as_object().cloned().unwrap_or_default();
    let set = intent::set(of, &row).into_iter().filter(|(json, _)| !json.ends_with("ID"));
    Ordered(set.map(|(json, value)| (json.to_owned(), value.into())).collect())
}

/// The API made this record itself and makes it again where it is needed: it bears its cluster's id, and nobody has set anything in it.
pub(crate) fn is_made_by_the_api(kind: Kind, record: &Fields) -> bool {
    let runtime = record.get("KubernetesRuntimeInstanceID").and_then(Value::as_i64).map(|runtime| runtime.to_string());
    let named = runtime.is_some_and(|runtime| name(record).split('-').any(|word| word == runtime));
    let fixed =
        |json: &str| kind.info().fields.iter().any(|field| field.json == json && (field.required || field.immutable));
    named && intent::set(kind, record).iter().all(|(json, _)| fixed(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Fields {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_record_as_a_document() {
        let ports = json!([{"ID": 9, "GatewayDefinitionID": 7, "Port": 443, "Path": "/", "TLSEnabled": true, "HTTPSRedirect": false}]);
        let gateway = object(json!({
            "ID": 7, "Name": "gw", "Placement": "Shared", "DomainNameDefinitionID": 3, "SubDomain": "www", "HttpPorts": ports,
            "Generation": 1, "Reconciled": true, "InterruptReconciliation": true,
        }));
        let names = Names::from([(Kind::DomainNameDefinition, [(3, "example".to_owned())].into())]);
        let text =
            crate::output::data::document("GatewayDefinition", document(Kind::GatewayDefinition, &gateway, &names))
                .unwrap();
        insta::assert_snapshot!("gateway_definition", text);
        let runtime = object(json!({
            "Name": "main", "Location": "Local", "KubernetesRuntimeDefinitionID": 1, "CertificateKey": "ciphertext", "Status": "x",
        }));
        let text = crate::output::data::document(
            "KubernetesRuntimeInstance",
            document(Kind::KubernetesRuntimeInstance, &runtime, &names),
        )
        .unwrap();
        assert!(!text.contains("ciphertext") && !text.contains("Status"), "{text}");
    }

    #[test]
    fn what_the_api_made_is_known_by_its_name() {
        let shared = |name: &str, addresses: Value| {
            let record = object(json!({"Name": name, "KubernetesRuntimeInstanceID": 912, "Addresses": addresses}));
            is_made_by_the_api(Kind::SharedGateway, &record)
        };
        assert!(shared("shared-912", Value::Null) && shared("shared-912-internal", Value::Null));
        assert!(!shared("main", Value::Null) && !shared("shared-9123", Value::Null));
        assert!(!shared("shared-912", json!(["10.0.0.1"])), "somebody has set its addresses");
    }
}
