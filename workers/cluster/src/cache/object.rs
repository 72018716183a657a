//! The part of an object that is kept in memory.

use std::sync::Arc;

use causeway_records::inventory::{InventoryEntry, JobEnd, ObjectRef};
use causeway_render::{job, labels::OWNER, observed::Observed};
use kube::{ResourceExt, api::DynamicObject};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::live::{is_applied_by, live_hash, stable_status};

/// By this annotation cert-manager says which Certificate a Secret is for.
const CERTIFICATE_NAME: &str = "cert-manager.io/certificate-name";

/// What decisions and conditions need of one object.
#[derive(Clone, Debug)]
pub struct CachedObject {
    pub at: ObjectRef,
    pub uid: String,
    /// The value of its owner label; empty if it has none.
    pub owner: Arc<str>,
    /// See [`live_hash`].
    pub live_hash: String,
    /// `metadata.generation`; 0 for kinds that have none.
    pub generation: i64,
    /// `spec.replicas`; None for kinds that have none.
    pub replicas: Option<i64>,
    /// It was deleted and waits for its finalizers.
    pub deleting: bool,
    /// `metadata.resourceVersion`, to bind writes to.
    pub resource_version: Box<str>,
    /// We have applied it. Others' controllers copy our labels to what they make, say from a Service to its EndpointSlices.
    pub applied: bool,
    /// The Certificate that cert-manager made this Secret for.
    pub certificate: Option<Box<str>>,
    /// The status without what ticks, as JSON text: a tenth of what a tree of values takes.
    status: Box<str>,
}

impl CachedObject {
    /// Reduces an object of the kind that `kind` names.
    pub(super) fn from_object(kind: &ObjectRef, mut object: DynamicObject, field_manager: &str) -> Self {
        let status = stable_status(&object.data["status"]);
        let at = ObjectRef { namespace: object.namespace(), name: object.name_any(), ..kind.clone() };
        let generation = object.metadata.generation.unwrap_or_default();
        let replicas = object.data["spec"]["replicas"].as_i64();
        let mut body = std::mem::take(&mut object.data);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("metadata".to_owned(), json!(object.metadata));
        }
        Self {
            at,
            owner: object.labels().get(OWNER).map_or_else(|| Arc::from(""), |owner| Arc::from(owner.as_str())),
            live_hash: live_hash(&body, field_manager),
            applied: is_applied_by(&body, field_manager),
            certificate: object.annotations().get(CERTIFICATE_NAME).map(|name| name.as_str().into()),
            generation,
            replicas,
            deleting: object.metadata.deletion_timestamp.is_some(),
            resource_version: object.metadata.resource_version.unwrap_or_default().into_boxed_str(),
            uid: object.metadata.uid.unwrap_or_default(),
            status: status.to_string().into_boxed_str(),
        }
    }

    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        let texts = [&self.at.name, &self.uid, &self.live_hash, self.at.namespace.as_ref().unwrap_or(&self.uid)];
        let texts = texts.into_iter().map(String::len).sum::<usize>();
        let certificate = self.certificate.as_deref().map_or(0, str::len);
        size_of::<Self>() + texts + self.owner.len() + self.resource_version.len() + certificate + self.status.len()
    }

    /// Whether nobody need be woken for the step from one to the other: all but the resourceVersion is the same.
    pub(super) fn means_the_same_as(&self, other: &Self) -> bool {
        // Destructured, so that whoever adds a field has to decide here.
        let Self {
            at,
            uid,
            owner,
            live_hash,
            generation,
            replicas,
            deleting,
            resource_version: _,
            applied,
            certificate,
            status,
        } = self;
        (at, uid, owner, live_hash) == (&other.at, &other.uid, &other.owner, &other.live_hash)
            && (generation, deleting, applied) == (&other.generation, &other.deleting, &other.applied)
            && (certificate, status, replicas) == (&other.certificate, &other.status, &other.replicas)
    }

    /// The status without what ticks; null when there is none yet.
    pub fn status(&self) -> Value {
        self.read_status().unwrap_or_default()
    }

    /// The status as a type that holds what the caller needs of it; None if it does not fit.
    pub fn read_status<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.status).ok()
    }

    /// How it ended, if it is a Job that has.
    pub(crate) fn job_end(&self) -> Option<JobEnd> {
        job::is_job(&self.at).then(|| job::end(&self.status())).flatten()
    }

    /// Whether the object is still the one that we left, and as we left it.
    pub fn is_as_left(&self, entry: &InventoryEntry) -> bool {
        entry.live_hash.as_deref() == Some(&*self.live_hash)
            && entry.uid.as_deref() == Some(&*self.uid)
            && !self.deleting
    }

    /// The form from which conditions are computed.
    pub fn observed(&self) -> Observed {
        Observed {
            at: self.at.clone(),
            uid: self.uid.clone(),
            generation: self.generation,
            replicas: self.replicas,
            status: self.status(),
        }
    }

    /// An object without owner or status.
    #[cfg(any(test, feature = "test-support"))]
    pub fn for_tests(at: ObjectRef, uid: &str, live_hash: &str) -> Self {
        Self {
            at,
            uid: uid.to_owned(),
            resource_version: Box::default(),
            owner: Arc::from(""),
            live_hash: live_hash.to_owned(),
            generation: 0,
            replicas: None,
            deleting: false,
            applied: true,
            certificate: None,
            status: "null".into(),
        }
    }

    /// As [`Self::for_tests`], with an owner and a status.
    #[cfg(test)]
    pub(super) fn owned(self, owner: &str, status: &str) -> Self {
        Self { owner: Arc::from(owner), status: status.into(), ..self }
    }
}

