//! How long a failing record rests before it is reconciled again. Each record backs off alone.

use causeway_cluster::backoff::Backoff;
use std::time::Duration;

/// The rest doubles with each failure.
const SOON: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(60));
/// A record that only a person can mend is parked after this many failures, which takes some minutes.
const PATIENCE: i32 = 9;
/// How often a parked record is tried.
const PARKED: Duration = Duration::from_secs(300);
/// After a panic: the fault is in our code, and stays there until that is replaced.
const DEFECT: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(3600));

/// How a reconcile that failed is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The rest doubles with each failure, up to a minute.
    #[default]
    Soon,
    /// The same at first; later every few minutes, because it is for a person to mend.
    Parked,
    /// From a minute up to an hour: the fault is in our code.
    Defect,
}

impl Retry {
    /// How long a record rests that has failed so often before. Between half of the computed time and all of it, so that records that failed
    /// together aren't tried together.
    pub(crate) fn rest(self, failures: i32) -> Duration {
        let backoff = match self {
            Self::Defect => DEFECT,
            Self::Parked if failures >= PATIENCE => Backoff::new(PARKED, PARKED),
            Self::Parked | Self::Soon => SOON,
        };
        backoff.delay(failures)
    }

    /// What the condition of a parked record adds to its sentence; empty for every other.
    pub(crate) fn remark(self, failures: i32) -> String {
        if self != Self::Parked || failures < PATIENCE {
            return String::new();
        }
        format!(
            "; it failed again and again, so it is tried every {} minutes only, and at once when it is changed or sent Reconciled false",
            PARKED.as_secs() / 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_stops_growing() {
        for (failures, longest) in [(0, 500), (1, 1000), (3, 4000), (7, 60_000), (i32::MAX, 60_000)] {
            let rest = Retry::Soon.rest(failures).as_millis();
            assert!((longest / 2..=longest).contains(&rest), "{failures}: {rest}");
        }
    }

    #[test]
    fn a_defect_is_tried_again_ever_more_seldom() {
        for (failures, longest) in [(0, 60), (1, 120), (6, 3600), (i32::MAX, 3600)] {
            let rest = Retry::Defect.rest(failures).as_secs();
            assert!((longest / 2..=longest).contains(&rest), "{failures}: {rest}");
        }
    }

    #[test]
    fn what_only_a_person_can_mend_is_parked_after_a_while_and_says_so() {
        assert!(Retry::Parked.rest(2) < Duration::from_secs(5) && Retry::Parked.remark(2).is_empty());
        assert!(Retry::Parked.rest(20) >= PARKED / 2);
        let remark = Retry::Parked.remark(20);
        assert!(remark.contains("every 5 minutes") && remark.contains("Reconciled false"));
        assert!(Retry::Soon.remark(20).is_empty());
    }
}
