//! When a delivery is tried again, and how long a receiver that fails is left alone.
//!
//! The waits are those that Standard Webhooks suggests. They are shortened and stretched together, by how long all of them take.

use std::time::Duration;

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// The wait before each attempt but the first.
const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    minutes(5),
    minutes(30),
    minutes(2 * 60),
    minutes(5 * 60),
    minutes(10 * 60),
    minutes(14 * 60),
    minutes(20 * 60),
    minutes(24 * 60),
];
/// Failures in a row that are taken for those of single messages.
const TAKEN: i64 = 2;
/// How long a receiver is left alone after the next one; twice as long after each further one.
const SHORTEST_REST: Duration = Duration::from_secs(5);
/// The longest rest: so long a receiver that is back waits for its first message.
const LONGEST_REST: Duration = minutes(5);
/// The longest time for which a receiver may ask to be left alone.
const LONGEST_RETRY_AFTER: Duration = minutes(60);

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Schedule {
    /// How much longer every wait is than the usual one.
    stretch: f64,
    span: Duration,
}

impl Schedule {
    /// Attempts over about so long a time.
    pub(super) fn over(span: Duration) -> Self {
        let usual: Duration = WAITS.iter().sum();
        Self { stretch: span.as_secs_f64() / usual.as_secs_f64(), span }
    }

    /// How long to wait after so many attempts; None: there are no more.
    pub(super) fn wait(&self, attempts: usize) -> Option<Duration> {
        let wait = WAITS.get(attempts.checked_sub(1)?)?;
        Some(wait.mul_f64(self.stretch))
    }

    /// How long a receiver is left alone that has failed so often in a row, and asks for it; None: it isn't.
    pub(super) fn rest(&self, failures: i64, asked: Option<Duration>) -> Option<Duration> {
        let asked = asked.map(|asked| asked.min(LONGEST_RETRY_AFTER));
        let doublings = u32::try_from(failures.saturating_sub(TAKEN + 1).min(16)).ok();
        let own = doublings.map(|more| (SHORTEST_REST * 2u32.pow(more)).min(LONGEST_REST).mul_f64(self.stretch));
        asked.into_iter().chain(own).max()
    }

    /// Whether a receiver that has failed so often in a row was taken to be away.
    pub(super) fn was_away(failures: i64) -> bool {
        failures > TAKEN
    }

    /// Whether a receiver that has taken nothing for so long is given up.
    pub(super) fn is_given_up(&self, failing_for: Duration) -> bool {
        failing_for > self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE_DAYS: Duration = Duration::from_secs(75 * 3600);

    #[test]
    fn a_delivery_is_tried_ten_times_over_three_days() {
        let usual: Duration = WAITS.iter().sum();
        let schedule = Schedule::over(usual);
        let waits: Vec<_> = (1..).map_while(|attempts| schedule.wait(attempts)).collect();
        assert_eq!(waits, WAITS);
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]) && schedule.wait(10).is_none());
        assert!(usual.abs_diff(THREE_DAYS) < minutes(60), "{usual:?}");
        assert_eq!(schedule.wait(0), None, "nothing was tried yet");
    }

    #[test]
    fn all_waits_are_stretched_alike() {
        let schedule = Schedule::over(Duration::from_secs(60));
        let all: Duration = (1..).map_while(|attempts| schedule.wait(attempts)).sum();
        assert!(all.abs_diff(Duration::from_secs(60)) < Duration::from_millis(1), "{all:?}");
        assert!(schedule.rest(100, None).unwrap() < Duration::from_secs(1));
        assert!(schedule.is_given_up(Duration::from_secs(61)) && !schedule.is_given_up(Duration::from_secs(60)));
    }

    #[test]
    fn a_receiver_that_fails_is_left_alone_ever_longer() {
        let schedule = Schedule::over(WAITS.iter().sum());
        let rest = |failures| schedule.rest(failures, None).map(|rest| rest.as_secs());
        assert_eq!([rest(0), rest(1), rest(2)], [None; 3], "single messages are no sign");
        assert_eq!([rest(3), rest(4), rest(5)], [Some(5), Some(10), Some(20)]);
        assert_eq!([rest(9), rest(1_000_000), rest(i64::MAX)], [Some(300); 3]);
        assert!(!Schedule::was_away(2) && Schedule::was_away(3));
    }

    #[test]
    fn what_a_receiver_asks_for_counts_within_an_hour() {
        let schedule = Schedule::over(WAITS.iter().sum());
        let asked = |failures, seconds| schedule.rest(failures, Some(Duration::from_secs(seconds))).unwrap().as_secs();
        assert_eq!([asked(1, 30), asked(3, 30), asked(9, 30), asked(1, 1_000_000)], [30, 30, 300, 3600]);
    }
}
