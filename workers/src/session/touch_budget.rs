//! How many objects may be touched in a while, so that a controller that seems to have missed them looks again. Controllers miss few. Where very many
//! objects wait for an answer, their controller is busy, and must not get more to do.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The budget is for this long.
const WINDOW: Duration = Duration::from_secs(30);
/// Touches in one window.
const MOST: usize = 10;

/// When objects were touched lately.
#[derive(Debug, Default)]
pub(super) struct TouchBudget(Mutex<Vec<Instant>>);

impl TouchBudget {
    /// Whether one more is left; then it is used.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lately.retain(|at| now.duration_since(*at) < WINDOW);
        let left = lately.len() < MOST;
        if left {
            lately.push(now);
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_window_and_then_again() {
        let (budget, now) = (TouchBudget::default(), Instant::now());
        assert_eq!((0..MOST + 5).filter(|_| budget.take(now)).count(), MOST);
        assert!(!budget.take(now + WINDOW / 2));
        assert!(budget.take(now + WINDOW));
    }
}
