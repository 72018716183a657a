//! Whether a lease is still held, by our own monotonic clock: no step of the wall clock makes it longer.
//!
//! This is the first half of the fencing, and stops writes to the cluster. The second half is the lease's epoch in every statement to Postgres.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A lease as its holder knows it. Clones end together.
#[derive(Clone, Debug)]
pub(crate) struct LeaseGuard {
    until: Arc<Mutex<Instant>>,
    lost: CancellationToken,
}

/// So long before its end a lease is no longer relied on: a request may take that long to arrive.
const MARGIN: Duration = Duration::from_secs(2);

impl LeaseGuard {
    /// A lease that was asked for at `asked` and lasts `ttl` from then, whenever the answer came.
    pub(crate) fn new(asked: Instant, ttl: Duration) -> Self {
        Self { until: Arc::new(Mutex::new(asked + ttl.saturating_sub(MARGIN))), lost: CancellationToken::new() }
    }

    /// Extends it by a renewal that was asked for at `asked`.
    pub(crate) fn renew(&self, asked: Instant, ttl: Duration) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + ttl.saturating_sub(MARGIN);
    }

    /// Gives it up.
    pub(crate) fn lose(&self) {
        self.lost.cancel();
    }

    /// Whether a write under the lease may begin now.
    pub(crate) fn is_held(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when the lease is given up or over. The caller then stops all work under it, and with it every request under way.
    pub(crate) async fn lost(&self) {
        loop {
            let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() >= until {
                return;
            }
            tokio::select! {
                () = self.lost.cancelled() => return,
                () = tokio::time::sleep_until(until.into()) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_ends_before_its_lease_does() {
        let now = Instant::now();
        assert!(LeaseGuard::new(now, Duration::from_secs(10)).is_held());
        let old = LeaseGuard::new(now - Duration::from_secs(9), Duration::from_secs(10));
        assert!(!old.is_held(), "the margin is over");
        old.renew(now, Duration::from_secs(10));
        assert!(old.is_held());
        old.lose();
        assert!(!old.is_held());
    }
}
