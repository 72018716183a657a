//! Which objects in a cluster belong to a record: the worker's memory of what it made there.
//!
//! An entry is written *before* its object is applied (without a uid) and completed afterwards. A crash in between leaves an
//! entry that says "perhaps there", never an object that nobody remembers.

use serde::{Deserialize, Serialize};

/// Where an object stands in a cluster. Two versions of one kind are the same object, so the version takes no part in equality.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// API group; empty for the core group.
    pub group: String,
    /// API version without the group, `v1`.
    pub version: String,
    /// `Gateway`, `Service`.
    pub kind: String,
    /// None for what is cluster-scoped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectRef {
    /// What identity means: everything but the version.
    fn key(&self) -> (&str, &str, Option<&str>, &str) {
        (&self.group, &self.kind, self.namespace.as_deref(), &self.name)
    }

    /// `gateway.networking.k8s.io/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

impl PartialEq for ObjectRef {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for ObjectRef {}
impl PartialOrd for ObjectRef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ObjectRef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}
impl std::hash::Hash for ObjectRef {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}
/// `Gateway shop/web`, as a person would say it.
impl std::fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// One object of a record, as far as the worker knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryEntry {
    /// The object, by group, kind, namespace and name.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// The uid the API server gave it; None until an apply proved that the object is ours.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub uid: Option<String>,
    /// Hash of what we asked for in the last successful apply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub desired_hash: Option<String>,
    /// Hash of what stood in the cluster right after it: a different one later means that somebody changed the object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub live_hash: Option<String>,
    /// How it ended, if it is a Job that was seen to end or is gone: it isn't made again for the same manifest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<JobEnd>,
    /// Stays in the cluster when the record lets go of it. Stands here because the plan that said so is gone by then.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub keep: bool,
    /// It was decided to delete it: the brake lets it go without being asked again.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub going: bool,
    /// It was found by its labels, and no plan has asked for it since: a new generation is no word for its deletion.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub found: bool,
}

impl InventoryEntry {
    /// An entry of an object that is about to be made.
    pub fn intended(object: ObjectRef) -> Self {
        let (uid, desired_hash, live_hash, ended, keep, going, found) = Default::default();
        Self { object, uid, desired_hash, live_hash, ended, keep, going, found }
    }
}

/// How a Job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobEnd {
    /// It did what it was for.
    Complete,
    /// It gave up.
    Failed,
    /// It went when its time to live was over, and nobody was there to see how it ended.
    Unseen,
}

/// All objects of one record.
pub type Inventory = Vec<InventoryEntry>;
