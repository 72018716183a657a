//! What others may ask for any number of times, and is done so often at most: whoever can publish on NATS can send any number of hints.

use crate::waiting::until;
use std::time::{Duration, Instant};

/// When something is done that was asked for: at once, until it was done so often in a short time that those who ask have to wait. All who ask until it is
/// done are served together. The rule is the generic cell rate algorithm (ITU-T I.371); a crate for it would tell us that a request is refused, and here
/// it waits.
#[derive(Debug)]
pub(super) struct Paced {
    /// The time from one to the next, in the long run.
    least: Duration,
    /// So much earlier it may be done than in the long run.
    slack: Duration,
    /// When it would be done next if it were done evenly.
    even: Option<Instant>,
    next: Option<Instant>,
}

impl Paced {
    /// `least`: the time from one to the next, in the long run. `burst`: so many more may be done at once.
    pub(super) fn new(least: Duration, burst: u32) -> Self {
        Self { least, slack: least * burst, even: None, next: None }
    }

    pub(super) fn ask(&mut self, now: Instant) {
        let earliest =
            self.even.and_then(|even| even.checked_sub(self.slack)).map_or(now, |earliest| now.max(earliest));
        self.next.get_or_insert(earliest);
    }

    /// To be called when it is done, for whatever reason.
    pub(super) fn done(&mut self, now: Instant) {
        self.even = Some(self.even.map_or(now, |even| even.max(now)) + self.least);
        self.next = None;
    }

    /// Ends when it is time, never if nobody asked.
    pub(super) async fn due(&self) {
        until(self.next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is done within some milliseconds, if somebody asks in each of them.
    fn done_in(paced: &mut Paced, start: Instant, milliseconds: u64) -> Vec<u64> {
        let mut done = vec![];
        for millisecond in 0..milliseconds {
            let now = start + Duration::from_millis(millisecond);
            paced.ask(now);
            if paced.next.is_some_and(|next| next <= now) {
                paced.done(now);
                done.push(millisecond);
            }
        }
        done
    }

    #[test]
    fn a_flood_costs_so_many_a_second() {
        let (start, mut paced) = (Instant::now(), Paced::new(Duration::from_millis(500), 0));
        assert_eq!(done_in(&mut paced, start, 2000), [0, 500, 1000, 1500]);
        // After a quiet time the first counts at once.
        let late = start + Duration::from_secs(60);
        paced.done(start + Duration::from_secs(2));
        paced.ask(late);
        assert_eq!(paced.next, Some(late));
    }

    #[test]
    fn some_in_a_row_wait_for_nothing() {
        let (start, mut paced) = (Instant::now(), Paced::new(Duration::from_millis(10), 3));
        assert_eq!(done_in(&mut paced, start, 30), [0, 1, 2, 3, 10, 20]);
        assert_eq!(done_in(&mut paced, start + Duration::from_secs(1), 5), [0, 1, 2, 3]);
    }

    #[tokio::test]
    async fn nothing_is_due_that_nobody_asked_for() {
        let paced = Paced::new(Duration::ZERO, 0);
        assert!(tokio::time::timeout(Duration::from_millis(20), paced.due()).await.is_err());
    }
}
