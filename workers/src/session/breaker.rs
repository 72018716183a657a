//! A circuit breaker: while a cluster is unavailable only one attempt at a time is made to reach it, at growing intervals, and records whose
//! status says so already are not reconciled. Time is an argument, so the rules are pure.

use super::Unavailable;
use causeway_store::queue::Key;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// The first and the longest rest between attempts to reach a cluster.
const RESTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

#[derive(Default)]
pub(super) struct CircuitBreaker {
    /// Why the cluster is unavailable, and when the next attempt may be made.
    open: Option<(Unavailable, Instant)>,
    failures: u32,
    /// Records whose status says that the cluster is unavailable.
    reported: HashSet<Key>,
    /// Records that go on without the cluster, and have more to do with it.
    waiting: HashSet<Key>,
}

impl CircuitBreaker {
    /// Why no attempt may be made yet.
    pub(super) fn resting(&self, now: Instant) -> Option<&Unavailable> {
        self.open.as_ref().filter(|(_, until)| now < *until).map(|(why, _)| why)
    }

    /// Whether the last attempt failed, be the rest after it over or not.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn retry_in(&self, now: Instant) -> Duration {
        self.open.as_ref().map_or(Duration::ZERO, |(_, until)| until.saturating_duration_since(now))
    }

    /// Whether a reconcile of this record would find out nothing new.
    pub(super) fn suspends(&self, key: &Key, now: Instant) -> bool {
        self.resting(now).is_some() && self.reported.contains(key)
    }

    pub(super) fn report(&mut self, key: Key) {
        self.reported.insert(key);
    }

    /// Has a record woken with those that were reported, and not suspended until then.
    pub(super) fn await_return(&mut self, key: Key) {
        self.waiting.insert(key);
    }

    /// An attempt failed. Whether it failed for another reason than the last one.
    pub(super) fn trip(&mut self, why: Unavailable, now: Instant) -> bool {
        let known = self.open.as_ref().is_some_and(|(before, _)| before.reason == why.reason);
        let rest = RESTS.0.saturating_mul(1 << self.failures.min(5)).min(RESTS.1);
        self.failures += 1;
        self.open = Some((why, now + rest));
        !known
    }

    /// An attempt succeeded. The records that are to be reconciled now; None if the breaker was closed.
    pub(super) fn close(&mut self) -> Option<HashSet<Key>> {
        self.failures = 0;
        let mut reported = std::mem::take(&mut self.reported);
        reported.extend(std::mem::take(&mut self.waiting));
        // Whoever reported between two attempts of others is woken as well.
        (self.open.take().is_some() || !reported.is_empty()).then_some(reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;

    fn why(reason: &str) -> Unavailable {
        Unavailable { reason: reason.into(), message: String::new() }
    }

    #[test]
    fn rests_grow_and_end() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        assert!(breaker.resting(now).is_none());
        let rests = [1, 2, 4, 8, 16, 30, 30].map(|seconds| {
            breaker.trip(why("Timeout"), now);
            assert!(breaker.resting(now).is_some());
            (breaker.retry_in(now), Duration::from_secs(seconds))
        });
        assert!(rests.iter().all(|(rest, expected)| rest == expected), "{rests:?}");
        assert!(breaker.resting(now + RESTS.1).is_none() && breaker.is_open(), "an attempt may be made, and has to be");
        breaker.close();
        assert!(!breaker.is_open());
        breaker.trip(why("Timeout"), now);
        assert_eq!(breaker.retry_in(now), RESTS.0);
    }

    #[test]
    fn only_a_record_that_says_so_already_is_suspended_and_all_those_are_woken() {
        let (mut breaker, now) = (CircuitBreaker::default(), Instant::now());
        let key = |id| Key { kind: Kind::GatewayInstance, id };
        assert!(breaker.trip(why("Timeout"), now) && !breaker.trip(why("Timeout"), now));
        assert!(breaker.trip(why("Refused"), now), "another reason");
        breaker.report(key(1));
        breaker.await_return(key(3));
        assert!(!breaker.suspends(&key(3), now), "it has something to do all the same");
        assert!(breaker.suspends(&key(1), now) && !breaker.suspends(&key(2), now));
        assert!(!breaker.suspends(&key(1), now + RESTS.1));
        assert_eq!(breaker.close(), Some(HashSet::from([key(1), key(3)])));
        assert_eq!(breaker.close(), None);
    }
}
