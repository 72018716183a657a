use super::{KubernetesRuntimeInstance, Labels, Rules};
use crate::{
    problem::Problem,
    text::{Name, ObjectName},
};
use causeway_manifests::{Budget, read, read_value};
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a workload is: Kubernetes manifests.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "workload-definitions", reconciled)]
pub struct WorkloadDefinition {
    /// Unique among live workload definitions.
    #[noun(required, example = "shop")]
    pub name: Name,
    /// The manifests, as a stream of YAML documents.
    #[noun(
        required,
        sensitive,
        example = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{name: http, port: 80}]}\n"
    )]
    pub yaml_document: String,
}
impl Rules for WorkloadDefinition {
    const HAS_DOCUMENTS: bool = true;

    fn check_documents(&self, budget: &Budget) -> Vec<Problem> {
        let refused = read(&self.yaml_document, budget).err();
        refused.map(|error| Problem::new("YAMLDocument", error.to_string())).into_iter().collect()
    }
}

/// A workload in a cluster. Manifests without a namespace go into one that Causeway makes for the instance.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "workload-instances", reconciled)]
pub struct WorkloadInstance {
    /// Unique among live workload instances.
    #[noun(required, example = "shop")]
    pub name: Name,
    /// The cluster.
    #[noun(required, immutable, parent = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// What to run there.
    #[noun(required, parent = WorkloadDefinition)]
    pub workload_definition_id: i64,
    /// Free text of a client.
    pub status: Option<String>,
    /// Labels of the namespace that Causeway makes for the instance. A shared gateway may choose by them who attaches, so only admins change them.
    #[noun(no_filter)]
    pub namespace_labels: Option<Labels>,
    /// A namespace that is there already, instead of one that Causeway makes for the instance; unique in the cluster. Causeway neither makes nor deletes it.
    /// Only admins set it.
    #[noun(immutable)]
    pub namespace: Option<ObjectName>,
    /// With Namespace: give its objects back when the record goes, instead of deleting them. Only admins change it.
    pub keep_on_delete: Option<bool>,
}

/// The beginning of the labels by which Causeway knows its objects, and the one that the API server gives each namespace.
const RESERVED: [&str; 2] = ["causeway.dev/", "kubernetes.io/metadata.name"];

impl WorkloadInstance {
    /// Whether its objects stay when the record goes.
    pub fn is_kept(&self) -> bool {
        self.keep_on_delete == Some(true)
    }

    /// What doesn't go with its namespace.
    fn check_namespace(&self) -> Vec<Problem> {
        let labels = self.namespace_labels.as_ref().is_some_and(|labels| !labels.0.is_empty());
        let is_long =
            self.namespace.as_ref().is_some_and(|name| name.as_str().len() > 63 || name.as_str().contains('.'));
        let wrong = [
            (is_long, "Namespace", "is no name of a namespace: a label of DNS, at most 63 characters without a dot"),
            (
                self.namespace.is_some() && labels,
                "NamespaceLabels",
                "are those of a namespace that Causeway makes; leave them out with Namespace",
            ),
            (
                self.is_kept() && self.namespace.is_none(),
                "KeepOnDelete",
                "goes with Namespace: the namespace that Causeway makes goes with the record; leave it out",
            ),
        ];
        wrong.into_iter().filter(|(is, ..)| *is).map(|(_, field, problem)| Problem::new(field, problem)).collect()
    }
}

impl Rules for WorkloadInstance {
    fn check(&self) -> Vec<Problem> {
        let namespace = self.check_namespace();
        let Some(labels) = &self.namespace_labels else { return namespace };
        let reserved = labels.0.keys().filter(|key| RESERVED.iter().any(|reserved| key.starts_with(reserved)));
        let reserved =
            reserved.map(|key| Problem::new("NamespaceLabels", format!("{key} is set by the system; leave it out")));
        namespace.into_iter().chain(labels.check("NamespaceLabels")).chain(reserved).collect()
    }

    /// A team is no editor of what lets it in, and chooses no namespace of somebody else.
    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        let changed = [
            ("NamespaceLabels", self.namespace_labels != before.namespace_labels),
            ("Namespace", self.namespace != before.namespace),
            ("KeepOnDelete", self.is_kept() != before.is_kept()),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect()
    }
}

/// One more manifest of a workload definition, beside its YAML document.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "workload-resource-definitions")]
pub struct WorkloadResourceDefinition {
    /// The manifest.
    #[noun(
        required,
        sensitive,
        json = "JSONDefinition",
        example = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"colour":"blue"}}"#
    )]
    pub json_definition: Value,
    /// The workload it belongs to.
    #[noun(required, part_of = WorkloadDefinition)]
    pub workload_definition_id: i64,
}

impl Rules for WorkloadResourceDefinition {
    fn check(&self) -> Vec<Problem> {
        let text =
            |key: &str| self.json_definition.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if text("apiVersion") && text("kind") {
            vec![]
        } else {
            let problem = "is no Kubernetes manifest; it needs apiVersion, kind and metadata.name";
            vec![Problem::new("JSONDefinition", problem)]
        }
    }

    const HAS_DOCUMENTS: bool = true;

    fn check_documents(&self, budget: &Budget) -> Vec<Problem> {
        let refused = read_value(self.json_definition.clone(), budget).err();
        refused.map(|error| Problem::new("JSONDefinition", error.problem)).into_iter().collect()
    }
}

