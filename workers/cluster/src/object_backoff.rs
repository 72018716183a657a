//! Rests between attempts to write an object for which nobody answers.
//!
//! Its record is reconciled as often as anything of it changes, and each attempt may take as long as a webhook hangs. An object rests at
//! first for as long as its attempt took, then ever longer; meanwhile its error is known without a request. A changed manifest is tried
//! at once. Nothing of it is stored: after a restart every object gets one attempt.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use causeway_records::inventory::ObjectRef;
use tokio::time::Instant;

use super::{ClusterError, backoff::Backoff};

const LONGEST: Duration = Duration::from_secs(300);
/// What fails so quickly costs nobody anything: its record backs off, and that is enough.
const QUICK: Duration = Duration::from_secs(1);
/// Rests that have ended are forgotten when there are so many.
const MANY: usize = 1024;

#[derive(Clone, Default)]
pub(crate) struct ObjectBackoff(Arc<Mutex<HashMap<ObjectRef, Rest>>>);

struct Rest {
    /// Of the manifest that failed.
    desired_hash: String,
    failures: i32,
    until: Instant,
    error: ClusterError,
}

impl ObjectBackoff {
    /// The error of the last attempt with this manifest, while the object rests from it.
    pub(crate) fn resting(&self, at: &ObjectRef, desired_hash: &str) -> Option<ClusterError> {
        let rests = self.lock();
        let rest = rests.get(at).filter(|rest| rest.desired_hash == desired_hash)?;
        let left = rest.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some(rest.error.clone().not_before(left))
    }

    /// A person asks for an attempt.
    pub(crate) fn forget<'o>(&self, objects: impl Iterator<Item = &'o ObjectRef>) {
        let mut rests = self.lock();
        objects.for_each(|at| drop(rests.remove(at)));
    }

    pub(crate) fn begin<'o>(&self, at: &'o ObjectRef, desired_hash: &'o str) -> Attempt<'o> {
        Attempt { backoff: self.clone(), at, desired_hash, begun: Instant::now(), ended: false }
    }

    fn failed(&self, at: &ObjectRef, desired_hash: &str, took: Duration, error: ClusterError) {
        let mut rests = self.lock();
        let before = rests.get(at).filter(|rest| rest.desired_hash == desired_hash);
        let failures = before.map_or(0, |rest| rest.failures.saturating_add(1));
        let now = Instant::now();
        let until = now + Backoff::new(took, LONGEST).delay(failures).max(error.asked_rest());
        if rests.len() >= MANY {
            rests.retain(|_, rest| rest.until > now);
        }
        rests.insert(at.clone(), Rest { desired_hash: desired_hash.to_owned(), failures, until, error });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectRef, Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt under way. One that is dropped before its end has failed: whoever waited for it gave it up.
pub(crate) struct Attempt<'o> {
    backoff: ObjectBackoff,
    at: &'o ObjectRef,
    desired_hash: &'o str,
    begun: Instant,
    ended: bool,
}

impl Attempt<'_> {
    /// Notes what came of it.
    pub(crate) fn end<T>(mut self, result: &Result<T, ClusterError>) {
        self.ended = true;
        let took = self.begun.elapsed();
        match result {
            // Of the object nothing is known: the cluster failed, or the lease.
            Err(error) if error.stops_everything() => {}
            Err(error) if took > QUICK || error.asked_rest() > Duration::ZERO => {
                self.backoff.failed(self.at, self.desired_hash, took, error.clone());
            }
            _ => self.backoff.forget(std::iter::once(self.at)),
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        if !self.ended && took > QUICK {
            let reason =
                format!("the attempt was given up after {}s; see which admission webhooks match it", took.as_secs());
            self.backoff.failed(self.at, self.desired_hash, took, ClusterError::unanswered(self.at, reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{advance, pause};

    fn at() -> ObjectRef {
        let (group, version, kind) = Default::default();
        ObjectRef { group, version, kind, namespace: None, name: "web".into() }
    }

    fn hangs() -> ClusterError {
        ClusterError::unanswered(&at(), "no answer")
    }

    async fn attempt(backoff: &ObjectBackoff, takes: u64, result: Result<(), ClusterError>) {
        let (at, attempt) = (at(), "hash");
        let attempt = backoff.begin(&at, attempt);
        advance(Duration::from_secs(takes)).await;
        attempt.end(&result);
    }

    fn rest(backoff: &ObjectBackoff) -> u64 {
        match backoff.resting(&at(), "hash") {
            Some(ClusterError::Unanswered { retry_after: Some(left), reason, .. }) if reason == "no answer" => {
                left.as_secs()
            }
            None => 0,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn what_takes_long_rests_long_and_ever_longer() {
        pause();
        let backoff = ObjectBackoff::default();
        for longest in [40, 80, 160, 300, 300] {
            attempt(&backoff, 40, Err(hangs())).await;
            let rest = rest(&backoff);
            assert!((longest / 2 - 1..=longest).contains(&rest), "{rest} of {longest}");
            advance(Duration::from_secs(longest)).await;
            assert!(backoff.resting(&at(), "hash").is_none());
        }
        attempt(&backoff, 40, Ok(())).await;
        attempt(&backoff, 2, Err(hangs())).await;
        assert!(rest(&backoff) <= 2, "a success makes a new beginning");
    }

    #[tokio::test]
    async fn a_changed_manifest_and_a_person_don_t_wait() {
        pause();
        let backoff = ObjectBackoff::default();
        attempt(&backoff, 40, Err(hangs())).await;
        assert!(backoff.resting(&at(), "other").is_none());
        backoff.forget([&at()].into_iter());
        assert!(backoff.resting(&at(), "hash").is_none());
    }

    #[tokio::test]
    async fn an_attempt_that_is_given_up_has_failed() {
        pause();
        let backoff = ObjectBackoff::default();
        let object = at();
        let given_up = backoff.begin(&object, "hash");
        advance(Duration::from_secs(30)).await;
        drop(given_up);
        assert!(backoff.resting(&at(), "hash").unwrap().to_string().contains("given up after 30s"));
    }

    #[tokio::test]
    async fn what_fails_at_once_or_says_nothing_of_the_object_needs_no_rest() {
        pause();
        let backoff = ObjectBackoff::default();
        let down = ClusterError::unreachable(crate::UnreachableCause::Timeout, "down");
        for (takes, error) in [(0, ClusterError::refused(&at(), "no")), (0, hangs()), (20, down)] {
            attempt(&backoff, takes, Err(error)).await;
            assert!(backoff.resting(&at(), "hash").is_none());
        }
        attempt(&backoff, 0, Err(hangs().not_before(Duration::from_secs(30)))).await;
        assert!(rest(&backoff) > 28, "whoever asks for a rest gets it");
        attempt(&backoff, 20, Err(ClusterError::refused(&at(), "no"))).await;
        assert!(matches!(backoff.resting(&at(), "hash"), Some(ClusterError::Refused { .. })));
    }
}
