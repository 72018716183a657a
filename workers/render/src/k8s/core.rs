//! Kinds of the core API group.

use super::{ObjectKind, Ours};
use crate::plan::Object;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The server writes finalizers into its `spec`. Cluster-scoped.
pub const NAMESPACE: ObjectKind = ObjectKind { group: "", version: "v1", kind: "Namespace", exclusive: false };
/// It has `data` and no `spec`.
pub const SECRET: ObjectKind = ObjectKind { group: "", version: "v1", kind: "Secret", exclusive: false };
/// The server completes its `spec`.
pub const SERVICE: ObjectKind = ObjectKind { group: "", version: "v1", kind: "Service", exclusive: false };

/// A Namespace with Causeway's labels.
pub(crate) fn namespace(ours: &Ours<'_>, name: &str) -> Object {
    NAMESPACE.bare(ours, NAMESPACE.cluster(name))
}

/// A Secret with Causeway's labels, from plain texts.
pub(crate) fn secret(ours: &Ours<'_>, namespace: &str, name: &str, texts: &BTreeMap<&str, &str>) -> Object {
    let mut object = SECRET.bare(ours, SECRET.at(namespace, name));
    object.body["type"] = json!("Opaque");
    // `data` rather than `stringData`: the latter is never read back, so the two could not be compared.
    let data = texts.iter().map(|(key, text)| ((*key).to_owned(), Value::String(STANDARD.encode(text))));
    object.body["data"] = Value::Object(data.collect());
    object
}