/// One object of a workload instance in its cluster, as last seen. Written by workers.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "workload-resource-instances")]
pub struct WorkloadResourceInstance {
    /// The manifest as applied.
    #[noun(
        required,
        sensitive,
        json = "JSONDefinition",
        example = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"colour":"blue"}}"#
    )]
    pub json_definition: Value,
    /// The workload instance it belongs to.
    #[noun(required, part_of = WorkloadInstance)]
    pub workload_instance_id: i64,
    /// What was last done with it.
    pub last_operation: Option<String>,
    /// It stands in the cluster as asked for.
    #[noun(default = Some(false))]
    pub reconciled: Option<bool>,
    /// The object's state in the cluster.
    #[noun(sensitive)]
    pub runtime_definition: Option<Value>,
    /// It is about to be deleted.
    pub scheduled_for_deletion: Option<DateTime<Utc>>,
}
impl Rules for WorkloadResourceInstance {}

/// Something that happened to an object of a workload in its cluster.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "workload-events")]
pub struct WorkloadEvent {
    /// Uid of the Kubernetes Event.
    #[noun(required, example = "1c9d6f2e-7a34-4c1b-9a55-0d5f3f6b8a21")]
    pub runtime_event_uid: String,
    /// `Normal` or `Warning`.
    #[noun(required, example = "Normal")]
    pub r#type: String,
    /// One word.
    #[noun(required, example = "Scheduled")]
    pub reason: String,
    /// A sentence.
    #[noun(required, example = "the pod web-0 runs on node-1")]
    pub message: String,
    /// When it happened.
    #[noun(required)]
    pub timestamp: DateTime<Utc>,
    /// The workload instance it happened to.
    #[noun(part_of = WorkloadInstance)]
    pub workload_instance_id: Option<i64>,
    /// The object it happened to.
    #[noun(part_of = WorkloadResourceInstance)]
    pub workload_resource_instance_id: Option<i64>,
    /// Not used by Causeway.
    pub helm_workload_instance_id: Option<i64>,
}
impl Rules for WorkloadEvent {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_of_a_namespace_are_an_admins_and_not_the_systems() {
        let of = |key: &str| WorkloadInstance {
            namespace_labels: Some(Labels([(key.to_owned(), "workloads".to_owned())].into())),
            ..WorkloadInstance::default()
        };
        assert!(of("purpose").check().is_empty());
        for reserved in ["causeway.dev/owner", "kubernetes.io/metadata.name"] {
            let problems = of(reserved).check();
            assert!(problems.len() == 1 && problems[0].problem.contains("is set by the system"), "{problems:?}");
        }
        let none = WorkloadInstance::default();
        assert_eq!(of("purpose").for_admins(&none), ["NamespaceLabels"]);
        assert_eq!(none.for_admins(&of("purpose")), ["NamespaceLabels"], "what is taken away is changed, too");
        assert!(of("purpose").for_admins(&of("purpose")).is_empty() && none.for_admins(&none).is_empty());
    }

    #[test]
    fn a_namespace_of_somebody_else_is_named_by_an_admin_and_stays_as_it_is() {
        let of = |name: &str| WorkloadInstance { namespace: name.parse().ok(), ..WorkloadInstance::default() };
        let told = |instance: &WorkloadInstance| instance.check().iter().map(ToString::to_string).collect::<String>();
        let kept = WorkloadInstance { keep_on_delete: Some(true), ..of("shop") };
        assert_eq!((told(&of("shop")), told(&kept)), (String::new(), String::new()));
        assert!(told(&of("a.shop")).starts_with("Namespace: is no name of a namespace"), "{}", told(&of("a.shop")));
        let labels = Some(Labels([("purpose".to_owned(), "workloads".to_owned())].into()));
        let labelled = WorkloadInstance { namespace_labels: labels, ..of("shop") };
        assert!(told(&labelled).starts_with("NamespaceLabels: are those of a namespace that Causeway makes"));
        let homeless = WorkloadInstance { namespace: None, ..kept.clone() };
        assert!(told(&homeless).starts_with("KeepOnDelete: goes with Namespace"), "{}", told(&homeless));
        assert_eq!(kept.for_admins(&WorkloadInstance::default()), ["Namespace", "KeepOnDelete"]);
    }

    #[test]
    fn documents_are_checked_with_the_place() {
        let problems = |text: &str| {
            let definition = WorkloadDefinition { yaml_document: text.into(), ..Default::default() };
            definition
                .check_documents(&Budget::default())
                .into_iter()
                .map(|problem| (problem.field, problem.problem))
                .collect::<Vec<_>>()
        };
        assert_eq!(problems("---\n{}\n"), []);
        let problem = "document 2, line 2: Pod has no apiVersion; add one, such as `apiVersion: apps/v1`".to_owned();
        assert_eq!(problems("---\n--- {kind: Pod}"), [("YAMLDocument".into(), problem)]);
        let resource = |json_definition| WorkloadResourceDefinition { json_definition, ..Default::default() };
        assert_eq!(resource(Value::Null).check_documents(&Budget::default()), []);
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod"}]});
        let problems = resource(list).check_documents(&Budget::default());
        assert_eq!(problems[0].problem, "item 1: Pod has no metadata.name; add one");
    }
}
