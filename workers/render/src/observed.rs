//! What the watch saw of an object: the little that conditions are computed from.

use causeway_records::inventory::ObjectRef;
use serde_json::Value;

/// A projection of one live object.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Which object.
    pub at: ObjectRef,
    /// The uid the API server gave it.
    pub uid: String,
    /// `metadata.generation`; 0 for kinds that have none.
    pub generation: i64,
    /// `status`, as far as we read it; null when there is none yet.
    pub status: Value,
    /// Nothing of it is in anybody's way, as [`crate::conditions::works`] has it, and it stands as it was left: then its status is not needed.
    pub works: bool,
}

/// What a watch that has listed everything saw, by object. What isn't in it does not stand in the cluster, or has only just been made.
pub type Seen = std::collections::BTreeMap<ObjectRef, Observed>;
