//! Gateways and ListenerSets: class, listeners, addresses, and who may attach.

use super::{
    Case,
    rendered::{RenderedGateway, namespace_of_workload},
    routes::shown_protocol,
    written::{allows, called, gateway_of, kinds},
};
use causeway_records::nouns::Labels;
use causeway_rules::attachment::{AttachingWorkload, may_attach};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A namespace that is in no file.
pub(crate) const STRANGER: &str = "a-stranger";

/// A listener without its name: port, protocol, hostname, Secrets, kinds of routes.
type Said = (i64, String, Option<String>, Vec<String>, BTreeSet<String>);

pub(crate) fn gateway(case: &Case<'_>) -> Option<String> {
    let Some(rendered) = case.world.gateway(&called(case.object)) else {
        return Some("nothing is rendered of it".into());
    };
    let body = match &rendered.body {
        Ok(body) => body,
        Err(problem) => return Some(format!("its record can't be rendered: {problem}")),
    };
    let (written, spec) = (&case.object["spec"], &body["spec"]);
    let differs = |what: &str, one: &Value, other: &Value| {
        (one != other).then(|| format!("{what}: written {one}, rendered {other}"))
    };
    let namespace = json!(case.namespace());
    differs("namespace", &namespace, &body["metadata"]["namespace"])
        .or_else(|| differs("gatewayClassName", &written["gatewayClassName"], &spec["gatewayClassName"]))
        .or_else(|| differs("addresses", &addresses(written), &addresses(spec)))
        .or_else(|| differs("infrastructure", &written["infrastructure"], &spec["infrastructure"]))
        .or_else(|| differs("tls", &with_mode(&written["tls"]), &spec["tls"]))
        .or_else(|| missing(case, written, body))
        .or_else(|| attaching(case, rendered))
}

pub(crate) fn listener_set(case: &Case<'_>) -> Option<String> {
    let gateway = gateway_of(case.objects, case.object).map(called);
    let Some(rendered) = gateway.and_then(|gateway| case.world.gateway(&gateway)) else {
        return Some("nothing is rendered of its Gateway".into());
    };
    match &rendered.body {
        Ok(body) => missing(case, &case.object["spec"], body).or_else(|| attaching(case, rendered)),
        Err(problem) => Some(format!("the record of its Gateway can't be rendered: {problem}")),
    }
}

/// Whether what is rendered of each Gateway of a class names that class.
pub(crate) fn all_name(case: &Case<'_>) -> bool {
    let class = &case.object["metadata"]["name"];
    let of_class = |object: &&Value| object["kind"] == "Gateway" && object["spec"]["gatewayClassName"] == *class;
    case.objects.iter().filter(of_class).all(|gateway| {
        let rendered = case.world.gateway(&called(gateway)).and_then(|rendered| rendered.body.as_ref().ok());
        rendered.is_some_and(|body| body["spec"]["gatewayClassName"] == *class)
    })
}

/// Whether a grant is for Gateways and Secrets alone, and what is rendered of each Gateway that it is for is in the namespace that it names.
pub(crate) fn all_are_let(case: &Case<'_>) -> bool {
    let list = |key: &str| case.object["spec"][key].as_array().cloned().unwrap_or_default();
    let (from, to) = (list("from"), list("to"));
    let is_of = |entry: &Value, group: &str, kinds: &[&str]| {
        entry["group"].as_str().unwrap_or_default() == group && kinds.iter().any(|kind| entry["kind"] == *kind)
    };
    let is_in = |gateway: &Value| {
        let rendered = case.world.gateway(&called(gateway)).and_then(|rendered| rendered.body.as_ref().ok());
        rendered.is_none_or(|body| body["metadata"]["namespace"] == called(gateway).0)
    };
    !from.is_empty()
        && from.iter().all(|entry| is_of(entry, "gateway.networking.k8s.io", &["Gateway"]))
        && to.iter().all(|entry| is_of(entry, "", &["Secret", "ConfigMap"]))
        && case.objects.iter().filter(|object| object["kind"] == "Gateway").all(is_in)
}

fn addresses(spec: &Value) -> Value {
    let all = spec["addresses"].as_array().into_iter().flatten();
    let each: BTreeSet<String> = all
        .map(|one| {
            format!("{} {}", one["type"].as_str().unwrap_or("IPAddress"), one["value"].as_str().unwrap_or_default())
        })
        .collect();
    json!(each)
}

