//! How long a failing record rests before it is tried again.

use rand::RngExt;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// A record that has failed so often, over some minutes, and that only a person can mend, is parked.
const PATIENCE: i32 = 9;
/// How often a parked record is tried.
pub(super) const PARKED: Duration = Duration::from_secs(300);
/// The rests of a record whose pass panicked: what went wrong is in our code, and stays there until it is replaced.
const DEFECT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));

/// Doubles with each failure up to a minute; between half of it and all, so that what failed together isn't tried together.
pub(super) fn after(failures: i32) -> Duration {
    jittered(doubled(FIRST, failures).min(LONGEST))
}

/// Whether a record that only a person can mend has failed often enough to be parked.
pub(super) fn is_parked(failures: i32) -> bool {
    failures >= PATIENCE
}

/// The rest of a parked record.
pub(super) fn parked() -> Duration {
    jittered(PARKED)
}

/// The rest of a record whose pass panicked, which doubles up to an hour.
pub(super) fn after_panic(failures: i32) -> Duration {
    jittered(doubled(DEFECT.0, failures).min(DEFECT.1))
}

fn doubled(first: Duration, failures: i32) -> Duration {
    first.saturating_mul(1 << failures.clamp(0, 10))
}

fn jittered(rest: Duration) -> Duration {
    rest.mul_f64(rand::rng().random_range(0.5..1.0))
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

    #[test]
    fn a_defect_is_tried_again_ever_more_seldom() {
        for (failures, longest) in [(0, 60), (1, 120), (6, 3600), (i32::MAX, 3600)] {
            let rest = after_panic(failures).as_secs();
            assert!((longest / 2..=longest).contains(&rest), "{failures}: {rest}");
        }
    }
}
