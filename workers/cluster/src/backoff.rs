//! Exponential delays between attempts.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// A delay that doubles with each failure, from `first` up to `longest`; each is cut by a random part of up to its half, so that what
/// failed together isn't tried together.
///
/// The number of failures comes from the caller, who may have it from a database: there is no state here.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The delay after this many earlier failures; negative counts as none.
    pub fn delay(&self, failures: i32) -> Duration {
        // backon adds up to the whole delay at random; of the half that makes half to all.
        let delays = ExponentialBuilder::new()
            .with_min_delay(self.first / 2)
            .with_max_delay(self.longest / 2)
            .with_jitter()
            .without_max_times();
        // After 31 doublings every delay has long reached its maximum.
        let failures = failures.clamp(0, 31).unsigned_abs();
        delays.build().nth(failures as usize).unwrap_or(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_and_is_cut_by_half_at_most() {
        let backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
        for (failures, full) in [(i32::MIN, 500), (0, 500), (1, 1000), (3, 4000), (7, 60_000), (i32::MAX, 60_000)] {
            let delay = backoff.delay(failures).as_millis();
            assert!((full / 2..=full).contains(&delay), "{failures}: {delay}");
        }
    }
}
