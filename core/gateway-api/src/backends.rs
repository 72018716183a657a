//! Where rules refer to backends.

use serde_json::Value;

/// JSON pointers to all references to backends: those that get requests, and those that get a copy of them.
pub fn backends(rules: &Value) -> Vec<String> {
    let mut found = vec![];
    for rule in 0..length(rules, "") {
        mirrors(rules, &format!("/{rule}/filters"), &mut found);
        let list = format!("/{rule}/backendRefs");
        for backend in 0..length(rules, &list) {
            let backend = format!("{list}/{backend}");
            mirrors(rules, &format!("{backend}/filters"), &mut found);
            found.push(backend);
        }
    }
    found
}

/// Whether a reference is one to a Service.
pub fn is_service(backend: &Value) -> bool {
    let set = |key: &str| backend[key].as_str().filter(|text| !text.is_empty());
    set("group").is_none() && set("kind").is_none_or(|kind| kind == "Service")
}

/// Whether a reference is one to a Service of several clusters, as the Multi-Cluster Services API has it.
pub fn is_service_import(backend: &Value) -> bool {
    backend["group"] == "multicluster.x-k8s.io" && backend["kind"] == "ServiceImport"
}

fn mirrors(rules: &Value, filters: &str, found: &mut Vec<String>) {
    let all = (0..length(rules, filters)).map(|filter| format!("{filters}/{filter}/requestMirror/backendRef"));
    found.extend(all.filter(|pointer| rules.pointer(pointer).is_some()));
}

fn length(rules: &Value, pointer: &str) -> usize {
    rules.pointer(pointer).and_then(Value::as_array).map_or(0, Vec::len)
}