/// Listeners that are written and not on the Gateway that is rendered.
fn missing(case: &Case<'_>, written: &Value, gateway: &Value) -> Option<String> {
    let all = |spec: &Value, namespace: &str| -> BTreeSet<Said> {
        spec["listeners"].as_array().into_iter().flatten().map(|listener| said(namespace, listener)).collect()
    };
    let (written, rendered) = (all(written, case.namespace()), all(&gateway["spec"], &called(gateway).0));
    let missing: Vec<_> = written.difference(&rendered).map(|one| format!("{one:?}")).collect();
    (!missing.is_empty())
        .then(|| format!("listeners aren't rendered so: {}; there are {rendered:?}", missing.join(", ")))
}

/// `holder`: the namespace of the object that has the listener.
fn said(holder: &str, listener: &Value) -> Said {
    let secrets = listener["tls"]["certificateRefs"].as_array().into_iter().flatten().map(|secret| {
        let text = |key: &str, usual: &str| secret[key].as_str().unwrap_or(usual).to_owned();
        format!("{} {} {}/{}", text("group", ""), text("kind", "Secret"), text("namespace", holder), text("name", ""))
    });
    (
        listener["port"].as_i64().unwrap_or_default(),
        shown_protocol(listener),
        listener["hostname"].as_str().map(str::to_ascii_lowercase),
        secrets.collect(),
        kinds(listener),
    )
}

/// What a Gateway asks of certificates of clients, with the mode that the API server puts where none is written.
fn with_mode(tls: &Value) -> Value {
    fn fill(validation: &mut Value) {
        if let Some(validation) = validation.as_object_mut() {
            validation.entry("mode").or_insert_with(|| json!("AllowValidOnly"));
        }
    }
    let mut tls = tls.clone();
    if let Some(validation) = tls.pointer_mut("/frontend/default/validation") {
        fill(validation);
    }
    let ports = tls.pointer_mut("/frontend/perPort").and_then(Value::as_array_mut);
    ports.into_iter().flatten().filter_map(|port| port.pointer_mut("/tls/validation")).for_each(fill);
    tls
}

/// Asks for each namespace whether its routes may attach, by the object and by the record.
fn attaching(case: &Case<'_>, rendered: &RenderedGateway) -> Option<String> {
    let namespaces = case.objects.iter().map(|object| match object["kind"].as_str() {
        Some("Namespace") => object["metadata"]["name"].as_str().unwrap_or_default(),
        _ => object["metadata"]["namespace"].as_str().unwrap_or("default"),
    });
    let namespaces: BTreeSet<&str> = namespaces.chain([STRANGER]).collect();
    let listeners = case.object["spec"]["listeners"].as_array().into_iter().flatten();
    for listener in listeners {
        let choice = &listener["allowedRoutes"]["namespaces"];
        for namespace in &namespaces {
            let by_object = allows(case.objects, choice, "Same", case.object, namespace);
            let by_record = may(case, rendered, namespace);
            if by_object != by_record {
                return Some(format!(
                    "namespace {namespace} may attach to {}: written {by_object}, on record {by_record}",
                    listener["name"]
                ));
            }
        }
    }
    None
}

fn may(case: &Case<'_>, rendered: &RenderedGateway, namespace: &str) -> bool {
    let place = case.import.workloads.iter().position(|workload| workload.name.as_str() == namespace);
    let workload = place.map(|place| &case.import.workloads[place]);
    let made = namespace_of_workload(namespace);
    // A namespace that is no workload yet would be one with its labels, and one that isn't among the objects is taken for one that was meant.
    let is_it = |object: &&Value| object["kind"] == "Namespace" && object["metadata"]["name"] == namespace;
    let own = match case.objects.iter().find(is_it) {
        Some(object) => serde_json::from_value(object["metadata"]["labels"].clone()).ok().map(Labels),
        None => rendered.record.namespace_selector.clone().filter(|_| namespace != STRANGER),
    };
    let attaching = AttachingWorkload {
        id: place.map_or(-1, super::rendered::id_of_workload),
        // One that is no workload here stays what it is.
        namespace: if workload.is_some() { &made } else { namespace },
        labels: workload.map_or(own.as_ref(), |workload| workload.labels.as_ref()),
        is_granted: false,
    };
    may_attach(&rendered.record, &attaching)
}
