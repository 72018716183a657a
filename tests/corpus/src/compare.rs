//! Whether what is rendered of a route's records says what the route says: the same rules for the same hostnames on the same ports.

use anyhow::Result;
use causeway_gateway_api::{RouteKind, backends};
use causeway_import::{Finding, Gateway, Import};
use causeway_records::{
    inputs::{GatewayInputs, GrantedWorkload},
    nouns::{DomainNameDefinition, IssuerKind},
    text::Hostname,
};
use causeway_render::{gateway::render, listener_set, plan::Object, samples, shared_gateway};
use causeway_rules::hostnames::hostnames_of;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What became of an object.
pub(crate) enum Outcome {
    Same,
    /// It differs, and the report says where.
    Reported,
    /// It differs, and the report says nothing.
    Differs(String),
}

/// What routes say, however they are cut into objects.
#[derive(Debug, Default, PartialEq)]
struct Said {
    rules: BTreeSet<String>,
    hostnames: BTreeSet<String>,
    /// Port and protocol of the listeners.
    listeners: BTreeSet<(i64, String)>,
}

/// Compares one object of a file with what is rendered of its records.
pub(crate) fn compare(import: &Import, objects: &[Value], object: &Value) -> Result<Outcome> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    let is_about = |finding: &&Finding| {
        let of = &finding.object;
        object["kind"] == of.kind && object["metadata"]["name"] == of.name && namespace == of.namespace
    };
    let is_reported = import.report.iter().any(|finding| is_about(&finding) && !finding.field.starts_with("metadata"));
    let differs = |what: String| if is_reported { Outcome::Reported } else { Outcome::Differs(what) };
    let kind = object["kind"].as_str().unwrap_or_default();
    if !kind.ends_with("Route") {
        // What Gateways and grants say is in the routes; Ingresses have no rules to compare.
        return Ok(if is_reported { Outcome::Reported } else { Outcome::Same });
    }
    let from = |gateway: &&Gateway| {
        gateway.from.kind == kind
            && object["metadata"]["name"] == gateway.from.name
            && gateway.from.namespace == namespace
    };
    let mut rendered = Said::default();
    for gateway in import.gateways.iter().filter(from) {
        match of_gateway(import, gateway, kind, namespace) {
            Ok(said) => {
                rendered.rules.extend(said.rules);
                rendered.hostnames.extend(said.hostnames);
                rendered.listeners.extend(said.listeners);
            }
            Err(problem) => return Ok(Outcome::Differs(format!("its records can't be rendered: {problem}"))),
        }
    }
    let written = of_route(objects, object, kind, namespace);
    Ok(match rendered == written {
        true if is_reported => Outcome::Reported,
        true => Outcome::Same,
        false => differs(format!("written {written:?}, rendered {rendered:?}")),
    })
}

/// What the object says itself, by the Gateways of its file.
fn of_route(objects: &[Value], object: &Value, kind: &str, namespace: &str) -> Said {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut said = Said { rules: rules(&object["spec"], kind, namespace, &BTreeMap::new()), ..Said::default() };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for parent in list(&object["spec"]["parentRefs"]) {
        let is_parent = |one: &&Value| {
            one["kind"] == parent["kind"].as_str().unwrap_or("Gateway")
                && one["metadata"]["name"] == parent["name"]
                && one["metadata"]["namespace"].as_str().unwrap_or("default")
                    == parent["namespace"].as_str().unwrap_or(namespace)
        };
        for listener in
            objects.iter().find(is_parent).map(|gateway| list(&gateway["spec"]["listeners"])).unwrap_or_default()
        {
            let is_meant = parent["sectionName"].is_null() || parent["sectionName"] == listener["name"];
            let fits = matches!(
                (kind, listener["protocol"].as_str().unwrap_or_default()),
                ("HTTPRoute" | "GRPCRoute", "HTTP" | "HTTPS")
                    | ("TLSRoute", "TLS")
                    | ("TCPRoute", "TCP")
                    | ("UDPRoute", "UDP")
            );
            if is_meant && fits && (parent["port"].is_null() || parent["port"] == listener["port"]) {
                said.listeners.insert((
                    listener["port"].as_i64().unwrap_or_default(),
                    text(&listener["protocol"]).unwrap_or_default(),
                ));
                if object["spec"]["hostnames"].is_null() {
                    said.hostnames.extend(text(&listener["hostname"]));
                }
            }
        }
    }
    said.hostnames.extend(
        list(&object["spec"]["hostnames"]).iter().filter_map(text).map(|hostname| hostname.to_ascii_lowercase()),
    );
    said
}

