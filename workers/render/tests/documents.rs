//! What the documents of `deploy/samples` become in a cluster, against snapshots that a person has read: one for each guide of Gateway API.

use causeway_records::{
    Record,
    inputs::{GatewayInputs, GrantedWorkload, Listener, WorkloadInputs},
    noun::Noun,
    nouns::{DomainNameDefinition, GatewayDefinition, Labels, Placement, Rules, SharedGateway},
    overlay::overlay,
    text::ObjectName,
};
use causeway_render::{
    gateway, listener_set,
    plan::Plan,
    samples::{self, Scene},
    shared_gateway,
};
use causeway_rules::hostnames::hostnames_of;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Objects of documents by their kind, in their order.
type Documents = Vec<(String, Map<String, Value>)>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/samples")
}

fn read(file: &Path) -> Documents {
    let text = fs::read_to_string(file).expect("a sample can be read");
    let all = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|one| Map::<String, Value>::deserialize(one).expect("a sample is YAML"));
    all.flatten().map(|(kind, fields)| (kind, fields.as_object().expect("a document has fields").clone())).collect()
}

/// A record of these fields, of which each is one of the noun.
fn record<T: Noun + Rules>(id: i64, fields: &Map<String, Value>) -> Record<T> {
    let mut record = Record::<T>::default();
    let json = serde_json::to_string(fields).expect("fields are JSON");
    let report = overlay(json.as_bytes(), &mut record.writable()).expect("they are fields of this noun");
    assert!(report.unknown.is_empty() && report.problems.is_empty(), "{:?} {:?}", report.unknown, report.problems);
    assert!(record.spec.check().is_empty(), "{:?}", record.spec.check());
    record.common.id = id;
    record
}

fn text<'f>(fields: &'f Map<String, Value>, key: &str) -> &'f str {
    let value = fields.get(key).unwrap_or(&Value::Null);
    value.as_str().or(value["Name"].as_str()).unwrap_or_default()
}

/// The workloads of documents by name, with the manifests that they name.
fn workloads(file: &Path, documents: &Documents) -> BTreeMap<String, WorkloadInputs> {
    let all = documents.iter().filter(|(kind, _)| kind == "Workload");
    let workload = |(id, fields): (i64, &Map<String, Value>)| {
        let name = text(fields, "Name");
        let mut inputs = samples::workload(id, name);
        inputs.definition.spec.yaml_document = fs::read_to_string(
            file.parent().expect("a sample's manifests can be read").join(text(fields, "YAMLDocument")),
        )
        .expect("a sample's manifests can be read");
        let labels = fields
            .get("NamespaceLabels")
            .map(|labels| serde_json::from_value::<Labels>(labels.clone()).expect("labels are texts"));
        inputs.instance.record.spec.namespace_labels = labels;
        (name.to_owned(), inputs)
    };
    (2001..).step_by(2).zip(all.map(|(_, fields)| fields)).map(workload).collect()
}

/// What is granted to a workload: Services of others, and whether it may attach.
fn grants(
    documents: &Documents,
    workloads: &BTreeMap<String, WorkloadInputs>,
    to: &str,
) -> (Vec<GrantedWorkload>, bool) {
    let all = documents
        .iter()
        .filter(|(kind, fields)| kind == "GatewayGrant" && text(fields, "GrantedWorkloadInstance") == to);
    let granted = |(_, fields): &(String, Map<String, Value>)| {
        let of = workloads.get(text(fields, "WorkloadInstance"))?;
        let services =
            fields.get("ServiceNames").map(|names| serde_json::from_value(names.clone()).expect("they are names"));
        let kinds =
            fields.get("RouteKinds").map(|kinds| serde_json::from_value(kinds.clone()).expect("they are kinds"));
        Some(GrantedWorkload {
            workload: of.definition.spec.name.to_string(),
            namespace: of.instance.object_name.clone(),
            services,
            kinds,
        })
    };
    (all.clone().filter_map(granted).collect(), all.clone().any(|(_, fields)| fields.contains_key("SharedGateway")))
}

