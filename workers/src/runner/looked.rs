//! What passes have seen, so that the echo of their own writes makes no further pass.

use causeway_store::queue::Key;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Wakes of the watches are gathered for less than this.
const KEPT: Duration = Duration::from_secs(2);
/// So many entries are looked through for old ones.
const MANY: usize = 1024;

/// Passes under way, and until when what the watches told is in what the last pass over a record found and wrote down.
#[derive(Debug, Default)]
pub(super) struct Looked(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    under_way: HashSet<Key>,
    until: HashMap<Key, Instant>,
}

/// What is to be done with a change that the watches told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A pass has seen it.
    Answered,
    /// The pass under way may be seeing it.
    Open,
    /// It needs a pass.
    Unanswered,
}

impl Looked {
    /// A pass begins.
    pub(super) fn begin(&self, key: &Key) {
        self.lock().under_way.insert(key.clone());
    }

    /// Whether a pass has begun and not ended.
    pub(super) fn is_under_way(&self, key: &Key) -> bool {
        self.lock().under_way.contains(key)
    }

    /// A pass has ended.
    pub(super) fn end(&self, key: &Key) {
        self.lock().under_way.remove(key);
    }

    /// A pass was written down that saw everything of its record up to `at`.
    pub(super) fn note(&self, key: &Key, at: Instant) {
        let until = &mut self.lock().until;
        if until.len() >= MANY {
            until.retain(|_, at| at.elapsed() < KEPT);
        }
        until.insert(key.clone(), at);
    }

    /// What becomes of a change that was told at `at`.
    pub(super) fn verdict(&self, key: &Key, at: Instant) -> Verdict {
        let state = self.lock();
        if state.until.get(key).is_some_and(|until| at <= *until) {
            Verdict::Answered
        } else if state.under_way.contains(key) {
            Verdict::Open
        } else {
            Verdict::Unanswered
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64) -> Key {
        Key { kind: "GatewayInstance".into(), id }
    }

    #[test]
    fn only_what_was_told_before_the_look_is_answered() {
        let (looked, at) = (Looked::default(), Instant::now());
        looked.note(&key(1), at);
        assert_eq!([looked.verdict(&key(1), at), looked.verdict(&key(1), at - KEPT)], [Verdict::Answered; 2]);
        assert_eq!(looked.verdict(&key(1), at + Duration::from_nanos(1)), Verdict::Unanswered);
        assert_eq!(looked.verdict(&key(2), at), Verdict::Unanswered);
    }

    #[test]
    fn what_is_told_during_a_pass_is_open_until_that_ends() {
        let (looked, at) = (Looked::default(), Instant::now());
        looked.begin(&key(1));
        assert!(looked.is_under_way(&key(1)) && !looked.is_under_way(&key(2)));
        assert_eq!(looked.verdict(&key(1), at), Verdict::Open);
        looked.end(&key(1));
        assert_eq!(looked.verdict(&key(1), at), Verdict::Unanswered, "it did not say that it had seen it");
        looked.begin(&key(1));
        looked.note(&key(1), at);
        looked.end(&key(1));
        assert_eq!(looked.verdict(&key(1), at), Verdict::Answered);
    }

    #[test]
    fn old_looks_are_forgotten() {
        let (looked, old) = (Looked::default(), Instant::now() - KEPT);
        let many = i64::try_from(MANY).unwrap();
        (0..many).for_each(|id| looked.note(&Key { kind: "K".into(), id }, old));
        looked.note(&Key { kind: "K".into(), id: many }, Instant::now());
        assert_eq!(looked.lock().until.len(), 1);
    }
}
