//! Looks at shared gateways, which may hold thousands of listeners: where nothing but some of them changed since the last look, the rest need not be
//! looked at again at once. Kept in memory: whoever takes a cluster over begins with a look at the whole.

use super::ClusterSession;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The last look at a shared gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The reasons to look that it answered, as the queue counts them.
    pub(crate) wake_seq: i64,
    /// When the whole gateway was looked at.
    pub(crate) whole: Instant,
}

/// By id of the shared gateway.
pub(super) type Looks = Mutex<HashMap<i64, Look>>;

impl ClusterSession {
    /// The last look at a shared gateway, if that ended well. It is forgotten, until a pass notes its own.
    pub(crate) fn take_look(&self, gateway: i64) -> Option<Look> {
        self.looks().remove(&gateway)
    }

    /// A pass over a shared gateway has ended well.
    pub(crate) fn note_look(&self, gateway: i64, look: Look) {
        self.looks().insert(gateway, look);
    }

    fn looks(&self) -> MutexGuard<'_, HashMap<i64, Look>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
