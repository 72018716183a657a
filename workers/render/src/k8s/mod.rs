//! Kubernetes objects as small typed structs: only the fields that Causeway sets.
//!
//! Objects of kinds that only Causeway writes are compared with the live object field by field. Their structs therefore write out every value
//! that the API server would otherwise fill in, and leave out what it leaves out.

pub mod cert_manager;
pub mod core;
pub mod external_dns;
pub mod gateway_api;

use crate::{
    labels::{Owner, label},
    plan::Object,
};
use causeway_records::inventory::ObjectRef;
use serde::Serialize;
use serde_json::{Value, json};

/// A kind of object, in the API version that Causeway writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectKind {
    /// Empty for the core group.
    pub group: &'static str,
    /// `v1`, without the group.
    pub version: &'static str,
    /// As in a manifest: `Gateway`.
    pub kind: &'static str,
    /// Only Causeway writes the `spec`, see [`Object::exclusive`].
    pub exclusive: bool,
}

impl ObjectKind {
    /// The reference to an object of this kind in a namespace.
    pub fn at(&self, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef { namespace: Some(namespace.to_owned()), ..self.cluster(name) }
    }

    /// The reference to a cluster-scoped object of this kind.
    pub fn cluster(&self, name: &str) -> ObjectRef {
        ObjectRef {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            kind: self.kind.to_owned(),
            namespace: None,
            name: name.to_owned(),
        }
    }

    /// Whether an object is of this kind, in any version.
    pub fn is(&self, at: &ObjectRef) -> bool {
        at.group == self.group && at.kind == self.kind
    }

    /// The object with its `spec` and the owner's labels.
    pub(crate) fn object(&self, ours: &Ours<'_>, at: ObjectRef, spec: &impl Serialize) -> Object {
        let mut object = self.bare(ours, at);
        object.body["spec"] = value(spec);
        object
    }

    /// The object without a `spec`, with the owner's labels.
    pub(crate) fn bare(&self, ours: &Ours<'_>, at: ObjectRef) -> Object {
        let mut metadata = json!({ "name": at.name, "labels": label(ours.control_plane, ours.owner) });
        if let Some(namespace) = &at.namespace {
            metadata["namespace"] = json!(namespace);
        }
        let body = json!({ "apiVersion": at.api_version(), "kind": at.kind, "metadata": metadata });
        Object { exclusive: self.exclusive, ..Object::new(at, body) }
    }
}

/// What goes into the labels of the objects that are being rendered.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Ours<'a> {
    /// Id of this control plane; several may work in one cluster.
    pub(crate) control_plane: &'a str,
    /// The record that the objects belong to.
    pub(crate) owner: Owner,
}

/// The structs of this module hold texts, numbers and lists only, so serialising them cannot fail.
fn value(spec: &impl Serialize) -> Value {
    serde_json::to_value(spec).unwrap_or_default()
}
