//! Whether what is rendered of an object's records says what the object says.
//!
//! ```text
//! objects ─▶ written ─┐
//!    └─▶ import ─▶ world: all records rendered ─▶ rendered ─┴─▶ the same?
//! ```
//!
//! Names are left out, and so is into how many objects something is cut. A route says where which requests go: compared is for each listener that it attaches
//! to, and for each hostname that it serves there, the list of its rules. Whoever may attach to a Gateway is compared by asking for each namespace whether it
//! may, because a Gateway that Causeway renders names only those that do.

mod gateways;
mod rendered;
mod routes;
mod written;

pub(crate) use rendered::World;
pub(crate) use written::{called, kinds};

use anyhow::Result;
use causeway_import::{Finding, Import, Loss};
use causeway_manifests::{Budget, read};
use causeway_records::nouns::GrantedRoute;
use serde_json::Value;
use std::collections::BTreeSet;

/// What became of an object.
pub(crate) enum Outcome {
    Same,
    /// It stays where it is, and means to what is rendered what it means to what is written.
    Kept,
    /// It differs, and the report says where and why.
    Reported(String),
    /// It differs, and the report says nothing.
    Differs(String),
}

/// An object among others, with the records that come of all of them.
pub(crate) struct Case<'a> {
    pub(crate) import: &'a Import,
    pub(crate) world: &'a World,
    /// All objects of the stream.
    pub(crate) objects: &'a [Value],
    pub(crate) object: &'a Value,
}

impl Case<'_> {
    fn kind(&self) -> &str {
        self.object["kind"].as_str().unwrap_or_default()
    }

    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn namespace(&self) -> &str {
        self.object["metadata"]["namespace"].as_str().unwrap_or("default")
    }

    /// What the report says about the object. Names, labels and annotations aren't compared; what is only needed is said once it is brought.
    fn told(&self) -> Option<&Finding> {
        self.import.report.iter().find(|finding| {
            let of = &finding.object;
            of.kind == self.kind()
                && of.name == self.name()
                && (of.namespace == self.namespace() || of.namespace.is_empty())
                && !finding.field.starts_with("metadata")
                // Of two routes for the same requests only one can be on record.
                && (finding.loss != Loss::Needed || ["", "spec"].contains(&finding.field.as_str()))
        })
    }
}

/// Compares one object with what is rendered of its records.
pub(crate) fn compare(case: &Case<'_>) -> Result<Outcome> {
    let is_kept = match case.kind() {
        "GatewayClass" => gateways::all_name(case),
        "ReferenceGrant" => gateways::all_are_let(case),
        _ => false,
    };
    if is_kept {
        return Ok(Outcome::Kept);
    }
    let difference = match case.kind() {
        "Gateway" => gateways::gateway(case),
        "ListenerSet" => gateways::listener_set(case),
        "ReferenceGrant" => grant(case),
        "GatewayClass" => Some("a Gateway of it is rendered with another class, or not at all".to_owned()),
        _ if is_carried(case)? => None,
        kind if kind.ends_with("Route") => routes::route(case),
        _ => Some("it is no manifest of a workload".to_owned()),
    };
    Ok(match (case.told(), difference) {
        (Some(finding), _) => {
            Outcome::Reported(format!("{} {}: {}", finding.loss.as_str(), finding.field, finding.problem))
        }
        (None, Some(difference)) => Outcome::Differs(difference),
        (None, None) => Outcome::Same,
    })
}

/// Whether a workload has the object among its manifests as it is, but for the names of its own namespace.
fn is_carried(case: &Case<'_>) -> Result<bool> {
    let mut own = case.object.clone();
    without_namespaces(&mut own, case.namespace());
    let of_namespace = case.import.workloads.iter().find(|workload| workload.name.as_str() == case.namespace());
    let Some(text) = of_namespace.and_then(|workload| workload.manifests.as_ref()) else { return Ok(false) };
    let manifests = read(text, &Budget::default())?;
    Ok(manifests.into_iter().any(|manifest| {
        let mut body = manifest.body;
        without_namespaces(&mut body, case.namespace());
        body == own
    }))
}

fn without_namespaces(value: &mut Value, namespace: &str) {
    match value {
        Value::Object(members) => {
            members.retain(|key, value| key != "namespace" || *value != namespace);
            members.values_mut().for_each(|value| without_namespaces(value, namespace));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without_namespaces(item, namespace)),
        _ => {}
    }
}

/// A grant as who may send to what: a namespace, a kind of route, and the name of a Service (none: all of them).
fn grant(case: &Case<'_>) -> Option<String> {
    let list = |key: &str| case.object["spec"][key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut written = BTreeSet::new();
    for from in list("from") {
        for to in list("to") {
            let kind = text(&from["kind"]).unwrap_or_default();
            written.insert((text(&from["namespace"]).unwrap_or_default(), kind, text(&to["name"])));
        }
    }
    let mut recorded = BTreeSet::new();
    for grant in case.import.grants.iter().filter(|grant| grant.to == case.namespace()) {
        let named = grant.services.as_ref().map(|services| services.0.iter().map(ToString::to_string).map(Some));
        let names: Vec<Option<String>> = named.map_or_else(|| vec![None], Iterator::collect);
        let kinds = grant.kinds.as_ref().map(|kinds| kinds.0.iter().map(ToString::to_string).collect());
        let kinds: Vec<String> = kinds.unwrap_or_else(|| GrantedRoute::ALL.iter().map(ToString::to_string).collect());
        for (kind, name) in kinds.iter().flat_map(|kind| names.iter().map(move |name| (kind, name))) {
            recorded.insert((grant.from.clone(), kind.clone(), name.clone()));
        }
    }
    (!written.is_subset(&recorded)).then(|| format!("written {written:?}, on record {recorded:?}"))
}
