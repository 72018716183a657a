//! One manifest.

use crate::{
    lifecycle::{self, NotApplied},
    normalise,
};
use serde_json::Value;
use std::fmt;

/// A manifest as it is applied: read, checked, and without what only a server writes.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    /// The object, with `apiVersion`, `kind` and `metadata.name`.
    pub body: Value,
    /// Why the object is not applied; None if it is.
    pub not_applied: Option<NotApplied>,
    /// Left in the cluster when the record goes, or when the manifest goes out of it.
    pub keep: bool,
}

impl Manifest {
    pub(crate) fn new(mut body: Value) -> Self {
        let (not_applied, keep) = (lifecycle::not_applied(&body), lifecycle::keep(&body));
        normalise::normalise(&mut body);
        Self { body, not_applied, keep }
    }

    /// Group (empty for the core group) and version.
    pub fn group_and_version(&self) -> (&str, &str) {
        let api_version = text(&self.body["apiVersion"]);
        api_version.rsplit_once('/').unwrap_or(("", api_version))
    }

    /// The kind, such as `Deployment`.
    pub fn kind(&self) -> &str {
        text(&self.body["kind"])
    }

    /// `metadata.name`.
    pub fn name(&self) -> &str {
        text(&self.body["metadata"]["name"])
    }

    /// `metadata.namespace`, unless it is left out or empty.
    pub fn namespace(&self) -> Option<&str> {
        Some(text(&self.body["metadata"]["namespace"])).filter(|namespace| !namespace.is_empty())
    }
}

/// Without the body: manifests hold secrets.
impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut manifest = f.debug_struct("Manifest");
        manifest.field("kind", &self.kind()).field("name", &self.name()).field("namespace", &self.namespace());
        manifest.field("not_applied", &self.not_applied).field("keep", &self.keep).finish_non_exhaustive()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
