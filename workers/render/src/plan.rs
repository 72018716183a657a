//! What a record wants to stand in its cluster.

use causeway_records::inventory::ObjectRef;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One object as we want it, whole: kind, name, labels, spec.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// Where it stands.
    pub at: ObjectRef,
    /// The manifest as it is sent, ownership labels included.
    pub body: Value,
    /// Nobody but us has a say in its `spec`: what others add there is removed again. Off for kinds that other controllers
    /// complete (Deployments, webhook configurations, a user's manifests).
    pub exclusive: bool,
    /// Left in the cluster when the record goes (CRDs of a support service that others may have come to use).
    pub keep: bool,
    /// Hash of what it was made of, where that says as much as the manifest; see [`Plan::add`].
    pub made_of: Option<String>,
}

/// Of a Secret only the name: what is in it must not get into a log.
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

/// The objects of one record, in the order in which they are applied; pruning goes the other way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In order of application.
    pub objects: Vec<Object>,
    /// Objects that belong to the plan and were not made again: they stand in the cluster as they were left.
    pub standing: Vec<ObjectRef>,
}

/// Says of an object, and the hash of what it would be made of, whether it stands in the cluster made of just that.
pub type Standing<'a> = &'a dyn Fn(&ObjectRef, &str) -> bool;

/// As if nothing stood.
pub fn nothing_stands(_: &ObjectRef, _: &str) -> bool {
    false
}

impl From<Vec<Object>> for Plan {
    fn from(objects: Vec<Object>) -> Self {
        Self { objects, standing: Vec::new() }
    }
}

impl Plan {
    /// Adds an object that is made only if it doesn't stand yet, or not made of the same: of a thousand that differ in nothing a pass should
    /// render none.
    ///
    /// `source` must tell whatever the manifest is made of, and `form` must be raised when it is made otherwise of the same.
    pub(crate) fn add(
        &mut self,
        at: ObjectRef,
        form: u32,
        source: &impl Serialize,
        standing: Standing<'_>,
        make: impl FnOnce(ObjectRef) -> Object,
    ) {
        let made_of = hash(&(form, source));
        if standing(&at, &made_of) {
            self.standing.push(at);
        } else {
            self.objects.push(Object { made_of: Some(made_of), ..make(at) });
        }
    }

    /// How many objects the record has.
    pub fn len(&self) -> usize {
        self.objects.len() + self.standing.len()
    }

    /// Whether the record has no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Object {
    /// An object in whose `spec` others may have a say, and which goes with its record.
    pub fn new(at: ObjectRef, body: Value) -> Self {
        Self { at, body, exclusive: false, keep: false, made_of: None }
    }

    /// Changes exactly when what we ask for changes.
    pub fn desired_hash(&self) -> String {
        self.made_of.clone().unwrap_or_else(|| hash(&self.body))
    }
}

/// A short stable hash of a value's JSON: the keys of a [`Value`] are sorted by `serde_json`, so equal ones have equal hashes.
pub fn hash(value: &impl Serialize) -> String {
    // Neither texts, numbers and lists nor a Value are refused.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut text = format!("{:x}", Sha256::digest(json));
    text.truncate(32);
    text
}
