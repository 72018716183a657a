//! Routes of a mesh: what they are about is traffic between Services, so they are manifests of the workload that has these.
//!
//! A mesh's route attaches to Services, to ServiceImports, or to an object that the mesh has for itself. What it attaches to is beside it, under its own name.

use crate::{output::Output, rules::beside, source::Source};
use causeway_gateway_api::backends;
use serde_json::Value;

/// The groups of Gateway API: objects of these get names of their own here, or none.
const GATEWAY_API: &str = "gateway.networking.";

/// Whether a route attaches to what isn't Gateway API's, in its own namespace alone, and sends to nothing of another one: a workload's manifests can hold it as
/// it is.
pub(crate) fn is_of_workload(source: &Source) -> bool {
    let own = source.object.namespace.as_str();
    // One that is no text is no namespace at all, and has to be told.
    let is_here = |reference: &Value| reference["namespace"].is_null() || reference["namespace"] == own;
    let is_beside = |parent: &Value| {
        let is_other = parent["group"].as_str().is_some_and(|group| !group.starts_with(GATEWAY_API));
        is_other && parent["kind"].is_string() && is_here(parent)
    };
    let rules = source.seen("/spec/rules");
    source
        .seen("/spec/parentRefs")
        .as_array()
        .is_some_and(|parents| !parents.is_empty() && parents.iter().all(is_beside))
        && backends(rules).iter().filter_map(|pointer| rules.pointer(pointer)).all(is_here)
}

/// Notes down that the namespace of a route is a workload, with the Services that the route names, and tells which other objects have to be in it.
pub(crate) fn note(source: &mut Source, output: &mut Output) {
    let own = source.object.namespace.clone();
    output.workloads.entry(own.clone()).or_default();
    for (path, reference) in references(source) {
        let text = |key: &str, usual: &str| reference[key].as_str().unwrap_or(usual).to_owned();
        let (group, kind, name) = (text("group", ""), text("kind", "Service"), text("name", ""));
        if group.is_empty() && kind == "Service" {
            output.sends_to(&own, &name);
            continue;
        }
        beside(source, &path, &format!("{kind} {name}"));
    }
}

/// What a route attaches and sends to, with the paths.
fn references(source: &Source) -> Vec<(String, Value)> {
    let rules = backends(source.seen("/spec/rules")).into_iter().map(|pointer| format!("/spec/rules{pointer}"));
    let parents = (0..source.length("/spec/parentRefs")).map(|index| format!("/spec/parentRefs/{index}"));
    rules.chain(parents).map(|path| (path.clone(), source.seen(&path).clone())).collect()
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
