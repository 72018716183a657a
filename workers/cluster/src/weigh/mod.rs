//! Whose the objects in a namespace or of a kind are, and whether they go by themselves. Pure.

use std::collections::HashMap;

use causeway_records::inventory::ObjectRef;
use causeway_render::labels::{CONTROL_PLANE, OWNER};
use serde_json::Value;

use super::{FieldOwner, contents::Occupancy};

/// How many objects a sentence names.
const NAMED: usize = 10;
/// Owners of owners that are followed.
const DEPTH: usize = 10;

/// An owner reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerRef {
    /// Without a namespace: a namespaced owner is in that of the object.
    pub(crate) at: ObjectRef,
    pub(crate) uid: String,
}

/// What is known of one object from its metadata.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// `ConfigMap shop/a`.
    name: String,
    namespace: Option<String>,
    uid: String,
    owners: Vec<OwnerRef>,
    is_deleting: bool,
    /// The platform puts it into every namespace.
    is_by_product: bool,
    control_plane: Option<String>,
    owner_label: Option<String>,
}

/// What follows from one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Nothing,
    Going,
    /// Another record's, by its owner label.
    Others(String),
    /// Somebody's; with what has to be said beside its name.
    Foreign(String),
}

impl Weight {
    /// By the labels of control plane and owner; None for what isn't ours. What was let go of has no owner any more, and stays.
    pub(crate) fn of_labels(owner: &FieldOwner, labels: (Option<&str>, Option<&str>)) -> Option<Self> {
        match labels {
            (Some(id), Some(label)) if id == owner.control_plane() => {
                Some(if label == owner.label() { Self::Going } else { Self::Others(label.to_owned()) })
            }
            (Some(id), None) if id == owner.control_plane() => Some(Self::Foreign("kept".to_owned())),
            _ => None,
        }
    }
}

impl Content {
    /// Reads an item of a list of metadata.
    pub(crate) fn read(kind: &str, item: &Value) -> Self {
        let metadata = &item["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let namespace = metadata["namespace"].as_str();
        let name = match namespace {
            Some(namespace) => format!("{kind} {namespace}/{}", text("name")),
            None => format!("{kind} {}", text("name")),
        };
        let label = |name: &str| metadata["labels"][name].as_str().map(str::to_owned);
        Self {
            name,
            namespace: namespace.map(str::to_owned),
            uid: text("uid").to_owned(),
            owners: metadata["ownerReferences"].as_array().into_iter().flatten().map(owner_ref).collect(),
            is_deleting: metadata["deletionTimestamp"].is_string(),
            is_by_product: is_platforms(kind, metadata),
            control_plane: label(CONTROL_PLANE),
            owner_label: label(OWNER),
        }
    }
}

fn owner_ref(reference: &Value) -> OwnerRef {
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let (group, version) = text("apiVersion").rsplit_once('/').unwrap_or(("", text("apiVersion")));
    let at = ObjectRef {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("kind").to_owned(),
        namespace: None,
        name: text("name").to_owned(),
    };
    OwnerRef { at, uid: text("uid").to_owned() }
}

/// Kinds that only describe other objects or pass with them; none of them holds what somebody wanted.
pub(crate) fn is_by_product(kind: &str) -> bool {
    matches!(kind, "Event" | "Lease" | "Endpoints" | "EndpointSlice")
}

/// Service accounts that Kubernetes and OpenShift put into every namespace.
const ACCOUNTS: [&str; 3] = ["default", "builder", "deployer"];
/// Annotations that name the service account for which a Secret was made.
const ACCOUNT_OF: [&str; 2] =
    ["kubernetes.io/service-account.name", "openshift.io/internal-registry-auth-token.service-account"];

/// What Kubernetes, OpenShift and Istio put into every namespace.
fn is_platforms(kind: &str, metadata: &Value) -> bool {
    let name = metadata["name"].as_str().unwrap_or_default();
    match kind {
        "ConfigMap" => {
            matches!(name, "kube-root-ca.crt" | "openshift-service-ca.crt" | "istio-ca-root-cert" | "istio-ca-crl")
        }
        "ServiceAccount" => ACCOUNTS.contains(&name),
        "Secret" => {
            let accounts = ACCOUNT_OF.iter().filter_map(|of| metadata["annotations"][*of].as_str());
            accounts.into_iter().any(|account| ACCOUNTS.contains(&account))
        }
        "RoleBinding" => matches!(name, "system:deployers" | "system:image-builders" | "system:image-pullers"),
        _ => false,
    }
}

/// All objects, each with what follows from it.
pub(crate) struct Weighed<'a> {
    weights: Vec<(&'a Content, Result<Weight, &'a OwnerRef>)>,
}

