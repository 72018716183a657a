//! The objects that a record wants in its cluster.

use causeway_records::inventory::ObjectRef;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A desired object: the whole manifest as it is applied.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// Group, kind, namespace and name of the object.
    pub at: ObjectRef,
    /// The manifest as it is sent, ownership labels included.
    pub body: Value,
    /// Only Causeway writes the `spec`: fields that others add are removed again. Off for kinds that other controllers complete
    /// (Deployments, webhook configurations, a user's manifests).
    pub exclusive: bool,
    /// Left in the cluster when the record goes (CRDs of a support service that others may have come to use).
    pub keep: bool,
    /// Hash of the inputs that the manifest was rendered from. Set by [`Plan::add`]; None where the manifest itself is hashed.
    pub input_hash: Option<String>,
}

/// Of a Secret only the name: its contents must not get into a log.
impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut object = f.debug_struct("Object");
        object.field("at", &self.at);
        if self.at.kind != "Secret" {
            object.field("body", &self.body);
        }
        object.field("exclusive", &self.exclusive).field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// The objects of one record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Objects to apply, in this order; pruning goes the other way.
    pub objects: Vec<Object>,
    /// Objects that belong to the plan and were not rendered, because they are in the cluster as last applied.
    pub unchanged: Vec<ObjectRef>,
}

/// Answers whether an object is in the cluster as last applied, and was rendered from inputs with this hash.
pub type UpToDate<'a> = &'a dyn Fn(&ObjectRef, &str) -> bool;

/// An [`UpToDate`] that has everything rendered.
pub fn nothing_up_to_date(_: &ObjectRef, _: &str) -> bool {
    false
}

impl From<Vec<Object>> for Plan {
    fn from(objects: Vec<Object>) -> Self {
        Self { objects, unchanged: Vec::new() }
    }
}

impl Plan {
    /// Adds an object that is rendered only if it is missing, was changed in the cluster, or has other inputs than last time. So a
    /// reconcile of a thousand equal listeners renders none of them.
    ///
    /// `inputs` must hold everything that `render` reads, and `revision` must be raised when `render` makes another manifest of the same
    /// inputs: otherwise objects in the cluster stay as an older release rendered them.
    pub(crate) fn add(
        &mut self,
        at: ObjectRef,
        revision: u32,
        inputs: &impl Serialize,
        up_to_date: UpToDate<'_>,
        render: impl FnOnce(ObjectRef) -> Object,
    ) {
        let input_hash = hash(&(revision, inputs));
        if up_to_date(&at, &input_hash) {
            self.unchanged.push(at);
        } else {
            self.objects.push(Object { input_hash: Some(input_hash), ..render(at) });
        }
    }

    /// The number of objects, rendered or not.
    pub fn len(&self) -> usize {
        self.objects.len() + self.unchanged.len()
    }

    /// Whether the record wants no object in the cluster.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Object {
    /// An object whose `spec` others may write too, and which goes with its record.
    pub fn new(at: ObjectRef, body: Value) -> Self {
        Self { at, body, exclusive: false, keep: false, input_hash: None }
    }

    /// Changes exactly when the manifest changes.
    pub fn desired_hash(&self) -> String {
        self.input_hash.clone().unwrap_or_else(|| hash(&self.body))
    }
}

/// A short stable hash of a value's JSON: the keys of a [`Value`] are sorted by `serde_json`, so equal ones have equal hashes.
pub fn hash(value: &impl Serialize) -> String {
    // Texts, numbers, lists and a Value can always be serialised.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut text = format!("{:x}", Sha256::digest(json));
    text.truncate(32);
    text
}
