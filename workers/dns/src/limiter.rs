//! Keeping below Route 53's limit of requests, which counts per account and for everybody who uses it.
//!
//! Own code instead of governor because its `until_ready` serves whoever asks at the right moment, so that one of many may wait for ever. Behind
//! a mutex it would be in order, but no shorter than this, and it sleeps by a timer of its own, which tokio's paused clock in tests
//! doesn't move.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// The requests that an account has left, for all processes that use it.
pub trait RequestBudget: Debug + Send + Sync {
    /// Takes the next request, and answers how long to wait before it is sent: `burst` may be sent at once, and then one every `interval`. None: nobody can
    /// say, so each process keeps below the limit for itself.
    fn reserve(&self, interval: Duration, burst: u32) -> BoxFuture<'_, Option<Duration>>;
}

/// Lets requests through one after the other, some at once and then at a steady rate.
#[derive(Debug)]
pub(super) struct RequestLimiter {
    interval: Duration,
    burst: u32,
    /// When all that was let through is paid for: the further in the future, the less is left of the burst.
    paid: Mutex<Instant>,
    /// None: no other process uses the account.
    shared: Option<Arc<dyn RequestBudget>>,
}

impl RequestLimiter {
    /// `burst` requests at once, and then one every `interval`, in this process and in all that share the budget.
    pub(super) fn new(interval: Duration, burst: u32, shared: Option<Arc<dyn RequestBudget>>) -> Self {
        Self { interval, burst, paid: Mutex::new(Instant::now()), shared }
    }

    /// Waits until the next request may be sent. Those who wait in this process are served in the order in which they came.
    pub(super) async fn wait(&self) {
        let mut paid = self.paid.lock().await;
        let next = (*paid).max(Instant::now()) + self.interval;
        let credit = self.interval * self.burst;
        if let Some(earliest) = next.checked_sub(credit) {
            sleep_until(earliest).await;
        }
        if let Some(shared) = &self.shared
            && let Some(wait) = shared.reserve(self.interval, self.burst).await
        {
            sleep(wait).await;
        }
        *paid = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_in_turn() {
        let limiter = RequestLimiter::new(Duration::from_millis(250), 4, None);
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

    /// What another process left of the budget: so long to wait, or nothing that anybody could say.
    #[derive(Debug)]
    struct Left(Option<Duration>);

    impl RequestBudget for Left {
        fn reserve(&self, _: Duration, _: u32) -> BoxFuture<'_, Option<Duration>> {
            Box::pin(async { self.0 })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_have_used_is_waited_for() {
        let wait = async |left: Option<Duration>| {
            let limiter = RequestLimiter::new(Duration::from_millis(250), 4, Some(Arc::new(Left(left))));
            let start = Instant::now();
            limiter.wait().await;
            start.elapsed()
        };
        assert_eq!(wait(Some(Duration::from_millis(700))).await, Duration::from_millis(700));
        assert_eq!(wait(Some(Duration::ZERO)).await, Duration::ZERO);
        assert_eq!(wait(None).await, Duration::ZERO, "nobody can say");
    }
}
