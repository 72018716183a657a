//! The order in which objects need each other: waves, which apply goes through forwards and prune backwards.

use causeway_records::inventory::ObjectRef;

/// Objects of one wave don't need each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wave {
    /// Namespaces and custom resource definitions: without them the API server takes nothing else.
    Ground,
    /// Everything else that is cluster-scoped.
    Cluster,
    Namespaced,
}

impl Wave {
    pub(crate) const ALL: [Self; 3] = [Self::Ground, Self::Cluster, Self::Namespaced];

    pub(crate) fn for_object(at: &ObjectRef) -> Self {
        if is_namespace(at) || is_crd(at) {
            Self::Ground
        } else if at.namespace.is_none() {
            Self::Cluster
        } else {
            Self::Namespaced
        }
    }
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
    fn what_others_stand_on_comes_first() {
        let order = [
            at("", "Namespace", None),
            at("rbac.authorization.k8s.io", "ClusterRole", None),
            at("", "ConfigMap", Some("shop")),
        ];
        assert!(order.iter().map(Wave::for_object).is_sorted());
        assert_eq!(Wave::for_object(&at("apiextensions.k8s.io", "CustomResourceDefinition", None)), Wave::Ground);
    }
}