#[cfg(test)]
mod tests {
    use causeway_records::inventory::ObjectRef;
    use causeway_render::labels::CONTROL_PLANE;

    use super::*;

    fn body() -> Value {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {
                "name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {CONTROL_PLANE: "cp1", OWNER: "gateway-instance-7", "x": "y"},
                "managedFields": [{
                    "manager": "causeway-cp1", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                    "time": "2026-01-01T00:00:00Z",
                    "fieldsV1": {"f:metadata": {"f:labels": {"f:causeway.dev/owner": {}}}},
                }],
            },
            "spec": {"gatewayClassName": "c"},
            "status": {"addresses": [{"value": "192.0.2.1"}], "attachedListenerSets": 4},
        })
    }

    fn kind() -> ObjectRef {
        ObjectRef {
            group: "gateway.networking.k8s.io".into(),
            version: "v1".into(),
            kind: "Gateway".into(),
            namespace: None,
            name: String::new(),
        }
    }

    #[test]
    fn watched_and_read_objects_have_the_same_hash() {
        let seen = CachedObject::from_object(&kind(), serde_json::from_value(body()).unwrap(), "causeway-cp1");
        assert_eq!(seen.live_hash, live_hash(&body(), "causeway-cp1"));
        assert_eq!((seen.uid.as_str(), &*seen.owner, seen.generation), ("u1", "gateway-instance-7", 3));
        assert_eq!(seen.at.to_string(), "Gateway shop/web");
        assert_eq!(seen.status(), json!({"addresses": [{"value": "192.0.2.1"}]}));
    }

    #[test]
    fn a_new_resource_version_alone_is_no_change() {
        let seen = |version: &str| {
            let mut body = body();
            body["metadata"]["resourceVersion"] = json!(version);
            CachedObject::from_object(&kind(), serde_json::from_value(body).unwrap(), "causeway-cp1")
        };
        let (old, new) = (seen("7"), seen("8"));
        assert!(old.means_the_same_as(&new));
        assert_eq!([&*old.resource_version, &*new.resource_version], ["7", "8"]);
    }

    #[test]
    fn an_object_without_status_has_a_null_one() {
        let mut body = body();
        body.as_object_mut().unwrap().remove("status");
        let seen = CachedObject::from_object(&kind(), serde_json::from_value(body).unwrap(), "causeway-cp1");
        assert_eq!(seen.status(), Value::Null);
    }
}
