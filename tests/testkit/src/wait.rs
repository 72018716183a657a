//! Waits with a deadline.
//!
//! A test never sleeps for as long as something usually takes. It asks again and again until it is so, and fails with what
//! it saw last when that takes too long.

use std::{fmt::Debug, time::Duration};

use causeway_rig::ended_parts;
use tokio::time::{Instant, sleep};

/// The deadline for what takes seconds on a quiet machine.
pub const SOON: Duration = Duration::from_secs(90);
/// The deadline for the installation of all support services in an empty cluster.
pub const INSTALLED: Duration = Duration::from_secs(240);
/// Between two checks, when a wait begins.
pub const PAUSE: Duration = Duration::from_millis(50);
/// Between two checks, when a wait is long.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The time until the next check of a wait that began so long ago: a twentieth of that. A wait gets hardly longer by it, and checks in vain take less from what
/// is waited for: many tests wait at once, and a check makes work for the API and its database.
pub(crate) fn pause(waited: Duration) -> Duration {
    (waited / 20).clamp(PAUSE, LONGEST_PAUSE)
}

/// Calls `check` until it returns Ok, and returns what is in it.
///
/// # Panics
/// After [`SOON`]; the message has what `check` returned last.
pub async fn eventually<T, E: Debug>(what: &str, check: impl AsyncFnMut() -> Result<T, E>) -> T {
    within(SOON, what, check).await
}

/// [`eventually`] with a deadline of the caller's.
///
/// # Panics
/// After `deadline`; the message has what `check` returned last. Before, when a part of the rig has ended that all tests need.
pub async fn within<T, E: Debug>(deadline: Duration, what: &str, mut check: impl AsyncFnMut() -> Result<T, E>) -> T {
    let begun = Instant::now();
    loop {
        match check().await {
            Ok(found) => return found,
            Err(seen) if begun.elapsed() > deadline => panic!("not so after {deadline:?}: {what}; seen: {seen:#?}"),
            Err(_) => sleep(pause(begun.elapsed())).await,
        }
        if let Some(ended) = ended_parts() {
            panic!("{what} can't come any more: {ended}");
        }
    }
}

/// Calls `check` until it returns true.
///
/// # Panics
/// After [`SOON`].
pub async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    eventually(what, async || if check().await { Ok(()) } else { Err("it is not so") }).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_is_repeated_until_it_succeeds() {
        let mut calls = 0;
        let found = eventually("three calls", async || {
            calls += 1;
            if calls == 3 { Ok("found") } else { Err(calls) }
        })
        .await;
        assert_eq!((found, calls), ("found", 3));
    }

    #[test]
    fn pauses_grow_with_a_wait() {
        let pauses = [0, 1000, 3000, 60_000].map(|waited| pause(Duration::from_millis(waited)));
        assert_eq!(pauses, [50, 50, 150, 250].map(Duration::from_millis));
    }

    #[tokio::test]
    #[should_panic(expected = "not so after 60ms: never; seen: \"nothing\"")]
    async fn the_message_has_what_was_seen_last() {
        within(Duration::from_millis(60), "never", async || Err::<(), _>("nothing")).await;
    }
}
