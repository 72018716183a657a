//! Live objects as the watch cache holds them, reduced to what conditions are computed from.

use causeway_records::inventory::ObjectRef;
use serde_json::Value;

/// A live object.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Group, kind, namespace and name of the object.
    pub at: ObjectRef,
    /// The uid the API server gave it; an object that was deleted and made again has another one.
    pub uid: String,
    /// `metadata.generation`; 0 for kinds that have none.
    pub generation: i64,
    /// `spec.replicas`: how many Pods are wanted, which others than us may change; None for kinds that have none.
    pub replicas: Option<i64>,
    /// The parts of `status` that conditions are computed from; null while the object has no status.
    pub status: Value,
}

/// Live objects by reference. One that is absent is not in the cluster, or was made only just now and has not reached the cache.
pub type Seen = std::collections::BTreeMap<ObjectRef, Observed>;
