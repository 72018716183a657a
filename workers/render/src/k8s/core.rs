//! The core group.

use super::{Kind, Ours};
use crate::plan::Object;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A namespace. The server writes finalizers into its spec.
pub const NAMESPACE: Kind = Kind { group: "", version: "v1", kind: "Namespace", exclusive: false };
/// A secret. It has no spec.
pub const SECRET: Kind = Kind { group: "", version: "v1", kind: "Secret", exclusive: false };
/// A service. The server completes its spec.
pub const SERVICE: Kind = Kind { group: "", version: "v1", kind: "Service", exclusive: false };

/// A namespace of ours.
pub(crate) fn namespace(ours: &Ours<'_>, name: &str) -> Object {
    NAMESPACE.bare(ours, NAMESPACE.cluster(name))
}

/// A secret of ours, from plain texts.
pub(crate) fn secret(ours: &Ours<'_>, namespace: &str, name: &str, texts: &BTreeMap<&str, &str>) -> Object {
    let mut object = SECRET.bare(ours, SECRET.at(namespace, name));
    object.body["type"] = json!("Opaque");
    // `data` rather than `stringData`: the latter is never read back, so the two could not be compared.
    let data = texts.iter().map(|(key, text)| ((*key).to_owned(), Value::String(STANDARD.encode(text))));
    object.body["data"] = Value::Object(data.collect());
    object
}
