//! Workload instance: a namespace and the user's manifests in it.

mod manifests;
mod services;

pub use manifests::manifests;
pub use services::{ServiceFacts, ServicePort, services};

use crate::{
    InvalidInput,
    k8s::{self, Ours},
    labels::{Owner, label},
    plan::{Object, Plan},
};
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

/// The instance's namespace and its manifests. A manifest without a namespace goes into the instance's if its kind has namespaces: so
/// says the cluster, or a CustomResourceDefinition among the manifests. A kind that neither knows is taken for a namespaced one; the
/// cluster refuses it by name when it is applied.
pub fn render(inputs: &WorkloadInputs, scopes: Scopes<'_>) -> Result<Plan, InvalidInput> {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let namespace = &inputs.instance.object_name;
    let manifests = all_manifests(inputs)?;
    let defined = defined_scopes(&manifests);
    let mut taken = BTreeSet::from([k8s::core::NAMESPACE.cluster(namespace)]);
    let mut objects = Vec::new();
    for manifest in manifests {
        let (group, kind) = group_and_kind(&manifest);
        let scope = scopes(&group, &kind).or_else(|| defined.get(&(group, kind)).copied());
        let object = place(manifest, scope.unwrap_or(Scope::Namespaced), namespace, &ours);
        if !taken.insert(object.at.clone()) {
            let twice = format!("{} stands there twice; remove one, or rename it", object.at);
            return Err(InvalidInput::new("workload definition", &inputs.definition.spec.name, DOCUMENT, twice));
        }
        objects.push(object);
    }
    objects.sort_by(|a, b| (rank(&a.at), &a.at).cmp(&(rank(&b.at), &b.at)));
    objects.insert(0, k8s::core::namespace(&ours, namespace));
    Ok(objects.into())
}

/// The field that manifests come from.
const DOCUMENT: &str = "YAMLDocument";

/// The manifests of the document and the further ones, checked, as the user wrote them.
fn all_manifests(inputs: &WorkloadInputs) -> Result<Vec<Value>, InvalidInput> {
    let name = &inputs.definition.spec.name;
    let mut all = manifests(&inputs.definition.spec.yaml_document)
        .map_err(|why| InvalidInput::new("workload definition", name, DOCUMENT, why))?;
    for (index, resource) in inputs.resources.iter().enumerate() {
        let more = manifests::expand(resource.clone()).map_err(|why| {
            InvalidInput::new("workload definition", name, "JSONDefinition", format!("manifest {}: {why}", index + 1))
        })?;
        all.extend(more);
    }
    Ok(all)
}

/// A manifest with its namespace and Causeway's labels, and without the fields that a server wrote (manifests are often copied out of a cluster).
/// Only the object itself gets the labels: in a pod template they would claim the pods that its controller creates.
fn place(mut manifest: Value, scope: Scope, namespace: &str, ours: &Ours<'_>) -> Object {
    let (group, kind) = group_and_kind(&manifest);
    let version = text(&manifest["apiVersion"]).rsplit('/').next().unwrap_or_default().to_owned();
    let own_namespace =
        manifest.pointer("/metadata/namespace").map(text).filter(|own| !own.is_empty()).map(str::to_owned);
    let namespace = match scope {
        Scope::Namespaced => Some(own_namespace.unwrap_or_else(|| namespace.to_owned())),
        Scope::Cluster => None,
    };
    let name = manifest.pointer("/metadata/name").map(text).unwrap_or_default().to_owned();
    if let Some(body) = manifest.as_object_mut() {
        body.remove("status");
    }
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        for servers in [
            "creationTimestamp",
            "deletionTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
            "selfLink",
            "uid",
        ] {
            metadata.remove(servers);
        }
        match &namespace {
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
    let at = ObjectRef { group, version, kind, namespace, name };
    Object::new(at, manifest)
}

/// Scopes of the kinds that the manifests themselves define.
fn defined_scopes(manifests: &[Value]) -> BTreeMap<(String, String), Scope> {
    let definition = |manifest: &Value| {
        let spec = (manifest["kind"] == "CustomResourceDefinition").then(|| &manifest["spec"])?;
        let scope = if spec["scope"] == "Cluster" { Scope::Cluster } else { Scope::Namespaced };
        Some(((text(&spec["group"]).to_owned(), text(spec.pointer("/names/kind")?).to_owned()), scope))
    };
    manifests.iter().filter_map(definition).collect()
}

/// Group (empty for the core group) and kind.
fn group_and_kind(manifest: &Value) -> (String, String) {
    let group = text(&manifest["apiVersion"]).split_once('/').map_or("", |(group, _)| group);
    (group.to_owned(), text(&manifest["kind"]).to_owned())
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
