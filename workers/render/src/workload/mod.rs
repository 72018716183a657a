//! Workload instance: a namespace and the user's manifests in it.

mod autoscaled;
pub mod events;
mod services;
mod subjects;

pub use services::{ServiceFacts, ServicePort, services};

use crate::{
    InvalidInput,
    k8s::{self, Ours},
    labels::{Owner, label},
    plan::{Object, Plan},
};
use causeway_manifests::{Budget, Manifest, read_together};
use causeway_records::{Kind, inputs::WorkloadInputs, inventory::ObjectRef, nouns::WorkloadInstance, record::Record};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Whether objects of a kind belong to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each object is in one namespace.
    Namespaced,
    /// Objects have no namespace.
    Cluster,
}

/// Returns the scope of a kind by group and kind, from the cluster's discovery; None if the cluster does not serve the kind.
pub type Scopes<'a> = &'a dyn Fn(&str, &str) -> Option<Scope>;

/// The value of the owner label on the objects of a workload instance.
pub fn owner(instance: &Record<WorkloadInstance>) -> Owner {
    Owner { kind: Kind::WorkloadInstance, id: instance.common.id }
}

/// The manifests of the document and the further ones, within one budget. Takes time for each byte of them: not for the threads of an async runtime.
pub fn manifests(inputs: &WorkloadInputs) -> Result<Vec<Manifest>, InvalidInput> {
    let texts: Vec<_> = texts(inputs).collect();
    read_together(&texts, &Budget::stored()).map_err(|(index, error)| {
        let (field, why) = match index {
            0 => (DOCUMENT, error.to_string()),
            further => ("JSONDefinition", format!("manifest {further}: {}", error.problem)),
        };
        InvalidInput::new("workload definition", &inputs.definition.spec.name, field, why)
    })
}

/// The length of all of them, in bytes.
pub fn length(inputs: &WorkloadInputs) -> usize {
    texts(inputs).map(str::len).sum()
}

fn texts(inputs: &WorkloadInputs) -> impl Iterator<Item = &str> {
    std::iter::once(&*inputs.definition.spec.yaml_document).chain(inputs.resources.iter().map(String::as_str))
}

/// Group, version and kind of every manifest, each once.
pub fn kinds(manifests: &[Manifest]) -> BTreeSet<(String, String, String)> {
    let kind = |manifest: &Manifest| {
        let (group, version) = manifest.group_and_version();
        (group.to_owned(), version.to_owned(), manifest.kind().to_owned())
    };
    manifests.iter().map(kind).collect()
}

/// The instance's namespace, where Causeway makes it, and its manifests. A manifest without a namespace goes into the instance's if its kind has namespaces: so
/// says the cluster, or a CustomResourceDefinition among the manifests. A kind that neither knows is taken for a namespaced one; the
/// cluster refuses it by name when it is applied. Hooks of moments that a workload does not have are left out and named in the plan.
pub fn render(inputs: &WorkloadInputs, manifests: Vec<Manifest>, scopes: Scopes<'_>) -> Result<Plan, InvalidInput> {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let namespace = &inputs.instance.object_name;
    let defined = defined_scopes(&manifests);
    // One that was there before is somebody else's.
    let is_made = inputs.instance.record.spec.namespace.is_none();
    let own = k8s::core::NAMESPACE.cluster(namespace);
    let mut taken: BTreeSet<_> = is_made.then_some(own).into_iter().collect();
    let (mut objects, mut not_applied) = (Vec::new(), Vec::new());
    for manifest in manifests {
        let (group, kind) = group_and_kind(&manifest);
        let scope = scopes(&group, &kind).or_else(|| defined.get(&(group, kind)).copied());
        let hook = manifest.not_applied.clone();
        let object = place(manifest, scope.unwrap_or(Scope::Namespaced), namespace, &ours);
        if let Some(hook) = hook {
            not_applied.push(format!("{} ({}: {})", object.at, hook.annotation, hook.hook));
            continue;
        }
        if !taken.insert(object.at.clone()) {
            let twice = format!("{} stands there twice; remove one, or rename it", object.at);
            return Err(InvalidInput::new("workload definition", &inputs.definition.spec.name, DOCUMENT, twice));
        }
        objects.push(object);
    }
    autoscaled::leave_replicas(&mut objects);
    objects.sort_by(|a, b| (rank(&a.at), &a.at).cmp(&(rank(&b.at), &b.at)));
    if is_made {
        objects.insert(0, own_namespace(inputs, &ours));
    }
    let warnings = subjects::misplaced(&objects);
    Ok(Plan { not_applied, warnings, ..objects.into() })
}