/// What is rendered of one gateway definition on a shared gateway of its own.
fn of_gateway(import: &Import, gateway: &Gateway, kind: &str, namespace: &str) -> Result<Said, String> {
    let inputs = inputs(import, gateway)?;
    let scene = samples::shared(900, vec![inputs]);
    let mut listeners: BTreeMap<String, (i64, String)> = BTreeMap::new();
    let shared = scene.shared.iter().map(shared_gateway::render);
    let plans = shared.chain(scene.listener_sets.iter().map(listener_set::render));
    for plan in plans.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())? {
        for listener in
            plan.objects.iter().flat_map(|object| object.body["spec"]["listeners"].as_array().into_iter().flatten())
        {
            let text = |key: &str| listener[key].as_str().unwrap_or_default().to_owned();
            listeners.insert(text("name"), (listener["port"].as_i64().unwrap_or_default(), text("protocol")));
        }
    }
    let workloads: BTreeMap<String, String> = import
        .workloads
        .iter()
        .map(|workload| (namespace_of(workload.name.as_str()), workload.name.to_string()))
        .collect();
    let mut said = Said::default();
    for inputs in &scene.gateways {
        let plan = render(inputs).map_err(|error| error.to_string())?;
        for Object { body, .. } in plan.objects.iter().filter(|object| object.body["kind"] == kind) {
            said.rules.extend(rules(&body["spec"], kind, namespace, &workloads));
            let list = |key: &str| body["spec"][key].as_array().cloned().unwrap_or_default();
            said.hostnames.extend(list("hostnames").iter().filter_map(Value::as_str).map(str::to_owned));
            let parents = list("parentRefs");
            let names = parents.iter().filter_map(|parent| parent["sectionName"].as_str());
            said.listeners.extend(names.filter_map(|name| listeners.get(name).cloned()));
        }
    }
    Ok(said)
}

/// The namespace that a workload would get.
fn namespace_of(workload: &str) -> String {
    format!("{workload}-of-corpus")
}

fn inputs(import: &Import, gateway: &Gateway) -> Result<GatewayInputs, String> {
    let domain = match &gateway.domain {
        None => None,
        Some(name) => {
            let domain = name.parse::<Hostname>().map_err(|problem| format!("{name}: {problem}"))?;
            let own = DomainNameDefinition {
                domain,
                issuer_kind: Some(IssuerKind::SelfSigned),
                aws_account_id: None,
                ..samples::domain(7)
            };
            Some((7, own))
        }
    };
    let mut inputs = samples::gateway(1, "corpus", domain, &[], &[]);
    inputs.definition.spec = gateway.definition.clone();
    inputs.definition.spec.domain_name_definition_id = inputs.domain.as_ref().map(|domain| domain.id());
    let domain = inputs.domain.as_ref().map(|domain| &domain.spec.domain);
    inputs.hostnames = hostnames_of(&inputs.definition.spec, domain).map_err(|refusal| refusal.to_string())?;
    // The user brings the Services.
    inputs.workload.definition.spec.yaml_document = String::new();
    inputs.workload.definition.spec.name = gateway.workload.parse()?;
    let granted = import.grants.iter().filter(|grant| grant.from == gateway.workload).map(|grant| GrantedWorkload {
        workload: grant.to.clone(),
        namespace: namespace_of(&grant.to),
        services: grant.services.as_ref().map(|services| services.0.iter().map(ToString::to_string).collect()),
    });
    inputs.granted = granted.collect();
    Ok(inputs)
}

/// The rules of a route with all defaults, each as a text. Namespaces of workloads are what they were called.
fn rules(spec: &Value, kind: &str, namespace: &str, workloads: &BTreeMap<String, String>) -> BTreeSet<String> {
    let rules = spec["rules"].clone();
    let mut rules = match kind {
        "HTTPRoute" => RouteKind::Http.with_defaults(&if rules.is_null() { json!([{}]) } else { rules }),
        "GRPCRoute" => RouteKind::Grpc.with_defaults(&if rules.is_null() { json!([{}]) } else { rules }),
        _ => rules,
    };
    for pointer in backends(&rules) {
        let Some(backend) = rules.pointer_mut(&pointer).and_then(Value::as_object_mut) else { continue };
        for (key, usual) in [("group", json!("")), ("kind", json!("Service")), ("weight", json!(1))] {
            if !pointer.ends_with("/requestMirror/backendRef") || key != "weight" {
                backend.entry(key).or_insert(usual);
            }
        }
        let of = backend
            .get("namespace")
            .and_then(Value::as_str)
            .map(|name| workloads.get(name).cloned().unwrap_or_else(|| name.to_owned()));
        match of {
            Some(of) if of != namespace => drop(backend.insert("namespace".into(), json!(of))),
            _ => drop(backend.remove("namespace")),
        }
    }
    rules.as_array().into_iter().flatten().map(ToString::to_string).collect()
}
