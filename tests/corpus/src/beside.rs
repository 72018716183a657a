//! What stands beside the objects of a file: Gateways that its routes name, and routes to the Services that its policies are for. Whoever imports a route
//! brings its Gateway along, and whoever imports a policy what leads to its Service.
//!
//! Of the Gateways that a file doesn't hold those of the other files of its folder are taken, and where there are none, one with the listeners that the routes
//! ask for. One of another file that has no listener for a kind of route gets that listener, too, as the guide says to which the file belongs.

use crate::compare::{called, kinds};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A route's reference to a Gateway.
struct Reference {
    namespace: String,
    name: String,
    section: Option<String>,
    port: Option<i64>,
    kind: String,
}

/// The Gateways that routes of `own` name and that `own` doesn't hold. `folder`: the objects of the other files.
pub(crate) fn gateways(own: &[Value], folder: &[Value]) -> Vec<Value> {
    let mut found: Vec<Value> = vec![];
    for reference in own.iter().flat_map(references) {
        let named = (reference.namespace.clone(), reference.name.clone());
        let is_it = |object: &&Value| object["kind"] == "Gateway" && called(object) == named;
        if own.iter().any(|object| is_it(&object)) {
            continue;
        }
        let known = found.iter().position(|object| is_it(&object));
        match (known, folder.iter().find(is_it)) {
            (None, Some(gateway)) => {
                let mut gateway = gateway.clone();
                if !has_listener(&gateway, &reference.kind) {
                    add(&mut gateway, &reference);
                }
                found.push(gateway);
            }
            (None, None) => found.push(stand_in(&reference)),
            (Some(place), None) => add(&mut found[place], &reference),
            (Some(_), Some(_)) => {}
        }
    }
    found
}

fn has_listener(gateway: &Value, kind: &str) -> bool {
    let listeners = gateway["spec"]["listeners"].as_array();
    listeners.into_iter().flatten().any(|listener| kinds(listener).contains(kind))
}

/// Routes to the Services of those policies in whose namespaces `own` has none.
pub(crate) fn routes(own: &[Value]) -> Vec<Value> {
    let is_route = |object: &&Value| object["kind"].as_str().is_some_and(|kind| kind.ends_with("Route"));
    let led_to: BTreeSet<String> = own.iter().filter(is_route).map(|route| called(route).0).collect();
    let is_alone = |object: &&Value| object["kind"] == "BackendTLSPolicy" && !led_to.contains(&called(object).0);
    own.iter().filter(is_alone).map(route_to).collect()
}

fn route_to(policy: &Value) -> Value {
    let (namespace, name) = called(policy);
    let targets = policy["spec"]["targetRefs"].as_array().into_iter().flatten();
    let services = targets.filter(|target| target["kind"] == "Service");
    let backends: Vec<Value> = services.map(|service| json!({"name": service["name"], "port": 443})).collect();
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": format!("to-{name}"), "namespace": namespace},
        "spec": {"rules": [{"backendRefs": backends}]},
    })
}

fn references(route: &Value) -> Vec<Reference> {
    let kind = route["kind"].as_str().filter(|kind| kind.ends_with("Route"));
    let parents = route["spec"]["parentRefs"].as_array().into_iter().flatten();
    let is_gateway = |parent: &&Value| {
        parent["kind"].as_str().is_none_or(|kind| kind == "Gateway")
            && parent["group"].as_str().is_none_or(|group| group == "gateway.networking.k8s.io")
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let reference = |parent: &Value| Reference {
        namespace: text(&parent["namespace"]).unwrap_or_else(|| called(route).0),
        name: text(&parent["name"]).unwrap_or_default(),
        section: text(&parent["sectionName"]),
        port: parent["port"].as_i64(),
        kind: kind.unwrap_or_default().to_owned(),
    };
    kind.map(|_| parents.filter(is_gateway).map(reference).collect()).unwrap_or_default()
}

fn stand_in(reference: &Reference) -> Value {
    let mut gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": reference.name, "namespace": reference.namespace},
        "spec": {"gatewayClassName": "beside", "listeners": []},
    });
    add(&mut gateway, reference);
    gateway
}

/// Adds the listener that a route asks for, unless there is one.
fn add(gateway: &mut Value, reference: &Reference) {
    let (protocol, port, tls) = match reference.kind.as_str() {
        "TLSRoute" => ("TLS", 443, json!({"mode": "Passthrough"})),
        "TCPRoute" => ("TCP", 5432, Value::Null),
        "UDPRoute" => ("UDP", 53, Value::Null),
        _ => ("HTTP", 80, Value::Null),
    };
    let Some(listeners) = gateway["spec"]["listeners"].as_array_mut() else { return };
    let taken: BTreeSet<i64> = listeners.iter().filter_map(|listener| listener["port"].as_i64()).collect();
    let is_meant = |listener: &Value| {
        listener["protocol"] == protocol
            && reference.section.as_ref().is_none_or(|section| listener["name"] == section.as_str())
            && reference.port.is_none_or(|port| listener["port"] == port)
    };
    if listeners.iter().any(is_meant) {
        return;
    }
    let port = reference.port.unwrap_or_else(|| (port..).find(|port| !taken.contains(port)).unwrap_or(port));
    let name = reference.section.clone().unwrap_or_else(|| format!("{}-{port}", protocol.to_lowercase()));
    let mut listener =
        json!({"name": name, "port": port, "protocol": protocol, "allowedRoutes": {"namespaces": {"from": "All"}}});
    if !tls.is_null() {
        listener["tls"] = tls;
    }
    listeners.push(listener);
}
