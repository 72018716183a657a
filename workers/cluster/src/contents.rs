//! What a namespace or a kind still holds: neither is deleted as long as it holds somebody else's objects.
//!
//! Objects are listed by their metadata and weighed (`weigh.rs`, pure). Of one that has an owner the owner decides, which is looked up where it
//! isn't among them.

use std::collections::HashMap;

use causeway_records::inventory::ObjectRef;
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    api::{DynamicObject, ListParams},
    core::Resource as _,
};
use serde_json::Value;

use super::{
    Cluster, ClusterError, FieldOwner, LiveObject, Lookup, ServedKind,
    apply::CONCURRENCY,
    weigh::{Content, OwnerRef, Weight, is_by_product, settle},
};

/// Enough to name some; one page, for a full page of anything is reason to wait or to stay.
const PAGE: u32 = 50;
/// Owners that are looked up. What has further ones is waited for until there are fewer.
const OWNERS: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occupancy {
    /// Nothing but what Kubernetes or its platform puts there.
    Empty,
    /// This object, and perhaps others, which will go by itself: it is ours, or on its way out, or collected with its owner.
    Going(String),
    /// This object of another record, whose owner label it is.
    Others { owner: String, what: String },
    /// These objects, which are somebody's.
    Foreign(String),
}

impl Cluster {
    /// What a namespace holds, over all kinds that discovery knows.
    ///
    /// # Errors
    /// Whatever leaves a kind unknown: emptiness is only claimed when every kind was seen.
    pub(crate) async fn contents_of_namespace(
        &self,
        owner: &FieldOwner,
        namespace: &ObjectRef,
    ) -> Result<Occupancy, ClusterError> {
        let snapshot = self.discovery().fresh().await?;
        if let Some(group) = snapshot.silent().first() {
            let reason = format!(
                "API group {group} does not say what it serves, so nobody knows whether it is empty; have its API server run, or delete its APIService"
            );
            return Err(ClusterError::refused(namespace, reason));
        }
        let kinds: Vec<ServedKind> =
            snapshot.namespaced().filter(|kind| !is_by_product(&kind.resource.kind)).cloned().collect();
        let contents = stream::iter(kinds)
            .map(async |kind| self.contents_of(&kind, Some(&namespace.name), namespace).await)
            .buffer_unordered(CONCURRENCY)
            .try_concat()
            .await?;
        self.weigh_all(owner, contents).await
    }

    /// What the cluster holds of the kind that a custom resource definition defines.
    pub(crate) async fn contents_of_definition(
        &self,
        owner: &FieldOwner,
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
            Some(kind) => {
                let contents = self.contents_of(&kind, None, at).await?;
                self.weigh_all(owner, contents).await
            }
            None => Ok(Occupancy::Foreign(format!("possibly some {}, which cannot be listed", defined.kind))),
        }
    }

    /// Looks up the owners on which it depends, and sums up.
    async fn weigh_all(&self, owner: &FieldOwner, contents: Vec<Content>) -> Result<Occupancy, ClusterError> {
        let mut known: HashMap<String, Weight> = HashMap::new();
        let missing: Vec<(OwnerRef, Option<String>)> = settle(owner, &contents, &known).unknown_owners(OWNERS);
        for (reference, namespace) in missing {
            let weight = self.weigh_owner(owner, &reference, namespace).await?;
            known.insert(reference.uid, weight);
        }
        Ok(settle(owner, &contents, &known).occupancy())
    }

    /// What follows for an object from an owner that isn't among the objects that were listed.
    async fn weigh_owner(
        &self,
        owner: &FieldOwner,
        reference: &OwnerRef,
        namespace: Option<String>,
    ) -> Result<Weight, ClusterError> {
        let at = ObjectRef { namespace: None, ..reference.at.clone() };
        // Without its kind the garbage collector can't tell either; then nothing is collected, and nothing is there to be harmed.
        let Some(kind) = self.discovery().find(&at).await? else { return Ok(Weight::Going) };
        let at = ObjectRef { namespace: namespace.filter(|_| kind.namespaced), ..at };
        if !kind.can_hold(&at) {
            return Ok(Weight::Going);
        }
        Ok(match self.get(&at).await? {
            Lookup::Found(live) if live.uid() == reference.uid && !live.is_deleting() => {
                let labels = (live.label(CONTROL_PLANE), live.label(OWNER));
                Weight::of_labels(owner, labels).unwrap_or_else(|| Weight::Foreign(format!("of {at}")))
            }
            Lookup::Found(_) | Lookup::Absent | Lookup::NotServed => Weight::Going,
        })
    }

    async fn contents_of(
        &self,
        kind: &ServedKind,
        namespace: Option<&str>,
        asked_for: &ObjectRef,
    ) -> Result<Vec<Content>, ClusterError> {
        let path = DynamicObject::url_path(&kind.resource, namespace);
        let request = kube::core::Request::new(path)
            .list_metadata(&ListParams::default().limit(PAGE))
            .map_err(|error| ClusterError::refused(asked_for, error.to_string()))?;
        let reply = self.attribute(asked_for, self.send(request).await).await?;
        if reply.is_unknown_kind() && !self.still_serves(kind).await? {
            // Its definition went after discovery was asked, and took every object of the kind with it.
            return Ok(Vec::new());
        }
        if !reply.status.is_success() {
            let reason = format!(
                "its {} cannot be listed, so nobody knows whether it is empty: {}; grant list of this kind to Causeway's user in this cluster",
                kind.resource.plural,
                reply.message()
            );
            return Err(ClusterError::refused(asked_for, reason));
        }
        let items = self.attribute(asked_for, reply.items()).await?;
        Ok(items.iter().map(|item| Content::read(&kind.resource.kind, item)).collect())
    }

    async fn still_serves(&self, kind: &ServedKind) -> Result<bool, ClusterError> {
        self.discovery().forget().await;
        self.discovery().serves(&kind.resource.group, &kind.resource.kind).await
    }
}
