//! How much a trial may be about, and how long it may keep others waiting.

use crate::error::{Result, StoreError};
use causeway_records::problem::Reason;
use std::time::Duration;
use tokio::time::timeout;

/// Records whose inputs one trial reads on each side.
pub const MOST_RECORDS: usize = 500;
/// Bytes of the texts in these inputs, on each side: manifests, and rules of routes.
pub const MOST_BYTES: usize = 4 << 20;

/// All attempts of a trial together. What they have locked is free at the end of the statement that runs then.
const TRIED_WITHIN: Duration = Duration::from_secs(10);
/// For Postgres: how long a statement waits for what others have locked, and how long it takes. Twice the second is less than what others wait for us.
pub(super) const OF_STATEMENTS: &str = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '5s'";
/// Attempts of a trial that meets a write. A snapshot is outdated sooner than what a write has read.
const TRIES: usize = 24;

/// Others are at the same records.
pub(super) fn met() -> StoreError {
    StoreError::conflict(Reason::Contention, "others change the same records all the time; try again")
}

/// Ends a trial that takes too long.
pub(super) async fn in_time<V>(trial: impl Future<Output = Result<V>>) -> Result<V> {
    timeout(TRIED_WITHIN, trial).await.unwrap_or_else(|_| {
        let sentence = format!(
            "what the write would do was not found out within {} seconds, and others wait for the same records; try again, or make the change in parts",
            TRIED_WITHIN.as_secs()
        );
        Err(StoreError::conflict(Reason::Contention, sentence))
    })
}

/// Tries again when another transaction was met.
pub(super) async fn again_if_met<V, F: Future<Output = Result<V>>>(once: impl Fn() -> F) -> Result<V> {
    for _ in 1..TRIES {
        match once().await {
            Err(error) if was_met(&error) => {}
            Err(error) if took_too_long(&error) => return Err(met()),
            done => return done,
        }
    }
    once().await.map_err(|error| if was_met(&error) || took_too_long(&error) { met() } else { error })
}

fn was_met(error: &StoreError) -> bool {
    // A statement that met another transaction was tried again in the one that had failed: 25P02.
    error.is_transient() || is_contention(error) || code(error).as_deref() == Some("25P02")
}

fn took_too_long(error: &StoreError) -> bool {
    matches!(error, StoreError::TookTooLong(_))
}

fn code(error: &StoreError) -> Option<String> {
    let StoreError::Unavailable(error) = error else { return None };
    error.as_database_error()?.code().map(|code| code.into_owned())
}

fn is_contention(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict(refusal) if refusal.reason == Reason::Contention)
}

/// Refuses what is too much for one trial.
pub(super) fn check(records: usize, bytes: usize) -> Result<()> {
    let problem = if records > MOST_RECORDS {
        format!("would show {records} records with their objects, and {MOST_RECORDS} are the most")
    } else if bytes > MOST_BYTES {
        format!("would read {bytes} bytes of manifests and rules, and {MOST_BYTES} are the most")
    } else {
        return Ok(());
    };
    let problem = format!("{problem}; make the change without it, or in parts");
    Err(StoreError::invalid_field(Reason::InvalidQuery, "plan", problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::{pending, ready};
    use std::cell::Cell;

    #[test]
    fn too_much_is_refused_with_the_next_step() {
        assert!(check(MOST_RECORDS, MOST_BYTES).is_ok());
        for (records, bytes, part) in [(501, 0, "501 records"), (1, 4_194_305, "4194305 bytes")] {
            let refusal = check(records, bytes).unwrap_err().to_string();
            assert!(refusal.contains(part) && refusal.contains("without it, or in parts"), "{refusal}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_takes_too_long_is_ended() {
        let refusal = in_time(pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::Contention);
        assert_eq!(in_time(ready(Ok(7))).await.unwrap(), 7);
    }

    /// How often something is tried that fails so often, and what comes of it.
    async fn tried(error: fn() -> StoreError, times: usize) -> (usize, Result<()>) {
        let tries = Cell::new(0);
        let done = again_if_met(|| {
            tries.set(tries.get() + 1);
            ready(if tries.get() > times { Ok(()) } else { Err(error()) })
        });
        let done = done.await;
        (tries.get(), done)
    }

    #[tokio::test]
    async fn what_met_another_is_tried_again_and_what_is_wrong_is_not() {
        assert!(matches!(tried(met, 3).await, (4, Ok(()))));
        let (tries, done) = tried(met, 100).await;
        assert_eq!((tries, done.unwrap_err().reason()), (TRIES, Reason::Contention));
        assert!(matches!(tried(|| StoreError::PlanOutdated, 1).await, (1, Err(StoreError::PlanOutdated))));
    }
}
