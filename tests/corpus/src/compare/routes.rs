//! Routes: which rules apply to which hostname at which listener.

use super::{
    Case,
    rendered::Piece,
    written::{allows, called, find, gateway_of, in_common, kinds, listeners_of, namespace_of, nearness},
};
use causeway_gateway_api::{RouteKind, backends};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where a route serves something: the Gateway, its port and protocol, the listener's hostname, and the hostname that is served.
type Place = (String, i64, String, Option<String>, Option<String>);

/// What a route says: for each place its rules, as texts.
type Said = BTreeSet<(Place, String)>;

/// What differs; None: nothing.
pub(crate) fn route(case: &Case<'_>) -> Option<String> {
    let (written, rendered) = (
        written(case),
        match rendered(case) {
            Ok(rendered) => rendered,
            Err(problem) => return Some(format!("its records can't be rendered: {problem}")),
        },
    );
    let only = |one: &Said, other: &Said| {
        one.difference(other).take(2).map(|said| format!("{said:?}")).collect::<Vec<_>>().join("; ")
    };
    (written != rendered)
        .then(|| format!("written only: {}; rendered only: {}", only(&written, &rendered), only(&rendered, &written)))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_ascii_lowercase).collect()
}

/// The hostnames that a route serves at a listener.
fn served(listener: Option<&str>, route: &[String]) -> Vec<Option<String>> {
    if route.is_empty() {
        return vec![listener.map(str::to_owned)];
    }
    route.iter().filter_map(|hostname| in_common(listener, Some(hostname))).collect()
}

/// By the Gateways among the objects. A route that names no parent is for HTTP port 80 of none.
fn written(case: &Case<'_>) -> Said {
    let (kind, namespace, spec) = (case.kind(), case.namespace(), &case.object["spec"]);
    let rules = rules(spec, kind, namespace, &BTreeMap::new());
    let (mut said, hostnames) = (Said::new(), texts(&spec["hostnames"]));
    let parents = spec["parentRefs"].as_array().cloned().unwrap_or_default();
    if parents.is_empty() {
        for hostname in served(None, &hostnames) {
            said.insert(((String::new(), 80, "HTTP".into(), None, hostname), rules.clone()));
        }
    }
    for reference in parents {
        let of_kind = reference["kind"].as_str().unwrap_or("Gateway");
        let named = (
            reference["namespace"].as_str().unwrap_or(namespace).to_owned(),
            reference["name"].as_str().unwrap_or_default().to_owned(),
        );
        let Some(parent) = find(case.objects, of_kind, &named) else { continue };
        let Some(gateway) = gateway_of(case.objects, parent) else { continue };
        let all = listeners_of(case.objects, gateway);
        for listener in all.iter().filter(|one| one.holder["kind"] == of_kind && called(one.holder) == named) {
            let body = listener.body;
            let is_meant = (reference["sectionName"].is_null() || reference["sectionName"] == body["name"])
                && (reference["port"].is_null() || reference["port"] == body["port"]);
            let choice = &body["allowedRoutes"]["namespaces"];
            if !is_meant
                || !kinds(body).contains(kind)
                || !allows(case.objects, choice, "Same", listener.holder, namespace)
            {
                continue;
            }
            let hostname = body["hostname"].as_str().map(str::to_ascii_lowercase);
            let (port, protocol) = (body["port"].as_i64().unwrap_or_default(), shown_protocol(body));
            let beside: Vec<&Value> =
                all.iter().map(|one| one.body).filter(|one| one["port"] == body["port"]).collect();
            for hostname_there in served(hostname.as_deref(), &hostnames) {
                let nearest = beside.iter().filter_map(|one| nearness(one, hostname_there.as_deref())).max();
                if nearness(body, hostname_there.as_deref()) == nearest {
                    let gateway = format!("{}/{}", namespace_of(gateway), called(gateway).1);
                    said.insert(((gateway, port, protocol.clone(), hostname.clone(), hostname_there), rules.clone()));
                }
            }
        }
    }
    said
}

/// The protocol, and who ends TLS.
pub(crate) fn shown_protocol(listener: &Value) -> String {
    let protocol = listener["protocol"].as_str().unwrap_or_default();
    let mode = match protocol {
        "HTTPS" | "TLS" => listener["tls"]["mode"].as_str().unwrap_or("Terminate"),
        _ => "",
    };
    format!("{protocol} {mode}").trim_end().to_owned()
}

/// By what is rendered of the object's gateway definitions.
fn rendered(case: &Case<'_>) -> Result<Said, String> {
    let (kind, namespace) = (case.kind(), case.namespace());
    let of_object =
        case.world.pieces.iter().filter(|piece| {
            piece.from.kind == kind && piece.from.name == case.name() && piece.from.namespace == namespace
        });
    let mut said = Said::new();
    for Piece { objects, gateway, listeners, .. } in of_object {
        for body in objects.as_ref().map_err(Clone::clone)?.iter().filter(|body| body["kind"] == kind) {
            let (spec, hostnames) = (&body["spec"], texts(&body["spec"]["hostnames"]));
            let rules = rules(spec, kind, namespace, &case.world.workloads);
            let names = spec["parentRefs"].as_array().into_iter().flatten();
            for listener in names.filter_map(|parent| listeners.get(parent["sectionName"].as_str()?)) {
                let own = listener["hostname"].as_str();
                for hostname in served(own, &hostnames) {
                    let (port, protocol) = (listener["port"].as_i64().unwrap_or_default(), shown_protocol(listener));
                    // The common gateway has a listener for each hostname.
                    let own = if gateway.is_empty() { None } else { own.map(str::to_owned) };
                    said.insert(((gateway.clone(), port, protocol, own, hostname), rules.clone()));
                }
            }
        }
    }
    Ok(said)
}

/// The rules of a route in their order, with all defaults. Namespaces of workloads are what they were called.
fn rules(spec: &Value, kind: &str, namespace: &str, workloads: &BTreeMap<String, String>) -> String {
    let rules = if spec["rules"].is_null() { json!([{}]) } else { spec["rules"].clone() };
    let mut rules = match kind {
        "HTTPRoute" => RouteKind::Http.with_defaults(&rules),
        "GRPCRoute" => RouteKind::Grpc.with_defaults(&rules),
        _ => rules,
    };
    let pointers: BTreeSet<String> = backends(&rules).into_iter().collect();
    for pointer in pointers {
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
    rules.to_string()
}
