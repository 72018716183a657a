//! The reconciles of a cluster that are under way, and what the last one of each record had seen.
//!
//! A reconcile's own writes come back as watch events. Without this, each would cause one more reconcile of the same record.

use causeway_store::queue::Key;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Older instants are forgotten: events are gathered for less than this.
const KEPT: Duration = Duration::from_secs(2);
/// Old instants are removed when there are this many.
const MANY: usize = 1024;
/// A reconcile that takes longer waits for something slow, such as an admission webhook that hangs: it leaves its place to another record.
const SLOW: Duration = Duration::from_secs(2);
/// So many times the places may be under way, with the slow ones.
const MOST: usize = 4;

#[derive(Debug, Default)]
pub(super) struct InFlight {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Since when each runs.
    running: HashMap<Key, Instant>,
    /// The instant up to which watch events are covered by a record's last completed reconcile; older ones are echoes.
    observed_up_to: HashMap<Key, Instant>,
}

/// What a watch event about a record's object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// The last reconcile has seen it: nothing is to be done.
    Seen,
    /// The reconcile under way may be seeing it: decide at its end.
    InFlight,
    /// No reconcile has seen it: wake the record.
    Unseen,
}

impl InFlight {
    pub(super) fn begin(&self, key: &Key) {
        self.lock().running.insert(*key, Instant::now());
    }

    /// How many more may begin where there are so many places, and in how long a place becomes free without an end.
    pub(super) fn room(&self, places: usize, now: Instant) -> (usize, Option<Duration>) {
        let state = self.lock();
        let ages = || state.running.values().map(|begun| now.saturating_duration_since(*begun));
        let quick = ages().filter(|age| *age < SLOW).count();
        let most = places.saturating_mul(MOST).saturating_sub(state.running.len());
        let next = ages().filter(|age| *age < SLOW).max().map(|age| SLOW - age);
        (places.saturating_sub(quick).min(most), next.filter(|_| most > 0))
    }

    pub(super) fn contains(&self, key: &Key) -> bool {
        self.lock().running.contains_key(key)
    }

    pub(super) fn end(&self, key: &Key) {
        self.lock().running.remove(key);
        self.ended.notify_one();
    }

    /// Waits until a reconcile has ended since the last call. For one caller.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }

    /// A reconcile was completed that had seen all watch events about its record up to `at`.
    pub(super) fn observed(&self, key: &Key, at: Instant) {
        let observed = &mut self.lock().observed_up_to;
        if observed.len() >= MANY {
            observed.retain(|_, until| until.elapsed() < KEPT);
        }
        observed.insert(*key, at);
    }

    /// What an event is that was received at `at`.
    pub(super) fn echo(&self, key: &Key, at: Instant) -> Echo {
        let state = self.lock();
        if state.observed_up_to.get(key).is_some_and(|until| at <= *until) {
            Echo::Seen
        } else if state.running.contains_key(key) {
            Echo::InFlight
        } else {
            Echo::Unseen
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;

    fn key(id: i64) -> Key {
        Key { kind: Kind::GatewayInstance, id }
    }

    #[test]
    fn only_an_event_before_the_observation_is_an_echo() {
        let (in_flight, at) = (InFlight::default(), Instant::now());
        in_flight.observed(&key(1), at);
        assert_eq!([in_flight.echo(&key(1), at), in_flight.echo(&key(1), at - KEPT)], [Echo::Seen; 2]);
        assert_eq!(in_flight.echo(&key(1), at + Duration::from_nanos(1)), Echo::Unseen);
        assert_eq!(in_flight.echo(&key(2), at), Echo::Unseen);
    }

    #[test]
    fn an_event_during_a_reconcile_waits_for_its_end() {
        let (in_flight, at) = (InFlight::default(), Instant::now());
        in_flight.begin(&key(1));
        assert!(in_flight.contains(&key(1)) && !in_flight.contains(&key(2)));
        assert_eq!(in_flight.echo(&key(1), at), Echo::InFlight);
        in_flight.end(&key(1));
        assert_eq!(in_flight.echo(&key(1), at), Echo::Unseen, "it did not say that it had observed it");
        in_flight.begin(&key(1));
        in_flight.observed(&key(1), at);
        in_flight.end(&key(1));
        assert_eq!(in_flight.echo(&key(1), at), Echo::Seen);
    }

    #[test]
    fn what_takes_long_leaves_its_place() {
        let (in_flight, now) = (InFlight::default(), Instant::now());
        (0..3).for_each(|id| in_flight.begin(&key(id)));
        let (room, next) = in_flight.room(3, now);
        assert!(room == 0 && next.unwrap() >= SLOW - Duration::from_secs(1));
        assert_eq!(in_flight.room(4, now).0, 1);
        let later = Instant::now() + SLOW;
        assert_eq!(in_flight.room(3, later), (3, None));
        in_flight.end(&key(0));
        assert_eq!(in_flight.room(3, Instant::now()).0, 1);
        (10..20).for_each(|id| in_flight.begin(&key(id)));
        assert_eq!(in_flight.room(3, Instant::now() + SLOW), (0, None), "there is an end to it");
    }

    #[test]
    fn old_instants_are_forgotten() {
        let (in_flight, old) = (InFlight::default(), Instant::now() - KEPT);
        let many = i64::try_from(MANY).unwrap();
        (0..many).for_each(|id| in_flight.observed(&Key { kind: Kind::GatewayInstance, id }, old));
        in_flight.observed(&Key { kind: Kind::GatewayInstance, id: many }, Instant::now());
        assert_eq!(in_flight.lock().observed_up_to.len(), 1);
    }
}
