//! Routes of a mesh: what they are about is traffic between Services, so they are manifests of the workload that has these.

use crate::{output::Output, source::Source};
use causeway_gateway_api::backends;
use serde_json::Value;

/// Whether a route attaches to Services of its own namespace alone, and sends to none of another one: a workload's manifests can hold it as it is.
pub(crate) fn is_of_workload(source: &Source) -> bool {
    let own = source.object.namespace.as_str();
    // One that is no text is no namespace at all, and has to be told.
    let is_here = |reference: &Value| reference["namespace"].is_null() || reference["namespace"] == own;
    let is_service = |parent: &Value| parent["kind"] == "Service" && parent["group"] == "" && is_here(parent);
    let rules = source.seen("/spec/rules");
    source
        .seen("/spec/parentRefs")
        .as_array()
        .is_some_and(|parents| !parents.is_empty() && parents.iter().all(is_service))
        && backends(rules).iter().filter_map(|pointer| rules.pointer(pointer)).all(is_here)
}

/// Notes down that the namespace of a route is a workload, with the Services that the route names.
pub(crate) fn note(source: &Source, output: &mut Output) {
    let own = &source.object.namespace;
    let rules = source.seen("/spec/rules");
    let named = backends(rules).into_iter().filter_map(|pointer| rules.pointer(&pointer));
    let parents = source.seen("/spec/parentRefs").as_array().into_iter().flatten();
    let is_service = |reference: &&Value| reference["kind"].as_str().is_none_or(|kind| kind == "Service");
    for service in named.chain(parents).filter(is_service).filter_map(|reference| reference["name"].as_str()) {
        output.sends_to(own, service);
    }
}

/// Takes the names of the route's own namespace out: the workload gets another one.
pub(crate) fn without_namespaces(route: &mut Value) {
    let rules = backends(&route["spec"]["rules"]).into_iter().map(|pointer| format!("/spec/rules{pointer}"));
    let count = route["spec"]["parentRefs"].as_array().map_or(0, Vec::len);
    let parents = (0..count).map(|index| format!("/spec/parentRefs/{index}"));
    for pointer in rules.chain(parents).collect::<Vec<_>>() {
        if let Some(reference) = route.pointer_mut(&pointer).and_then(Value::as_object_mut) {
            reference.remove("namespace");
        }
    }
}
