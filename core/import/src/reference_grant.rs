//! ReferenceGrant: a gateway grant for each workload that may send.

use crate::{
    output::{Grant, Output},
    source::Source,
};
use causeway_records::{
    nouns::{GrantedRoute, GrantedRoutes, ServiceNames},
    text::ServiceName,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Entries of `from` and of `to`.
const MOST: usize = 16;
/// Services that one grant may name.
const MOST_SERVICES: usize = 64;

/// Writes the grants of a ReferenceGrant.
pub(crate) fn import(source: &mut Source, output: &mut Output) {
    if is_for_gateways(source) {
        let problem = "lets Gateways use what is in its namespace, such as the Secret of a listener; it belongs there, and counts for the Gateway of a record, too. See \
                       that it is in the cluster";
        source.needed("", problem);
        return;
    }
    let services = match services(source) {
        Some(services) if services.as_ref().is_none_or(|names| names.0.len() <= MOST_SERVICES) => services,
        _ => {
            source.unsupported(
                "/spec/from",
                "it grants nothing that a gateway grant could: routes of workloads that send to Services",
            );
            return;
        }
    };
    let to = source.object.namespace.clone();
    let senders = senders(source);
    if senders.is_empty() {
        source.unsupported(
            "/spec/to",
            "nobody comes of it who could be granted this; see what is told about who may refer",
        );
    }
    for (namespace, entries) in senders {
        for (path, _) in &entries {
            for key in ["group", "kind", "namespace"] {
                source.text(&format!("{path}/{key}"));
            }
        }
        let granted = |kind: &GrantedRoute| entries.iter().any(|(_, named)| named == kind);
        let kinds: Vec<GrantedRoute> = GrantedRoute::ALL.iter().copied().filter(granted).collect();
        let kinds = (kinds.len() < GrantedRoute::ALL.len()).then_some(GrantedRoutes(kinds));
        let suffix = format!("-{namespace}");
        let name = output.name("GatewayGrant", &source.object, &suffix);
        for workload in [&to, &namespace] {
            output.workloads.entry(workload.clone()).or_default();
        }
        output.grants.push(Grant { name, to: to.clone(), from: namespace, services: services.clone(), kinds });
    }
}

/// Whether it is for Gateways, of Secrets and ConfigMaps, and for nothing else. Their namespaces stay what they are.
fn is_for_gateways(source: &Source) -> bool {
    let all = |list: &str, is_so: &dyn Fn(&str, &str) -> bool| {
        let entries = source.seen(list).as_array().filter(|entries| !entries.is_empty());
        let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        entries.is_some_and(|all| all.iter().all(|entry| is_so(&text(entry, "group"), &text(entry, "kind"))))
    };
    all("/spec/from", &|group, kind| (group, kind) == ("gateway.networking.k8s.io", "Gateway"))
        && all("/spec/to", &|group, kind| group.is_empty() && ["Secret", "ConfigMap"].contains(&kind))
}

/// The Services that may be sent to: None: the grant is about something else; `Some(None)`: all.
fn services(source: &mut Source) -> Option<Option<ServiceNames>> {
    let (mut names, mut all, mut any) = (BTreeSet::new(), false, false);
    for index in 0..source.entries("/spec/to", MOST) {
        let path = format!("/spec/to/{index}");
        let entry = source.seen(&path);
        let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (group, kind, name) = (text("group"), text("kind"), text("name"));
        if group.is_some() || kind.is_none_or(|kind| kind != "Service") {
            source.unsupported(
                &path,
                "is about something else than Services; certificates and their Secrets are Causeway's own",
            );
            continue;
        }
        let parsed = name.as_ref().map(|name| name.parse::<ServiceName>());
        match parsed {
            None => all = true,
            Some(Ok(name)) => drop(names.insert(name.to_string())),
            Some(Err(problem)) => {
                source.unsupported(&path, &format!("names no Service: {problem}"));
                continue;
            }
        }
        any = true;
        for key in ["group", "kind", "name"] {
            source.text(&format!("{path}/{key}"));
        }
    }
    let names = names.iter().filter_map(|name| name.parse().ok()).collect();
    any.then(|| (!all).then_some(ServiceNames(names)))
}

/// The entries of `from` that are about routes, by their namespace.
fn senders(source: &mut Source) -> BTreeMap<String, Vec<(String, GrantedRoute)>> {
    let mut senders: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for index in 0..source.entries("/spec/from", MOST) {
        let path = format!("/spec/from/{index}");
        let entry = source.seen(&path);
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let is_ours = entry["group"] == "gateway.networking.k8s.io";
        let kind = text("kind").and_then(|word| GrantedRoute::ALL.iter().copied().find(|kind| kind.as_str() == word));
        match (kind, text("namespace")) {
            (Some(kind), Some(namespace)) if is_ours && is_namespace(&namespace) => {
                senders.entry(namespace).or_default().push((path, kind));
            }
            _ => source
                .unsupported(&path, "is about no routes; a gateway grant lets gateway instances of a workload send"),
        }
    }
    senders
}

fn is_namespace(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