/// All that a file makes of gateways, on a Gateway that its documents name, or else on the common one.
fn scene(file: &Path, documents: &Documents) -> Scene {
    let workloads = workloads(file, documents);
    let named = documents.iter().find(|(kind, _)| kind == "DomainNameDefinition").map(|(_, fields)| fields.clone());
    let (mut gateways, mut attached) = (vec![], vec![]);
    for (id, (_, fields)) in (1001..).zip(documents.iter().filter(|(_, fields)| fields.contains_key("Gateway"))) {
        let mut definition = fields["Gateway"].as_object().expect("a gateway has fields").clone();
        let own = fields.get("DomainName").map(|domain| domain.as_object().expect("a domain has fields").clone());
        let domain = own.or_else(|| definition.remove("DomainNameDefinition").and(named.clone()));
        let domain = domain.map(|fields| record::<DomainNameDefinition>(21, &fields));
        let (workload, shared) = (text(fields, "Name"), definition.remove("SharedGateway"));
        let mut inputs =
            samples::gateway(id, text(&definition, "Name"), domain.map(|domain| (21, domain.spec)), &[], &[]);
        if inputs.domain.is_some() {
            definition.insert("DomainNameDefinitionID".into(), 21.into());
        }
        inputs.definition = record::<GatewayDefinition>(id + 1000, &definition);
        let under = inputs.domain.as_ref().map(|domain| &domain.spec.domain);
        inputs.hostnames = hostnames_of(&inputs.definition.spec, under).expect("the definition is good");
        inputs.workload = workloads[workload].clone();
        let (granted, may_attach) = grants(documents, &workloads, workload);
        inputs.granted = granted;
        match shared {
            None => gateways.push(inputs),
            Some(_) => attached.push((inputs, may_attach)),
        }
    }
    let placed = |inputs: &GatewayInputs| inputs.definition.spec.placement();
    let class = gateways.first().and_then(|inputs| inputs.definition.spec.gateway_class_name.clone());
    match documents.iter().find(|(kind, _)| kind == "SharedGateway") {
        Some((_, fields)) => on_given(&record::<SharedGateway>(3001, fields), attached),
        None if gateways.iter().any(|inputs| placed(inputs) == Placement::Dedicated) => {
            assert!(
                gateways.iter().all(|inputs| placed(inputs) == Placement::Dedicated),
                "a sample is about one placement"
            );
            Scene { shared: None, listener_sets: vec![], gateways }
        }
        None => on_class(samples::shared(3001, gateways), class),
    }
}

/// The same on a Gateway of a class of somebody else's, whose controller has no ListenerSets.
fn on_class(scene: Scene, class: Option<ObjectName>) -> Scene {
    let (Some(class), Some(shared)) = (class, scene.shared.clone()) else { return scene };
    let mut gateway = shared.gateway;
    gateway.record.spec.gateway_class_name = Some(class);
    let in_sets = scene.listener_sets.into_iter().flat_map(|set| set.listeners);
    let on_gateway = shared.listeners.into_iter().filter(|listener| listener.listener_set.is_none());
    let listeners = on_gateway.chain(in_sets).map(|listener| Listener { listener_set: None, ..listener }).collect();
    let mut gateways = scene.gateways;
    for inputs in &mut gateways {
        let own = inputs.shared_gateway.as_mut().expect("it is attached");
        own.gateway = gateway.clone();
        own.listener_sets.values_mut().for_each(|set| *set = None);
    }
    let (shared, listener_sets) = samples::spread(gateway, listeners, shared.domains, shared.accounts);
    Scene { shared: Some(shared), listener_sets, gateways }
}

fn on_given(gateway: &Record<SharedGateway>, attached: Vec<(GatewayInputs, bool)>) -> Scene {
    let (inputs, granted): (Vec<_>, Vec<_>) = attached.into_iter().unzip();
    let mut scene = samples::given(
        gateway.id(),
        gateway.spec.listeners.clone().expect("a gateway of a platform team has listeners").0,
        inputs,
    );
    for (inputs, is_granted) in scene.gateways.iter_mut().zip(granted) {
        let shared = inputs.shared_gateway.as_mut().expect("it is attached");
        (shared.gateway.record.spec, shared.is_granted) = (gateway.spec.clone(), is_granted);
    }
    scene.shared.as_mut().expect("it is on a shared gateway").gateway.record.spec = gateway.spec.clone();
    scene
}

/// As `kubectl` would print them.
fn manifests(scene: &Scene) -> String {
    let shared = scene.shared.iter().map(|shared| shared_gateway::render(shared).expect("it is rendered"));
    let sets = scene.listener_sets.iter().map(|set| listener_set::render(set).expect("it is rendered"));
    let own = scene.gateways.iter().map(|inputs| gateway::render(inputs).expect("it is rendered"));
    let objects = shared.chain(sets).chain(own).flat_map(|plan: Plan| plan.objects);
    objects
        .map(|object| serde_yaml_ng::to_string(&object.body).expect("an object is YAML"))
        .collect::<Vec<_>>()
        .join("---\n")
}

/// Files of documents that bring a gateway along with its workload, with a name for each.
fn files(below: &Path, prefix: &str, found: &mut BTreeMap<String, (PathBuf, Documents)>) {
    for path in fs::read_dir(below)
        .expect("the samples can be read")
        .map(|entry| entry.expect("the samples can be read").path())
    {
        let name = format!(
            "{prefix}{}",
            path.file_stem().expect("a file has a name").to_str().expect("a file has a name").replace('-', "_")
        );
        if path.is_dir() {
            files(&path, &format!("{name}_"), found);
        } else if fs::read_to_string(&path).expect("a sample can be read").contains("\n  Gateway:\n") {
            found.insert(name, (path.clone(), read(&path)));
        }
    }
}

#[test]
fn documents_become_what_was_read() {
    let mut all = BTreeMap::new();
    files(&folder(), "", &mut all);
    assert!(all.len() > 18, "{:?}", all.keys());
    for (name, (file, documents)) in &all {
        insta::assert_snapshot!(name.as_str(), manifests(&scene(file, documents)));
    }
}
