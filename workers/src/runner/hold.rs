//! The right to work on a cluster, by our own clock: no step of the wall clock makes it longer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A lease as its holder sees it. Clones share one end.
#[derive(Clone, Debug)]
pub struct Hold {
    until: Arc<Mutex<Instant>>,
    lost: CancellationToken,
}

/// So long before its end a lease is no longer relied on: a request may take that long to arrive.
const MARGIN: Duration = Duration::from_secs(2);

impl Hold {
    /// A lease that was asked for at `asked` and lasts `ttl` from then, whenever the answer came.
    pub fn new(asked: Instant, ttl: Duration) -> Self {
        Self { until: Arc::new(Mutex::new(asked + ttl.saturating_sub(MARGIN))), lost: CancellationToken::new() }
    }

    /// It was renewed by a request made at `asked`.
    pub fn renew(&self, asked: Instant, ttl: Duration) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = asked + ttl.saturating_sub(MARGIN);
    }

    /// Gives it up.
    pub fn lose(&self) {
        self.lost.cancel();
    }

    /// Whether anything may be written under it right now.
    pub fn is_held(&self) -> bool {
        !self.lost.is_cancelled() && Instant::now() < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends when it is given up or over. Whoever works under it stops then, and with that every request that is still under way.
    pub async fn lost(&self) {
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
    fn a_hold_ends_before_its_lease_does() {
        let now = Instant::now();
        assert!(Hold::new(now, Duration::from_secs(10)).is_held());
        let old = Hold::new(now - Duration::from_secs(9), Duration::from_secs(10));
        assert!(!old.is_held(), "the margin is over");
        old.renew(now, Duration::from_secs(10));
        assert!(old.is_held());
        old.lose();
        assert!(!old.is_held());
    }
}
