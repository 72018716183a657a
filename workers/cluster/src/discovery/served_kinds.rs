//! What a cluster served at one moment, by group and kind.

use std::collections::{BTreeSet, HashMap};

use causeway_records::inventory::ObjectRef;
use kube::core::{
    ApiResource, GroupVersionKind,
    discovery::v2::{APIGroupDiscovery, APIResourceDiscovery},
};

/// One kind in one version, as the cluster serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedKind {
    pub resource: ApiResource,
    pub namespaced: bool,
    /// It can be listed and deleted: true for everything that is stored, false for reviews and metrics.
    pub stored: bool,
}

/// What a cluster served at one moment.
#[derive(Debug, Default)]
pub(crate) struct ServedKinds {
    /// By group and kind, the preferred version first.
    kinds: HashMap<(String, String), Vec<ServedKind>>,
    /// Groups whose own server doesn't answer, so that nothing is known of their kinds.
    silent: BTreeSet<String>,
}

impl ServedKinds {
    pub(super) fn from_groups(groups: Vec<APIGroupDiscovery>) -> Self {
        let mut snapshot = Self::default();
        for group in groups {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            for version in group.versions {
                if version.freshness.as_deref() == Some("Stale") {
                    snapshot.silent.insert(name.clone());
                }
                let number = version.version.unwrap_or_default();
                for kind in version.resources.iter().filter_map(|resource| served(&name, &number, resource)) {
                    snapshot.kinds.entry((name.clone(), kind.resource.kind.clone())).or_default().push(kind);
                }
            }
        }
        snapshot
    }

    fn versions(&self, at: &ObjectRef) -> &[ServedKind] {
        self.kinds.get(&(at.group.clone(), at.kind.clone())).map_or(&[], Vec::as_slice)
    }

    /// In the version of the reference, else in the one the cluster prefers.
    pub(super) fn find(&self, at: &ObjectRef) -> Option<&ServedKind> {
        let versions = self.versions(at);
        versions.iter().find(|kind| kind.resource.version == at.version).or(versions.first())
    }

    pub(super) fn find_exact(&self, at: &ObjectRef) -> Option<&ServedKind> {
        self.versions(at).iter().find(|kind| kind.resource.version == at.version)
    }

    /// Whether the kind is served in the version of the reference.
    pub(crate) fn serves_exactly(&self, at: &ObjectRef) -> bool {
        self.find_exact(at).is_some()
    }

    /// Each stored namespaced kind once, in its preferred version.
    pub(crate) fn namespaced(&self) -> impl Iterator<Item = &ServedKind> {
        self.kinds.values().filter_map(|versions| versions.first()).filter(|kind| kind.namespaced && kind.stored)
    }

    pub(crate) fn silent(&self) -> &BTreeSet<String> {
        &self.silent
    }
}

fn served(group: &str, version: &str, resource: &APIResourceDiscovery) -> Option<ServedKind> {
    let plural = resource.resource.as_deref()?;
    let said = resource.response_kind.as_ref()?;
    let kind = said.kind.as_deref()?;
    let gvk = GroupVersionKind::gvk(group, version, kind);
    let can = |verb: &str| resource.verbs.iter().any(|known| known == verb);
    Some(ServedKind {
        resource: ApiResource::from_gvk_with_plural(&gvk, plural),
        namespaced: resource.scope.as_deref() == Some("Namespaced"),
        stored: can("list") && can("delete"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot() -> ServedKinds {
        let resource = |plural: &str, kind: &str, scope: &str, verbs: &[&str]| json!({"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "verbs": verbs});
        let stored = ["get", "list", "delete"];
        let groups = json!([
            {"metadata": {"name": ""}, "versions": [{"version": "v1", "resources": [
                resource("namespaces", "Namespace", "Cluster", &stored),
                resource("configmaps", "ConfigMap", "Namespaced", &stored),
                resource("bindings", "Binding", "Namespaced", &["create"]),
            ]}]},
            {"metadata": {"name": "example.test"}, "versions": [
                {"version": "v2", "resources": [resource("widgets", "Widget", "Namespaced", &stored)]},
                {"version": "v1", "resources": [resource("widgets", "Widget", "Namespaced", &stored)]},
            ]},
            {"metadata": {"name": "down.test"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
        ]);
        ServedKinds::from_groups(serde_json::from_value(groups).unwrap())
    }

    fn widget(version: &str) -> ObjectRef {
        ObjectRef {
            group: "example.test".into(),
            version: version.into(),
            kind: "Widget".into(),
            namespace: None,
            name: "w".into(),
        }
    }

    #[test]
    fn a_version_that_is_gone_still_finds_the_kind_but_not_for_writing() {
        let snapshot = snapshot();
        let version = |kind: Option<&ServedKind>| kind.map(|kind| kind.resource.version.clone());
        assert_eq!(version(snapshot.find(&widget("v1"))).as_deref(), Some("v1"));
        assert_eq!(version(snapshot.find(&widget("v1beta1"))).as_deref(), Some("v2"));
        assert_eq!(version(snapshot.find_exact(&widget("v1beta1"))), None);
    }

    #[test]
    fn what_may_stand_in_a_namespace_is_each_stored_kind_once() {
        let snapshot = snapshot();
        let mut names: Vec<_> = snapshot.namespaced().map(|kind| kind.resource.kind.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["ConfigMap", "Widget"]);
        assert!(snapshot.silent().contains("down.test"));
    }
}
