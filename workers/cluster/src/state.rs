//! The state of an object to which a write is bound. The API server refuses the write for any other state, so what was decided on
//! one state never hits another.

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use serde_json::Value;

use super::{
    CachedObject, ObjectCache,
    live::{LiveObject, bound_to},
};

/// No object ever has this resourceVersion, for etcd's first write makes 2. A server-side apply that carries it can create an object
/// but never change one: without it, an object that somebody creates between our read and our apply would get our labels.
const NEVER: &str = "1";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ObjectState {
    Absent,
    Present { uid: String, resource_version: String },
}

impl ObjectState {
    pub(crate) fn from_live(live: &LiveObject) -> Self {
        Self::Present { uid: live.uid().to_owned(), resource_version: live.resource_version().to_owned() }
    }

    pub(crate) fn from_cached(seen: &CachedObject) -> Self {
        Self::Present { uid: seen.uid.clone(), resource_version: seen.resource_version.to_string() }
    }

    /// The state in the cache, where it leaves nothing to decide: nothing of ours is there, or the object of the inventory is. If the
    /// cache is behind, the write is refused, and then the object is read. None: it must be read first.
    pub(crate) fn assumed(cache: &ObjectCache, at: &ObjectRef, entry: Option<&InventoryEntry>) -> Option<Self> {
        if !cache.is_synced(&at.group, &at.kind) {
            return None;
        }
        match (cache.get(at), entry.and_then(|entry| entry.uid.as_deref())) {
            // Somebody else's object is not in the cache either; the write can't change it.
            (None, None) => Some(Self::Absent),
            (Some(seen), Some(uid)) if seen.uid == uid && !seen.deleting => Some(Self::from_cached(&seen)),
            _ => None,
        }
    }

    /// The manifest, to be accepted for this state only.
    pub(crate) fn bind(&self, body: &Value) -> Value {
        match self {
            Self::Absent => bound_to(body, None, NEVER),
            Self::Present { uid, resource_version } => bound_to(body, Some(uid), resource_version),
        }
    }
}
