//! What a record wants to stand in its cluster.

use causeway_records::inventory::ObjectRef;
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
}

impl Object {
    /// Changes exactly when what we ask for changes.
    pub fn desired_hash(&self) -> String {
        hash(&self.body)
    }
}

/// A short stable hash of a JSON value: object keys are sorted by `serde_json`, so equal values have equal hashes.
pub fn hash(value: &Value) -> String {
    let mut digest = Sha256::new();
    // Neither a Value nor a digest refuses anything.
    let _ = serde_json::to_writer(&mut digest, value);
    let mut text = format!("{:x}", digest.finalize());
    text.truncate(32);
    text
}
