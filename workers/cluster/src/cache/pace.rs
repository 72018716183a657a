//! How many watch events of one cluster are taken in a second.
//!
//! Each costs a worker processor time that the other clusters want, too. What comes faster waits in the connection, where the cluster's own
//! API server notices. Lists are not held up: each page of them was asked for.

use std::num::NonZeroU32;

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};

/// On average. A cluster in which a thousand routes change has their events taken in the burst.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(1000).expect("a thousand is not zero");
const BURST: NonZeroU32 = NonZeroU32::new(20_000).expect("neither is this");

/// Shared by the watches of one cluster.
pub(super) struct Pace {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            limiter: RateLimiter::direct(Quota::per_second(PER_SECOND).allow_burst(BURST)),
            clock: DefaultClock::default(),
        }
    }
}

impl Pace {
    /// Waits until one more event may be taken.
    pub(super) async fn next_event(&self) {
        while let Err(not_yet) = self.limiter.check() {
            tokio::time::sleep(not_yet.wait_time_from(self.clock.now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn a_burst_passes_and_what_never_ends_is_slowed_down() {
        let (pace, begun) = (Pace::default(), Instant::now());
        for _ in 0..BURST.get() {
            pace.next_event().await;
        }
        let burst = begun.elapsed();
        for _ in 0..PER_SECOND.get() {
            pace.next_event().await;
        }
        // Less than a second, since the burst took some time, too.
        assert!(begun.elapsed() >= Duration::from_millis(900), "{burst:?} of {:?}", begun.elapsed());
    }
}
