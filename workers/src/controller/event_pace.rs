//! How often events may wake a record. Pure.
//!
//! A status that never comes to rest, because of two controllers or somebody's intent, would have its record reconciled without a pause, which
//! costs Postgres and the processors of all clusters.

use causeway_store::queue::Key;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// So often at once: a rollout changes its status some ten times.
const BURST: u32 = 20;
/// And then once in this time.
const EACH: Duration = Duration::from_secs(1);
/// Fewer records are never looked through.
const MANY: usize = 1024;

/// Of the records of one cluster.
#[derive(Debug)]
pub(super) struct EventPace {
    /// When each record could wake as often as at first.
    rested: HashMap<Key, Instant>,
    /// When there are so many, those at rest are forgotten.
    many: usize,
}

impl Default for EventPace {
    fn default() -> Self {
        Self { rested: HashMap::new(), many: MANY }
    }
}

impl EventPace {
    /// Counts a wake of the record; or says how long it has to wait, and counts nothing.
    pub(super) fn take(&mut self, key: &Key, now: Instant) -> Result<(), Duration> {
        if self.rested.len() >= self.many {
            self.rested.retain(|_, at| *at > now);
            // Not each time, where many wake at once.
            self.many = MANY.max(2 * self.rested.len());
        }
        let rested = self.rested.get(key).copied().unwrap_or(now).max(now) + EACH;
        match rested.checked_duration_since(now + BURST * EACH) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                self.rested.insert(*key, rested);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;

    fn key(id: i64) -> Key {
        Key { kind: Kind::WorkloadInstance, id }
    }

    #[test]
    fn a_record_that_never_rests_is_woken_once_a_second() {
        let (mut pace, begun) = (EventPace::default(), Instant::now());
        let woken = (0..60_000).filter(|at| pace.take(&key(1), begun + Duration::from_millis(*at)).is_ok()).count();
        assert_eq!(woken, 20 + 59);
        let wait = pace
            .take(&key(1), begun + Duration::from_secs(60))
            .map(|()| pace.take(&key(1), begun + Duration::from_secs(60)));
        assert_eq!(wait, Ok(Err(EACH)));
        assert_eq!(pace.take(&key(2), begun), Ok(()), "another record");
        let later = begun + Duration::from_secs(200);
        assert_eq!((0..100).filter(|_| pace.take(&key(1), later).is_ok()).count(), 20, "it came to rest");
    }

    #[test]
    fn who_is_at_rest_is_forgotten() {
        let (mut pace, begun) = (EventPace::default(), Instant::now());
        for id in 0..5000 {
            pace.take(&key(id), begun + Duration::from_millis(10 * u64::try_from(id).unwrap())).unwrap();
        }
        assert!(pace.rested.len() <= MANY);
    }
}