/// The instance's namespace with the labels of its record; ours come before them.
fn own_namespace(inputs: &WorkloadInputs, ours: &Ours<'_>) -> Object {
    let mut namespace = k8s::core::namespace(ours, &inputs.instance.object_name);
    let asked = inputs.instance.record.spec.namespace_labels.iter().flat_map(|labels| &labels.0);
    let mut labels: Map<String, Value> =
        asked.map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
    labels.extend(label(ours.control_plane, ours.owner));
    namespace.body["metadata"]["labels"] = Value::Object(labels);
    namespace
}

/// The field that manifests come from.
const DOCUMENT: &str = "YAMLDocument";

/// A manifest with its namespace and Causeway's labels. Only the object itself gets the labels: in a pod template they would claim the pods that
/// its controller creates.
fn place(manifest: Manifest, scope: Scope, namespace: &str, ours: &Ours<'_>) -> Object {
    let (group, version) = manifest.group_and_version();
    let namespace = match scope {
        Scope::Namespaced => Some(manifest.namespace().unwrap_or(namespace).to_owned()),
        Scope::Cluster => None,
    };
    let at = ObjectRef {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: manifest.kind().to_owned(),
        namespace,
        name: manifest.name().to_owned(),
    };
    let mut body = manifest.body;
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        match &at.namespace {
            Some(namespace) => metadata.insert("namespace".into(), Value::String(namespace.clone())),
            None => metadata.remove("namespace"),
        };
        let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        if !labels.is_object() {
            *labels = Value::Object(Map::new());
        }
        if let Some(labels) = labels.as_object_mut() {
            labels.extend(label(ours.control_plane, ours.owner));
        }
    }
    Object { keep: manifest.keep, ..Object::new(at, body) }
}

/// Scopes of the kinds that the manifests themselves define.
fn defined_scopes(manifests: &[Manifest]) -> BTreeMap<(String, String), Scope> {
    let definition = |manifest: &Manifest| {
        let spec = (manifest.kind() == "CustomResourceDefinition").then(|| &manifest.body["spec"])?;
        let scope = if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
        Some(((text(&spec["group"]).to_owned(), text(spec.pointer("/names/kind")?).to_owned()), scope))
    };
    manifests.iter().filter_map(definition).collect()
}

/// Group (empty for the core group) and kind.
fn group_and_kind(manifest: &Manifest) -> (String, String) {
    (manifest.group_and_version().0.to_owned(), manifest.kind().to_owned())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Order of application: objects that others refer to come first, those that can refuse others last.
fn rank(at: &ObjectRef) -> u8 {
    match at.kind.as_str() {
        "CustomResourceDefinition" => 0,
        "Namespace" => 1,
        "PriorityClass" | "StorageClass" | "RuntimeClass" | "IngressClass" | "GatewayClass" => 2,
        "ResourceQuota" | "LimitRange" | "NetworkPolicy" => 3,
        "ServiceAccount" | "Role" | "ClusterRole" => 4,
        "RoleBinding" | "ClusterRoleBinding" => 5,
        "ConfigMap" | "Secret" | "PersistentVolume" => 6,
        "PersistentVolumeClaim" => 7,
        "Service" => 8,
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Pod" => 9,
        "Job" | "CronJob" => 10,
        "HorizontalPodAutoscaler" | "PodDisruptionBudget" => 11,
        "MutatingWebhookConfiguration"
        | "ValidatingWebhookConfiguration"
        | "ValidatingAdmissionPolicyBinding"
        | "MutatingAdmissionPolicyBinding"
        | "APIService" => 13,
        _ => 12,
    }
}
