//! Objects as the API server returns them, and the pure functions that say what of them matters.

use causeway_render::plan::hash;
use serde_json::{Map, Value, json};

use super::bounds;

/// An object as the API server returned it. Every accessor takes a malformed object for an empty one.
#[derive(Clone, PartialEq)]
pub struct LiveObject(Value);

/// Names the object and nothing of what is in it: it may be a Secret.
impl std::fmt::Debug for LiveObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.0["kind"].as_str().unwrap_or("object");
        let name = self.metadata("name").as_str().unwrap_or_default();
        write!(f, "{kind} {name} (uid {}, resourceVersion {})", self.uid(), self.resource_version())
    }
}

impl LiveObject {
    pub fn new(body: Value) -> Self {
        Self(body)
    }

    pub fn body(&self) -> &Value {
        &self.0
    }

    /// `metadata.uid`; empty if absent.
    pub fn uid(&self) -> &str {
        self.metadata("uid").as_str().unwrap_or_default()
    }

    /// `metadata.resourceVersion`; empty if absent.
    pub fn resource_version(&self) -> &str {
        self.metadata("resourceVersion").as_str().unwrap_or_default()
    }

    pub fn label(&self, name: &str) -> Option<&str> {
        self.metadata("labels")[name].as_str()
    }

    /// It was deleted and waits for its finalizers.
    pub fn is_deleting(&self) -> bool {
        self.metadata("deletionTimestamp").is_string()
    }

    /// Who still has to let go of it before it can vanish.
    pub fn finalizers(&self) -> Vec<&str> {
        strings(self.metadata("finalizers")).chain(strings(&self.0["spec"]["finalizers"])).collect()
    }

    /// The names under which fields of it were written, each once, in the order of the object.
    pub fn managers(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for entry in self.metadata("managedFields").as_array().into_iter().flatten() {
            if let Some(name) = entry["manager"].as_str()
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// See [`live_hash`].
    pub fn hash(&self, field_manager: &str) -> String {
        live_hash(&self.0, field_manager)
    }

    fn metadata(&self, field: &str) -> &Value {
        &self.0["metadata"][field]
    }
}

/// What keeps an object that was deleted from being gone, with the next step. A Namespace says itself what is left in it.
pub(crate) fn held_up(live: &LiveObject) -> String {
    let finalizers = live.finalizers();
    let conditions = live.0["status"]["conditions"].as_array().into_iter().flatten();
    let says = |condition: &&Value| {
        condition["status"] == "True" && condition["type"].as_str().is_some_and(|name| name.starts_with("Namespace"))
    };
    let said: Vec<_> = conditions.filter(says).filter_map(|condition| condition["message"].as_str()).collect();
    if live.0["kind"] == "Namespace" && !said.is_empty() {
        format!("its deletion is under way; the cluster says: {}", said.join("; "))
    } else if finalizers.is_empty() || live.0["kind"] == "Namespace" {
        "its deletion is under way".to_owned()
    } else {
        let names = finalizers.join(", ");
        format!("its deletion waits for finalizer {names}; see that the controller that sets it runs, or take it off")
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// A hash of what somebody else could change: everything outside `metadata` and `status`, and of the labels and
/// annotations those that `field_manager` set. Others may add theirs without an effect on the hash; if one of ours is changed or
/// removed, the API server takes it from our managed fields, and the hash changes.
///
/// `apiVersion` and `kind` are left out: objects in lists come without them.
pub fn live_hash(object: &Value, field_manager: &str) -> String {
    let mut seen = Map::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        if !matches!(name.as_str(), "apiVersion" | "kind" | "metadata" | "status") {
            seen.insert(name.clone(), value.clone());
        }
    }
    for field in ["labels", "annotations"] {
        seen.insert(format!("metadata.{field}"), ours(&object["metadata"], field, field_manager));
    }
    hash(&Value::Object(seen))
}

/// Whether this manager has applied fields of the object, rather than somebody else having made it with its labels.
pub fn is_applied_by(object: &Value, field_manager: &str) -> bool {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().any(|entry| entry["manager"] == field_manager && entry["operation"] == "Apply")
}

/// The entries of a map in `metadata` that we applied, with the values that they have now.
fn ours(metadata: &Value, field: &str, field_manager: &str) -> Value {
    let mut result = Map::new();
    for entry in metadata["managedFields"].as_array().into_iter().flatten() {
        if entry["manager"] != field_manager || entry["operation"] != "Apply" {
            continue;
        }
        let fields = &entry["fieldsV1"]["f:metadata"][format!("f:{field}")];
        for name in fields.as_object().into_iter().flatten().filter_map(|(key, _)| key.strip_prefix("f:")) {
            result.insert(name.to_owned(), metadata[field][name].clone());
        }
    }
    Value::Object(result)
}

/// Fields of a status that change all the time without meaning anything to us.
const VOLATILE: [&str; 6] = [
    "attachedRoutes",
    "attachedListenerSets",
    "lastTransitionTime",
    "lastUpdateTime",
    "lastHeartbeatTime",
    "lastProbeTime",
];

/// A status without the fields that change all the time, and with texts of a length that can be repeated in conditions.
pub fn stable_status(status: &Value) -> Value {
    match status {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !VOLATILE.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), stable_status(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(stable_status).collect(),
        Value::String(text) => bounds::cut(text.clone()).into(),
        other => other.clone(),
    }
}

/// Where two values differ first, as a path such as `listeners[2].port`; None if they are equal. A null and an absent field are the
/// same, as they are to the API server.
pub fn first_difference(desired: &Value, live: &Value) -> Option<String> {
    match (desired, live) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let below = first_difference(&desired[name.as_str()], &live[name.as_str()])?;
                let dot = if below.is_empty() || below.starts_with('[') { "" } else { "." };
                Some(format!("{name}{dot}{below}"))
            })
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            left.iter().zip(right).enumerate().find_map(|(index, (left, right))| {
                let below = first_difference(left, right)?;
                let dot = if below.is_empty() || below.starts_with('[') { "" } else { "." };
                Some(format!("[{index}]{dot}{below}"))
            })
        }
        _ if desired == live => None,
        _ => Some(String::new()),
    }
}

/// The live object with our `spec` in place of its own and everybody's metadata left as it is, bound to the state that was seen:
/// a replace with it removes what others put into the spec and nothing else.
pub(crate) fn with_spec(live: &LiveObject, spec: &Value) -> Value {
    let mut body = live.0.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("spec".to_owned(), spec.clone());
    }
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    body
}

/// The body bound to one state of one object, so that the API server refuses it for any other.
pub(crate) fn bound_to(body: &Value, uid: Option<&str>, resource_version: &str) -> Value {
    let mut body = body.clone();
    // A body without metadata cannot be bound, but it has no name either: the API server refuses it.
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("resourceVersion".to_owned(), json!(resource_version));
        if let Some(uid) = uid {
            metadata.insert("uid".to_owned(), json!(uid));
        }
    }
    body
}

#[cfg(test)]
mod tests;
