//! How long a failing record rests before it is tried again.

use rand::RngExt;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// Doubles with each failure up to a minute; between half of it and all, so that what failed together isn't tried together.
pub(super) fn after(failures: i32) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.clamp(0, 10));
    doubled.min(LONGEST).mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_stops_growing() {
        for (failures, longest) in [(0, 500), (1, 1000), (3, 4000), (7, 60_000), (i32::MAX, 60_000)] {
            let rest = after(failures).as_millis();
            assert!((longest / 2..=longest).contains(&rest), "{failures}: {rest}");
        }
    }
}
