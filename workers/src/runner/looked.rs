//! What passes have seen, so that the echo of their own writes makes no further pass.

use causeway_store::queue::Key;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Wakes of the watches are gathered for less than this.
const KEPT: Duration = Duration::from_secs(2);
/// So many entries are looked through for old ones.
const MANY: usize = 1024;

/// Until when what the watches told is in what the last pass over a record found and wrote down.
#[derive(Debug, Default)]
pub(super) struct Looked(Mutex<HashMap<Key, Instant>>);

impl Looked {
    /// A pass was written down that saw everything of its record up to `at`.
    pub(super) fn note(&self, key: &Key, at: Instant) {
        let mut looked = self.lock();
        if looked.len() >= MANY {
            looked.retain(|_, at| at.elapsed() < KEPT);
        }
        looked.insert(key.clone(), at);
    }

    /// Whether what was told at `at` has been answered already.
    pub(super) fn answers(&self, key: &Key, at: Instant) -> bool {
        self.lock().get(key).is_some_and(|looked| at <= *looked)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_told_before_the_look_is_answered() {
        let (looked, at) = (Looked::default(), Instant::now());
        let key = |id| Key { kind: "GatewayInstance".into(), id };
        looked.note(&key(1), at);
        assert!(looked.answers(&key(1), at) && looked.answers(&key(1), at - KEPT));
        assert!(!looked.answers(&key(1), at + Duration::from_nanos(1)));
        assert!(!looked.answers(&key(2), at));
    }

    #[test]
    fn old_looks_are_forgotten() {
        let (looked, old) = (Looked::default(), Instant::now() - KEPT);
        let many = i64::try_from(MANY).unwrap();
        (0..many).for_each(|id| looked.note(&Key { kind: "K".into(), id }, old));
        looked.note(&Key { kind: "K".into(), id: many }, Instant::now());
        assert_eq!(looked.lock().len(), 1);
    }
}
