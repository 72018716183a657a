//! Keeping below Route 53's limit of requests, which counts per account and for everybody who uses it.
//!
//! Own code instead of governor because its `until_ready` serves whoever asks at the right moment, so that one of many may wait for ever. Behind
//! a mutex it would be in order, but no shorter than this, and it sleeps by a timer of its own, which tokio's paused clock in tests
//! doesn't move.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Lets requests through one after the other, some at once and then at a steady rate.
#[derive(Debug)]
pub(super) struct RequestLimiter {
    interval: Duration,
    burst: u32,
    /// When all that was let through is paid for: the further in the future, the less is left of the burst.
    paid: Mutex<Instant>,
}

impl RequestLimiter {
    /// `burst` requests at once, and then one every `interval`.
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst, paid: Mutex::new(Instant::now()) }
    }

    /// Waits until the next request may be sent. Those who wait are served in the order in which they came.
    pub(super) async fn wait(&self) {
        let mut paid = self.paid.lock().await;
        let next = (*paid).max(Instant::now()) + self.interval;
        let credit = self.interval * self.burst;
        if let Some(earliest) = next.checked_sub(credit) {
            sleep_until(earliest).await;
        }
        *paid = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_in_turn() {
        let limiter = RequestLimiter::new(Duration::from_millis(250), 4);
        let start = Instant::now();
        for _ in 0..4 {
            limiter.wait().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..4 {
            limiter.wait().await;
        }
        assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    }
}
