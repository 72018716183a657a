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
    /// An autoscaler sets its number of replicas, which the manifest therefore leaves out.
    pub autoscaled: bool,
    /// Left in the cluster when the record goes (CRDs of a support service that others may have come to use).
    pub keep: bool,
    /// One of this name that nobody has marked as theirs becomes the record's, as it stands.
    pub take_over: bool,
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
    /// Manifests that are not applied, each with the annotation that says why.
    pub not_applied: Vec<String>,
    /// What the cluster takes and will not work as it is written, each with the next step.
    pub warnings: Vec<String>,
    /// What others of these objects have taken the place of.
    pub superseded: Superseded,
}

/// Objects that the record may have had, and which another one names no longer. That they go is no loss; but they stay until the controller of that
/// one has taken it up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Superseded {
    pub objects: Vec<ObjectRef>,
    /// The one that named them; None: there are none.
    pub by: Option<ObjectRef>,
}

impl From<Vec<Object>> for Plan {
    fn from(objects: Vec<Object>) -> Self {
        Self { objects, ..Self::default() }
    }
}

impl Plan {
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// About how much memory the objects take, in bytes.
    pub fn memory(&self) -> usize {
        self.objects.iter().map(|object| memory(&object.body)).sum()
    }

    /// Whether the record wants no object in the cluster.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Object {
    /// An object whose `spec` others may write too, and which goes with its record.
    pub fn new(at: ObjectRef, body: Value) -> Self {
        Self { at, body, exclusive: false, autoscaled: false, keep: false, take_over: false }
    }

    /// Changes exactly when the manifest changes.
    pub fn desired_hash(&self) -> String {
        hash(&self.body)
    }
}

/// What a value takes: its own place is 32 bytes, and a map makes room for eleven entries.
fn memory(value: &Value) -> usize {
    const PLACE: usize = size_of::<Value>();
    const ENTRY: usize = PLACE + size_of::<String>();
    PLACE
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(memory).sum(),
            Value::Object(map) if !map.is_empty() => {
                let entries: usize = map.iter().map(|(key, value)| key.len() + ENTRY + memory(value)).sum();
                11 * ENTRY + entries
            }
            _ => 0,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_plan_knows_what_it_takes() {
        let plan = |body: Value| {
            let at = ObjectRef {
                group: String::new(),
                version: "v1".into(),
                kind: "A".into(),
                namespace: None,
                name: "a".into(),
            };
            Plan::from(vec![Object::new(at, body)]).memory()
        };
        let text = plan(json!("x".repeat(1_000_000)));
        assert!((1_000_000..1_001_000).contains(&text), "{text}");
        let maps = plan(json!(vec![json!({"a": 1}); 1000]));
        assert!((600_000..900_000).contains(&maps), "{maps}");
        assert!(plan(json!({})) < 100);
    }
}
