//! How long good ones waited, and beside which way to misbehave.

use std::{cell::Cell, time::Duration};

/// The number of the way whose turn it is. All at once have one turn.
pub(crate) type Turn = Cell<usize>;

/// How long each of several things took.
#[derive(Default)]
pub(crate) struct Waits(Vec<Wait>);

#[derive(Clone, Copy)]
struct Wait {
    turn: usize,
    took: Duration,
}

impl Waits {
    pub(crate) fn add(&mut self, turn: usize, took: Duration) {
        self.0.push(Wait { turn, took });
    }

    /// Those of one turn.
    pub(crate) fn of(&self, turn: usize) -> Self {
        Self(self.0.iter().filter(|wait| wait.turn == turn).copied().collect())
    }

    /// None of nothing.
    pub(crate) fn p95(&self) -> Option<Duration> {
        self.percentile(95)
    }

    fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted: Vec<_> = self.0.iter().map(|wait| wait.took).collect();
        sorted.sort_unstable();
        sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
    }

    /// How many there are, and how long they took.
    pub(crate) fn describe(&self, what: &str) -> String {
        match (self.percentile(50), self.p95()) {
            (Some(p50), Some(p95)) => format!("{} {what}: p50 {p50:.1?}, p95 {p95:.1?}", self.count()),
            _ => format!("0 {what}"),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// What the good ones waited for in one phase.
pub(crate) struct Good {
    /// Requests to the API.
    pub(crate) requests: Waits,
    /// From the request for a workload until its object is in the cluster.
    pub(crate) workloads: Waits,
}

impl Good {
    /// What they waited for in one turn.
    pub(crate) fn of(&self, turn: usize) -> Self {
        Self { requests: self.requests.of(turn), workloads: self.workloads.of(turn) }
    }

    pub(crate) fn describe(&self) -> String {
        format!("{}; {}", self.requests.describe("requests"), self.workloads.describe("workloads"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_its_own_percentile() {
        let mut waits = Waits::default();
        for took in 1..=100 {
            waits.add(0, Duration::from_millis(took));
        }
        waits.add(1, Duration::from_secs(1));
        assert_eq!(waits.of(0).p95(), Some(Duration::from_millis(95)));
        assert_eq!(waits.of(1).p95(), Some(Duration::from_secs(1)));
        assert_eq!(waits.of(2).p95(), None);
        assert_eq!(waits.of(0).describe("requests"), "100 requests: p50 50.0ms, p95 95.0ms");
        assert_eq!(waits.of(2).describe("requests"), "0 requests");
    }
}
