//! Where the objects of unit tests are in the cluster.

use causeway_records::inventory::ObjectRef;

pub(crate) fn at(group: &str, kind: &str, namespace: Option<&str>) -> ObjectRef {
    ObjectRef {
        group: group.into(),
        version: "v1".into(),
        kind: kind.into(),
        namespace: namespace.map(Into::into),
        name: "x".into(),
    }
}

/// A ConfigMap in namespace shop.
pub(crate) fn config_map(name: &str) -> ObjectRef {
    ObjectRef { name: name.into(), ..at("", "ConfigMap", Some("shop")) }
}
