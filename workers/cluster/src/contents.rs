//! What a namespace or a kind still holds: neither is deleted as long as it holds somebody else's objects.

use causeway_records::inventory::ObjectRef;
use causeway_render::labels::CONTROL_PLANE;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    api::{DynamicObject, ListParams},
    core::Resource as _,
};
use serde_json::Value;

use super::{Cluster, ClusterError, LiveObject, ServedKind, apply::CONCURRENCY};

/// Enough to name some; one page, for a full page of anything is reason to wait or to stay.
const PAGE: u32 = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occupancy {
    /// Nothing but what Kubernetes itself puts there.
    Empty,
    /// This object, and perhaps others, which will go by itself: it is ours, or on its way out, or collected with its owner.
    Going(String),
    /// This object, which is somebody's.
    Foreign(String),
}

impl Occupancy {
    /// The weightier of two findings: one foreign object outweighs everything.
    fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Foreign(_), _) => self,
            (_, Self::Foreign(_)) => other,
            (Self::Going(_), _) => self,
            _ => other,
        }
    }
}

impl Cluster {
    /// What a namespace holds, over all kinds that discovery knows.
    ///
    /// # Errors
    /// Whatever leaves a kind unknown: emptiness is only claimed when every kind was seen.
    pub(crate) async fn contents_of_namespace(
        &self,
        control_plane: &str,
        namespace: &ObjectRef,
    ) -> Result<Occupancy, ClusterError> {
        let snapshot = self.discovery().fresh().await?;
        if let Some(group) = snapshot.silent().first() {
            let reason = format!("API group {group} does not say what it serves, so nobody knows whether it is empty");
            return Err(ClusterError::refused(namespace, reason));
        }
        let kinds: Vec<ServedKind> =
            snapshot.namespaced().filter(|kind| !is_by_product(&kind.resource.kind)).cloned().collect();
        stream::iter(kinds)
            .map(async |kind| self.contents_of(control_plane, &kind, Some(&namespace.name), namespace).await)
            .buffer_unordered(CONCURRENCY)
            .try_fold(Occupancy::Empty, async |sum, found| Ok(sum.or(found)))
            .await
    }

    /// What the cluster holds of the kind that a custom resource definition defines.
    pub(crate) async fn contents_of_definition(
        &self,
        control_plane: &str,
        at: &ObjectRef,
        definition: &LiveObject,
    ) -> Result<Occupancy, ClusterError> {
        let spec = &definition.body()["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let defined = ObjectRef {
            group: text(&spec["group"]),
            version: text(&spec["versions"][0]["name"]),
            kind: text(&spec["names"]["kind"]),
            namespace: None,
            name: String::new(),
        };
        match self.discovery().find(&defined).await? {
            Some(kind) => self.contents_of(control_plane, &kind, None, at).await,
            None => Ok(Occupancy::Foreign(format!("possibly some {}, which cannot be listed", defined.kind))),
        }
    }

    async fn contents_of(
        &self,
        control_plane: &str,
        kind: &ServedKind,
        namespace: Option<&str>,
        asked_for: &ObjectRef,
    ) -> Result<Occupancy, ClusterError> {
        let path = DynamicObject::url_path(&kind.resource, namespace);
        let request = kube::core::Request::new(path)
            .list_metadata(&ListParams::default().limit(PAGE))
            .map_err(|error| ClusterError::refused(asked_for, error.to_string()))?;
        let reply = self.send(request).await?;
        if reply.is_unknown_kind() && !self.still_serves(kind).await? {
            // Its definition went after discovery was asked, and took every object of the kind with it.
            return Ok(Occupancy::Empty);
        }
        if !reply.status.is_success() {
            let reason = format!("its {} cannot be listed: {}", kind.resource.plural, reply.message());
            return Err(ClusterError::refused(asked_for, reason));
        }
        let found = reply.items()?.iter().map(|item| weigh(&kind.resource.kind, item, control_plane));
        Ok(found.fold(Occupancy::Empty, Occupancy::or))
    }
}

impl Cluster {
    async fn still_serves(&self, kind: &ServedKind) -> Result<bool, ClusterError> {
        self.discovery().forget().await;
        self.discovery().serves(&kind.resource.group, &kind.resource.kind).await
    }
}

/// Kinds that only describe other objects or pass with them; none of them holds what somebody wanted.
fn is_by_product(kind: &str) -> bool {
    matches!(kind, "Event" | "Lease" | "Endpoints" | "EndpointSlice")
}

fn weigh(kind: &str, metadata: &Value, control_plane: &str) -> Occupancy {
    let object = &metadata["metadata"];
    let name = object["name"].as_str().unwrap_or_default();
    let label = || match object["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    };
    let owned = object["ownerReferences"].as_array().is_some_and(|owners| !owners.is_empty());
    if matches!((kind, name), ("ServiceAccount", "default") | ("ConfigMap", "kube-root-ca.crt")) {
        Occupancy::Empty
    } else if owned || object["deletionTimestamp"].is_string() || object["labels"][CONTROL_PLANE] == control_plane {
        Occupancy::Going(label())
    } else {
        Occupancy::Foreign(label())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn weighed(kind: &str, metadata: Value) -> Occupancy {
        weigh(kind, &json!({"metadata": metadata}), "cp1")
    }

    #[test]
    fn the_systems_defaults_are_nothing() {
        assert_eq!(weighed("ServiceAccount", json!({"name": "default"})), Occupancy::Empty);
        assert_eq!(weighed("ConfigMap", json!({"name": "kube-root-ca.crt"})), Occupancy::Empty);
        assert!(matches!(weighed("ServiceAccount", json!({"name": "other"})), Occupancy::Foreign(_)));
    }

    #[test]
    fn what_is_ours_or_follows_its_owner_will_go() {
        let going = [
            json!({"name": "a", "labels": {CONTROL_PLANE: "cp1"}}),
            json!({"name": "a", "ownerReferences": [{"uid": "u"}]}),
            json!({"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}),
        ];
        for metadata in going {
            assert_eq!(weighed("Pod", metadata), Occupancy::Going("Pod a".into()));
        }
    }

    #[test]
    fn one_foreign_object_outweighs_everything() {
        let foreign = weighed("Secret", json!({"name": "s", "namespace": "shop", "labels": {CONTROL_PLANE: "cp2"}}));
        assert_eq!(foreign, Occupancy::Foreign("Secret shop/s".into()));
        let going = Occupancy::Going("Pod a".into());
        assert_eq!(going.clone().or(foreign.clone()), foreign);
        assert_eq!(foreign.clone().or(going.clone()), foreign);
        assert_eq!(Occupancy::Empty.or(going.clone()), going);
    }
}
