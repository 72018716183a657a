//! The objects of a record of any kind, from its inputs alone: what a worker applies, for those who want to see it without a cluster.

use crate::{
    InvalidInput, domain_name, gateway, listener_set,
    plan::Plan,
    shared_gateway,
    workload::{self, Scope},
};
use causeway_manifests::Manifest;
use causeway_records::inputs::{AnyInputs, KnownScopes, WorkloadInputs};

/// Groups of Kubernetes itself whose kinds are known without asking a cluster.
const BUILT_IN: &[&str] = &[
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "autoscaling",
    "batch",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Those of their kinds that have no namespace.
const OF_THE_CLUSTER: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "CSIDriver",
    "CSINode",
    "CustomResourceDefinition",
    "IngressClass",
    "IPAddress",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "ServiceCIDR",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// The objects, as the record's worker applies them. Of a workload this takes time for each byte of its manifests.
pub fn render(inputs: &AnyInputs) -> Result<Plan, InvalidInput> {
    match inputs {
        AnyInputs::Workload(inputs, known) => workload(inputs, known),
        AnyInputs::SharedGateway(inputs) => shared_gateway::render(inputs),
        AnyInputs::ListenerSet(inputs) => listener_set::render(inputs),
        AnyInputs::Gateway(inputs) => gateway::render(inputs),
        AnyInputs::DomainName(inputs, states) => {
            Ok(domain_name::render(inputs, &domain_name::published_targets(inputs, states)))
        }
    }
}

/// A kind that neither Kubernetes nor the manifests define, and that the workload has no object of yet, is one that only the cluster knows.
fn workload(inputs: &WorkloadInputs, known: &KnownScopes) -> Result<Plan, InvalidInput> {
    let manifests = workload::manifests(inputs)?;
    let scope = |group: &str, kind: &str| scope(known, group, kind);
    if let Some((group, _, kind)) = workload::kinds(&manifests)
        .into_iter()
        .find(|(group, _, kind)| scope(group, kind).is_none() && !defines(&manifests, group, kind))
    {
        let why = format!(
            "whether a {kind} of group {group} has a namespace is known only to the cluster; ask again when the workload was applied"
        );
        return Err(InvalidInput::new("workload definition", &inputs.definition.spec.name, "YAMLDocument", why));
    }
    workload::render(inputs, manifests, &scope)
}

fn scope(known: &KnownScopes, group: &str, kind: &str) -> Option<Scope> {
    let namespaced = match known.get(&(group.to_owned(), kind.to_owned())) {
        Some(namespaced) => *namespaced,
        None if BUILT_IN.contains(&group) => !OF_THE_CLUSTER.contains(&kind),
        None => return None,
    };
    Some(if namespaced { Scope::Namespaced } else { Scope::Cluster })
}

fn defines(manifests: &[Manifest], group: &str, kind: &str) -> bool {
    let is_it = |body: &serde_json::Value| body["spec"]["group"] == group && body["spec"]["names"]["kind"] == kind;
    manifests.iter().any(|manifest| manifest.kind() == "CustomResourceDefinition" && is_it(&manifest.body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{hostnames, samples};
    use causeway_records::inputs::GatewayStates;
    use serde_json::json;

    #[test]
    fn every_sample_is_rendered_as_by_its_own_module() {
        for (name, scene) in samples::scenes() {
            let shared = scene
                .shared
                .iter()
                .map(|inputs| (AnyInputs::SharedGateway(Box::new(inputs.clone())), shared_gateway::render(inputs)));
            let sets = scene
                .listener_sets
                .iter()
                .map(|inputs| (AnyInputs::ListenerSet(Box::new(inputs.clone())), listener_set::render(inputs)));
            let gateways = scene
                .gateways
                .iter()
                .map(|inputs| (AnyInputs::Gateway(Box::new(inputs.clone())), gateway::render(inputs)));
            for (inputs, own) in shared.chain(sets).chain(gateways) {
                assert_eq!(render(&inputs), own, "{name}");
            }
        }
    }

    #[test]
    fn a_domain_name_has_the_addresses_that_its_gateways_published() {
        let (mut inputs, targets) = samples::domain_name();
        let wanted = domain_name::wanted(&inputs, &targets);
        inputs.published = hostnames::intended(&inputs, &wanted, &samples::zones(), None);
        let state = |values: &[&str]| json!({"addresses": values.iter().map(|value| json!({"value": value})).collect::<Vec<_>>()});
        let states =
            GatewayStates::from([(302, state(&["192.0.2.1", "2001:db8::1"])), (309, state(&["lb-1.example.net"]))]);
        let own = domain_name::render(&inputs, &targets);
        assert!(!own.is_empty());
        assert_eq!(render(&AnyInputs::DomainName(Box::new(inputs.clone()), states)), Ok(own));
        assert_eq!(render(&AnyInputs::DomainName(Box::new(inputs), GatewayStates::new())), Ok(Plan::default()));
    }

    #[test]
    fn the_kinds_of_kubernetes_need_no_cluster() {
        let inputs = samples::workload(11, "shop");
        let with = |more: &str, known: &KnownScopes| {
            let mut inputs = inputs.clone();
            inputs.definition.spec.yaml_document = format!("{}---\n{more}", samples::MANIFESTS);
            render(&AnyInputs::Workload(Box::new(inputs), known.clone()))
        };
        let none = KnownScopes::new();
        let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n";
        let plan = with(role, &none).unwrap();
        assert!(plan.objects.iter().any(|object| object.at.kind == "ClusterRole" && object.at.namespace.is_none()));
        let widget = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: a}\n";
        let refused = with(widget, &none).unwrap_err().to_string();
        assert!(refused.contains("Widget") && refused.contains("only to the cluster"), "{refused}");
        let key = ("example.org".to_owned(), "Widget".to_owned());
        for namespaced in [false, true] {
            let plan = with(widget, &[(key.clone(), namespaced)].into()).unwrap();
            let found = plan.objects.iter().find(|object| object.at.kind == "Widget").unwrap();
            assert_eq!(found.at.namespace.is_some(), namespaced);
        }
        let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.org}\n\
            spec: {group: example.org, scope: Cluster, names: {kind: Widget}}\n";
        assert!(with(&format!("{definition}---\n{widget}"), &none).is_ok(), "the manifests define it");
    }
}