/// Weighs objects. `known`: owners that aren't among them, by uid.
pub(crate) fn settle<'a>(owner: &FieldOwner, contents: &'a [Content], known: &HashMap<String, Weight>) -> Weighed<'a> {
    let by_uid: HashMap<&str, &Content> = contents.iter().map(|content| (content.uid.as_str(), content)).collect();
    let weight = |content| (content, weigh(owner, content, &by_uid, known, DEPTH));
    Weighed { weights: contents.iter().map(weight).collect() }
}

/// The owner on which it depends, if that is unknown.
fn weigh<'a>(
    owner: &FieldOwner,
    content: &'a Content,
    by_uid: &HashMap<&str, &'a Content>,
    known: &HashMap<String, Weight>,
    depth: usize,
) -> Result<Weight, &'a OwnerRef> {
    if content.is_by_product {
        return Ok(Weight::Nothing);
    }
    if content.is_deleting || depth == 0 {
        return Ok(Weight::Going);
    }
    if let Some(weight) = Weight::of_labels(owner, (content.control_plane.as_deref(), content.owner_label.as_deref())) {
        return Ok(weight);
    }
    let mut weights = Vec::new();
    for reference in &content.owners {
        weights.push(match (by_uid.get(reference.uid.as_str()), known.get(&reference.uid)) {
            (Some(listed), _) => weigh(owner, listed, by_uid, known, depth - 1)?,
            (None, Some(weight)) => weight.clone(),
            (None, None) => return Err(reference),
        });
    }
    // It stays for as long as one of its owners does.
    let stays = weights.iter().position(|weight| matches!(weight, Weight::Foreign(_)));
    let others = || weights.iter().position(|weight| matches!(weight, Weight::Others(_)));
    let going = || weights.iter().position(|weight| *weight == Weight::Going);
    Ok(match stays.or_else(others).or_else(going) {
        Some(at) => weights.swap_remove(at),
        None if weights.is_empty() => Weight::Foreign(String::new()),
        None => Weight::Nothing,
    })
}

impl Weighed<'_> {
    /// The owners that have to be looked up, each with the namespace of its object. None if something stays whatever they are.
    pub(crate) fn unknown_owners(&self, limit: usize) -> Vec<(OwnerRef, Option<String>)> {
        if self.weights.iter().any(|(_, weight)| matches!(weight, Ok(Weight::Foreign(_)))) {
            return Vec::new();
        }
        let mut unknown: Vec<(OwnerRef, Option<String>)> = Vec::new();
        for (content, weight) in &self.weights {
            if let Err(reference) = weight
                && !unknown.iter().any(|(known, _)| known.uid == reference.uid)
            {
                unknown.push(((*reference).clone(), content.namespace.clone()));
            }
        }
        unknown.truncate(limit);
        unknown
    }

    /// The weightiest: one object that stays outweighs all that go.
    pub(crate) fn occupancy(&self) -> Occupancy {
        let foreign: Vec<_> = self.weights.iter().filter_map(|(content, weight)| stays(content, weight)).collect();
        if !foreign.is_empty() {
            let more = foreign.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named: Vec<_> = foreign.into_iter().take(NAMED).collect();
            return Occupancy::Foreign(format!("{}{more}", named.join(", ")));
        }
        let find = |wanted: &dyn Fn(&Weight) -> bool| {
            self.weights.iter().find_map(|(content, weight)| match weight {
                // Whose owner is unknown is waited for.
                Err(_) => wanted(&Weight::Going).then(|| (content.name.clone(), Weight::Going)),
                Ok(weight) => wanted(weight).then(|| (content.name.clone(), weight.clone())),
            })
        };
        let going = find(&|weight| *weight == Weight::Going);
        match going.or_else(|| find(&|weight| matches!(weight, Weight::Others(_)))) {
            None => Occupancy::Empty,
            Some((what, Weight::Others(owner))) => Occupancy::Others { owner, what },
            Some((what, _)) => Occupancy::Going(what),
        }
    }
}

fn stays(content: &Content, weight: &Result<Weight, &OwnerRef>) -> Option<String> {
    match weight {
        Ok(Weight::Foreign(beside)) if beside.is_empty() => Some(content.name.clone()),
        Ok(Weight::Foreign(beside)) => Some(format!("{} ({beside})", content.name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
