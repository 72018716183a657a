//! How often the controllers of a cluster may be reminded of what they seem to have overlooked: a few times, for they overlook little. Where very
//! many wait for an answer, a controller has much to do, and must not have more.

use super::Site;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Counted anew after this long.
const WINDOW: Duration = Duration::from_secs(30);
/// In one window.
const MOST: usize = 10;

/// When controllers were reminded lately.
#[derive(Debug, Default)]
pub(super) struct Reminders(Mutex<Vec<Instant>>);

impl Reminders {
    fn take(&self, now: Instant) -> bool {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lately.retain(|at| now.duration_since(*at) < WINDOW);
        let may = lately.len() < MOST;
        if may {
            lately.push(now);
        }
        may
    }
}

impl Site {
    /// Whether one more reminder may be given now; then it counts as given.
    pub(crate) fn may_remind(&self) -> bool {
        self.reminders.take(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_window_and_then_again() {
        let (reminders, now) = (Reminders::default(), Instant::now());
        assert_eq!((0..MOST + 5).filter(|_| reminders.take(now)).count(), MOST);
        assert!(!reminders.take(now + WINDOW / 2));
        assert!(reminders.take(now + WINDOW));
    }
}
