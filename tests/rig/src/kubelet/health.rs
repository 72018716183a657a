//! What the answers to a probe say of a program, one after the other. Pure: all times are counted from the start of the program.
//!
//! Kubernetes counts failures: `failureThreshold` of them in a row, and the program is started again. On a machine that is short of processors,
//! as those are that run all tests, each check of a program that is well may take too long. To start it again then would take even more from the
//! others. So a program that says no is told from one that says nothing. The first is as good as dead, by the count of Kubernetes; the second
//! may be starved, and has to be silent for longer.

use std::time::Duration;

/// What came of asking once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Answer {
    /// The program is well.
    Success,
    /// It says that it isn't, or nobody listens at its port.
    Failure,
    /// Nothing came in time.
    Silence,
}

/// A program that may be starved is left alone for so long: one that says nothing, and one that has not been well yet, because it may listen late.
/// A machine may keep answers back for a minute. The deadlines of tests, which wait for what the program does, allow no much longer time.
const STARVATION: Duration = Duration::from_secs(90);

/// The answers to one probe so far.
#[derive(Debug)]
pub(super) struct Health {
    /// So many failures in a row count.
    threshold: u32,
    /// Whether it was ever well.
    was_well: bool,
    /// Failures and silences in a row.
    failed: u32,
    /// Failures in a row alone.
    refused: u32,
    /// When the first of the row was asked for. Before the first success: since when that is waited for.
    since: Duration,
}

impl Health {
    /// Of a program whose first success is waited for from `began` on.
    pub(super) fn new(threshold: u32, began: Duration) -> Self {
        Self { threshold, was_well: false, failed: 0, refused: 0, since: began }
    }

    /// Counts an answer to what was asked at `asked`.
    pub(super) fn add(&mut self, answer: Answer, asked: Duration) {
        if answer == Answer::Success {
            *self = Self { was_well: true, ..Self::new(self.threshold, asked) };
            return;
        }
        if self.was_well && self.failed == 0 {
            self.since = asked;
        }
        self.failed += 1;
        self.refused = if answer == Answer::Failure { self.refused + 1 } else { 0 };
    }

    /// Whether it can be used: by the rule of Kubernetes, since nothing is lost when it can't for a while.
    pub(super) fn is_ready(&self) -> bool {
        self.was_well && self.failed < self.threshold
    }

    /// Whether it has to be started again, at `now`.
    pub(super) fn is_dead(&self, now: Duration) -> bool {
        let says_no = self.was_well && self.refused >= self.threshold;
        says_no || (self.failed >= self.threshold && now.saturating_sub(self.since) >= STARVATION)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Answer::{Failure, Silence, Success},
        *,
    };

    /// When a program is found dead that is asked every ten seconds and answers so, the last time again and again.
    fn dies(threshold: u32, answers: &[Answer]) -> Option<u64> {
        let mut health = Health::new(threshold, Duration::ZERO);
        let last = answers.last().into_iter().cycle();
        answers.iter().chain(last).zip((0..).step_by(10)).take(100).find_map(|(&answer, second)| {
            let at = Duration::from_secs(second);
            health.add(answer, at);
            health.is_dead(at).then_some(second)
        })
    }

    fn is_ready_after(threshold: u32, answers: &[Answer]) -> bool {
        let mut health = Health::new(threshold, Duration::ZERO);
        answers.iter().for_each(|&answer| health.add(answer, Duration::ZERO));
        health.is_ready()
    }

    #[test]
    fn a_program_that_was_well_and_says_no_is_dead_after_as_many_failures_as_its_probe_says() {
        assert_eq!(dies(3, &[Success, Failure]), Some(30));
        assert_eq!(dies(1, &[Success, Failure]), Some(10));
        assert_eq!(dies(3, &[Success, Failure, Failure, Success, Failure]), Some(60));
        assert_eq!(dies(3, &[Success, Failure, Failure, Success]), None);
    }

    #[test]
    fn a_program_that_says_nothing_is_left_alone_for_longer_than_a_minute() {
        for threshold in [1, 2, 3] {
            assert_eq!(dies(threshold, &[Success, Silence]), Some(100), "{threshold}");
        }
        let mut starved = vec![Success];
        starved.extend([Silence; 8]);
        assert_eq!(dies(2, &[&starved[..], &[Success]].concat()), None);
    }

    #[test]
    fn more_silences_than_that_may_be_asked_for() {
        assert_eq!(dies(12, &[Success, Silence]), Some(120));
    }

    #[test]
    fn a_program_may_take_as_long_until_it_listens() {
        assert_eq!(dies(2, &[Failure]), Some(90));
        assert_eq!(dies(2, &[Failure, Failure, Failure, Success]), None);
    }

    #[test]
    fn only_failures_in_a_row_say_no() {
        assert_eq!(dies(2, &[Success, Failure, Silence, Failure, Silence, Failure, Failure]), Some(60));
        assert_eq!(dies(2, &[Success, Failure, Silence, Failure, Silence, Failure, Silence]), Some(100));
    }

    #[test]
    fn what_is_late_counts_from_when_it_is_asked() {
        let mut health = Health::new(1, Duration::from_secs(200));
        health.add(Silence, Duration::from_secs(210));
        assert!(!health.is_dead(Duration::from_secs(289)) && health.is_dead(Duration::from_secs(290)));
    }

    #[test]
    fn a_program_is_ready_from_its_first_success_until_as_many_failures_as_its_probe_says() {
        assert!(!is_ready_after(1, &[]) && !is_ready_after(3, &[Failure]));
        assert!(is_ready_after(3, &[Failure, Success, Failure, Silence]));
        assert!(!is_ready_after(3, &[Success, Failure, Silence, Failure, Failure]));
        assert!(is_ready_after(1, &[Success, Failure, Success]));
    }
}
