//! The order in which objects need each other: waves, which apply goes through forwards and prune backwards.
//!
//! ```text
//!  apply ──▶  Ground ─ Settings ─ Programs ─ ClusterCustom ─ Custom ─ Refusing  ◀── prune
//! ```
//!
//! A custom resource comes after the program that works on it, and goes while that program still runs: only then is there somebody who takes
//! its finalizer off.

use causeway_records::inventory::ObjectRef;

/// Objects of one wave don't need each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wave {
    /// Namespaces and custom resource definitions: without them the API server takes nothing else.
    Ground,
    /// What programs read and what they may do: configuration, storage, RBAC, Services.
    Settings,
    /// What runs, and the APIs that it serves.
    Programs,
    /// Custom resources that are cluster-scoped: those with a namespace refer to them, as a Gateway does to its class.
    ClusterCustom,
    /// The other custom resources.
    Custom,
    /// What refuses objects of others: its own server would be among them.
    Refusing,
}

/// The API groups of Kubernetes itself; objects of all others are custom resources, or come from an aggregated API server.
const BUILT_IN: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

impl Wave {
    pub(crate) const ALL: [Self; 6] =
        [Self::Ground, Self::Settings, Self::Programs, Self::ClusterCustom, Self::Custom, Self::Refusing];

    pub(crate) fn for_object(at: &ObjectRef) -> Self {
        match (at.group.as_str(), at.kind.as_str()) {
            _ if is_namespace(at) || is_crd(at) => Self::Ground,
            ("admissionregistration.k8s.io", kind) if refuses(kind) => Self::Refusing,
            ("apps" | "batch" | "autoscaling" | "policy" | "apiregistration.k8s.io", _) => Self::Programs,
            ("", "Pod" | "ReplicationController") => Self::Programs,
            (group, _) if BUILT_IN.contains(&group) => Self::Settings,
            _ if at.namespace.is_none() => Self::ClusterCustom,
            _ => Self::Custom,
        }
    }

    /// Whether this wave is not applied because an object of an earlier one failed. Without its namespace or kind nothing can be made. What
    /// refuses others has to wait for all of them; for everything else it is enough to come later.
    pub(crate) fn needs(self, failed: Self) -> bool {
        failed == Self::Ground || self == Self::Refusing
    }
}

/// A ValidatingAdmissionPolicy alone does nothing, its binding does.
fn refuses(kind: &str) -> bool {
    kind.ends_with("WebhookConfiguration") || kind.ends_with("AdmissionPolicyBinding")
}

pub(crate) fn is_namespace(at: &ObjectRef) -> bool {
    at.group.is_empty() && at.kind == "Namespace"
}

pub(crate) fn is_crd(at: &ObjectRef) -> bool {
    at.group == "apiextensions.k8s.io" && at.kind == "CustomResourceDefinition"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::at;

    #[test]
    fn what_others_stand_on_comes_first_and_what_refuses_others_last() {
        let shop = Some("shop");
        let order = [
            vec![at("", "Namespace", None), at("apiextensions.k8s.io", "CustomResourceDefinition", None)],
            vec![
                at("rbac.authorization.k8s.io", "ClusterRole", None),
                at("", "ConfigMap", shop),
                at("", "ServiceAccount", shop),
                at("", "Service", shop),
                at("networking.k8s.io", "Ingress", shop),
                at("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", None),
            ],
            vec![
                at("apps", "Deployment", shop),
                at("batch", "Job", shop),
                at("", "Pod", shop),
                at("apiregistration.k8s.io", "APIService", None),
            ],
            vec![
                at("gateway.networking.k8s.io", "GatewayClass", None),
                at("cert-manager.io", "ClusterIssuer", None),
                at("example.org", "Namespace", None),
            ],
            vec![at("gateway.networking.k8s.io", "Gateway", shop), at("apps.example.org", "Deployment", shop)],
            vec![
                at("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", None),
                at("admissionregistration.k8s.io", "MutatingWebhookConfiguration", None),
                at("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", None),
            ],
        ];
        for (objects, wave) in order.iter().zip(Wave::ALL) {
            for object in objects {
                assert_eq!(Wave::for_object(object), wave, "{object} of {}", object.group);
            }
        }
        assert!(Wave::ALL.is_sorted());
    }

    #[test]
    fn one_that_failed_holds_up_only_what_needs_it() {
        assert!(Wave::ALL.iter().skip(1).all(|wave| wave.needs(Wave::Ground)));
        assert!(Wave::ALL.iter().rev().skip(1).all(|failed| Wave::Refusing.needs(*failed)));
        assert!(!Wave::Programs.needs(Wave::Settings) && !Wave::Custom.needs(Wave::Programs));
    }
}
