//! The passes of a cluster: which are under way, and what each has seen, so that the echo of its own writes makes no further pass.

use causeway_store::queue::Key;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Wakes of the watches are gathered for less than this.
const KEPT: Duration = Duration::from_secs(2);
/// So many entries are looked through for old ones.
const MANY: usize = 1024;

/// Which passes are under way, and what those that ended had seen.
#[derive(Debug, Default)]
pub(super) struct Passes {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    under_way: HashSet<Key>,
    /// Until when what the watches told is in what the last pass over a record found and wrote down.
    seen: HashMap<Key, Instant>,
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

impl Passes {
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
        self.ended.notify_one();
    }

    /// Waits until a pass has ended since this was last asked. For one who waits.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// A pass was written down that saw everything of its record up to `at`.
    pub(super) fn note(&self, key: &Key, at: Instant) {
        let seen = &mut self.lock().seen;
        if seen.len() >= MANY {
            seen.retain(|_, until| until.elapsed() < KEPT);
        }
        seen.insert(key.clone(), at);
    }

    /// What becomes of a change that was told at `at`.
    pub(super) fn verdict(&self, key: &Key, at: Instant) -> Verdict {
        let state = self.lock();
        if state.seen.get(key).is_some_and(|until| at <= *until) {
            Verdict::Answered
        } else if state.under_way.contains(key) {
            Verdict::Open
        } else {
            Verdict::Unanswered
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i64) -> Key {
        Key { kind: causeway_records::Kind::GatewayInstance, id }
    }

    #[test]
    fn only_what_was_told_before_the_look_is_answered() {
        let (passes, at) = (Passes::default(), Instant::now());
        passes.note(&key(1), at);
        assert_eq!([passes.verdict(&key(1), at), passes.verdict(&key(1), at - KEPT)], [Verdict::Answered; 2]);
        assert_eq!(passes.verdict(&key(1), at + Duration::from_nanos(1)), Verdict::Unanswered);
        assert_eq!(passes.verdict(&key(2), at), Verdict::Unanswered);
    }

    #[test]
    fn what_is_told_during_a_pass_is_open_until_that_ends() {
        let (passes, at) = (Passes::default(), Instant::now());
        passes.begin(&key(1));
        assert!(passes.is_under_way(&key(1)) && !passes.is_under_way(&key(2)));
        assert_eq!(passes.verdict(&key(1), at), Verdict::Open);
        passes.end(&key(1));
        assert_eq!(passes.verdict(&key(1), at), Verdict::Unanswered, "it did not say that it had seen it");
        passes.begin(&key(1));
        passes.note(&key(1), at);
        passes.end(&key(1));
        assert_eq!(passes.verdict(&key(1), at), Verdict::Answered);
    }

    #[test]
    fn old_looks_are_forgotten() {
        let (passes, old) = (Passes::default(), Instant::now() - KEPT);
        let many = i64::try_from(MANY).unwrap();
        (0..many).for_each(|id| passes.note(&Key { kind: causeway_records::Kind::GatewayInstance, id }, old));
        passes.note(&Key { kind: causeway_records::Kind::GatewayInstance, id: many }, Instant::now());
        assert_eq!(passes.lock().seen.len(), 1);
    }
}
