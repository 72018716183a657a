//! Workloads: whatever stands behind gateways. A namespace becomes a workload, with those of its manifests that are among the objects.

use crate::{
    output::{Output, Workload},
    report::{Finding, ImportedObject, Loss},
    routes::mesh::without_namespaces,
    source::Source,
};
use causeway_records::nouns::{Labels, Rules, WorkloadInstance};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds to which policies of gateway controllers are attached by name.
const NAMED_ANEW: [&str; 8] =
    ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "GatewayClass"];

/// Groups of Gloo's own objects. Brought along they would go on leading requests somewhere beside the gateway.
const GLOO: [&str; 2] = ["gateway.solo.io", "gloo.solo.io"];

/// Why a manifest that is no route can't be a part of a workload; None: it can.
pub(crate) fn refusal(group: &str, source: &Source) -> Option<String> {
    if group.starts_with("gateway.networking.") && source.object.kind != "BackendTLSPolicy" {
        return Some("is of Gateway API, and no record says objects of this kind".into());
    }
    if GLOO.contains(&group) {
        return Some("is of Gloo's own API, and about Gloo itself or of a kind that isn't imported".into());
    }
    let spec = source.seen("/spec");
    let targets = spec["targetRefs"].as_array().into_iter().flatten().chain([&spec["targetRef"]]);
    let named = targets.filter_map(|target| target["kind"].as_str()).find(|kind| NAMED_ANEW.contains(kind));
    named.map(|kind| {
        format!("is attached to a {kind} by its name, and those get names of their own here; attach it anew when the gateway is there")
    })
}

/// The workloads that gateways and grants name, and what is to be told about them. Manifests of other namespaces are reported.
pub(crate) fn workloads(output: &Output, carried: Vec<Source>) -> (Vec<Workload>, Vec<Finding>, Vec<Source>) {
    let mut manifests: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut services: BTreeSet<(String, String)> = BTreeSet::new();
    let mut closed = vec![];
    for mut source in carried {
        let namespace = source.object.namespace.clone();
        if !output.workloads.contains_key(&namespace) {
            source.refuse("no route among the objects leads into its namespace, so it is no part of a workload here; bring it as a workload of its own");
        } else {
            if source.object.kind == "Service" {
                services.insert((namespace.clone(), source.object.name.clone()));
            }
            // All of it is said by the manifest.
            let mut body = without_namespace(source.take_whole());
            if NAMED_ANEW.contains(&source.object.kind.as_str()) {
                without_namespaces(&mut body);
            }
            manifests.entry(namespace).or_default().push(body);
        }
        closed.push(source);
    }
    let (mut workloads, mut findings) = (vec![], vec![]);
    for (namespace, wanted) in &output.workloads {
        let own = manifests.remove(namespace).map(|all| text(&all));
        let missing: Vec<&str> = wanted
            .iter()
            .filter(|name| !services.contains(&(namespace.clone(), (*name).clone())))
            .map(String::as_str)
            .collect();
        let mut tell = |loss, problem: String| findings.push(about(namespace, loss, problem));
        match &own {
            None => tell(Loss::Needed, to_bring(namespace, &missing)),
            Some(_) => {
                let problem = format!(
                    "the manifests go into a namespace that Causeway makes for the workload: what is in {namespace} stays there, and names such as \
                     web.{namespace}.svc lead to it"
                );
                tell(Loss::Lossy, problem);
                if !missing.is_empty() {
                    let problem =
                        format!("gateways send to {}, which isn't among the manifests; add it", listed(&missing));
                    tell(Loss::Needed, problem);
                }
            }
        }
        // Names of namespaces are names of records.
        if let Ok(name) = namespace.parse() {
            let labels = output.labels.get(namespace).cloned().map(Labels);
            workloads.push(Workload { name, manifests: own, labels });
        }
    }
    (workloads, findings, closed)
}

/// Takes the labels of namespaces that are workloads. What is left of them is reported, and namespaces that are none as a whole.
pub(crate) fn namespaces(objects: &mut [Source], output: &mut Output) {
    const PATH: &str = "/metadata/labels";
    for source in objects {
        let name = source.object.name.clone();
        if !output.workloads.contains_key(&name) {
            source.lossy("", "no route among the objects leads into it, so it is no workload here, and Causeway makes a namespace for workloads alone");
            continue;
        }
        let labels: Option<BTreeMap<String, String>> = serde_json::from_value(source.seen(PATH).clone()).ok();
        let Some(labels) = labels.filter(|labels| !labels.is_empty()) else { continue };
        let namespace_labels = Some(Labels(labels.clone()));
        let labelled = WorkloadInstance { namespace_labels, ..WorkloadInstance::default() };
        if labelled.check().is_empty() {
            source.take(PATH);
            output.labels.entry(name).or_default().extend(labels);
        } else {
            source.lossy(PATH, "can't all be NamespaceLabels of a workload instance, so it has none of them");
        }
    }
}

fn to_bring(namespace: &str, missing: &[&str]) -> String {
    let with = if missing.is_empty() { String::new() } else { format!(", with {}", listed(missing)) };
    format!(
        "{namespace}.yaml is to be written beside the document: the manifests of what runs in namespace {namespace}{with}. Where this workload is on record \
         already, take its WorkloadDefinition and WorkloadInstance out of the documents"
    )
}

fn listed(services: &[&str]) -> String {
    let word = if services.len() == 1 { "Service" } else { "Services" };
    format!("{word} {}", services.join(", "))
}

/// About a record of the documents.
fn about(workload: &str, loss: Loss, problem: String) -> Finding {
    let object =
        ImportedObject { kind: "WorkloadDefinition".into(), namespace: String::new(), name: workload.to_owned() };
    Finding { object, field: "YAMLDocument".into(), loss, problem }
}

fn without_namespace(mut body: Value) -> Value {
    if let Some(metadata) = body["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    body
}

/// A stream of YAML. JSON is YAML, too, should one not be writable otherwise.
fn text(manifests: &[Value]) -> String {
    // Long lines stay lines.
    let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
    let one = |manifest: &Value| {
        serde_saphyr::to_string_with_options(manifest, options.clone()).unwrap_or_else(|_| format!("{manifest}\n"))
    };
    manifests.iter().map(one).collect::<Vec<_>>().join("---\n")
}
