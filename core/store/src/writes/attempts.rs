//! What meets another transaction is tried again, for some time.

use crate::{
    Store,
    error::{Result, StoreError},
};
use sqlx::postgres::PgDatabaseError;
use std::time::{Duration, Instant};

/// Attempts of what meets another transaction, the first included.
pub(crate) const TRIES: usize = 8;

/// When the last attempt begins at the latest. A statement waits ten seconds for a lock ([`pool`](crate::pool)): so whoever waits in vain is tried once more, and
/// a client is told before the time for its request is over.
const TRIED_FOR: Duration = Duration::from_secs(15);

/// Attempts of one write or read.
pub(super) struct Attempts<'s> {
    store: &'s Store,
    begun: Instant,
    made: usize,
}

impl<'s> Attempts<'s> {
    pub(super) fn new(store: &'s Store) -> Self {
        Self { store, begun: Instant::now(), made: 0 }
    }

    /// Whether there is one more after one that failed with this error. Who has most likely been waited for is told in the log.
    pub(super) async fn is_one_left_after(&mut self, error: &StoreError) -> bool {
        if let StoreError::Locked(error) = error {
            self.store.tell_oldest_transactions(error).await;
        }
        self.made += 1;
        self.made < TRIES && self.begun.elapsed() < TRIED_FOR
    }
}

/// Runs a transaction, or a statement that stands alone, and runs it again when it has met another one.
pub(crate) async fn retried<T, F: Future<Output = Result<T>>>(store: &Store, once: impl Fn() -> F) -> Result<T> {
    let mut attempts = Attempts::new(store);
    loop {
        let error = match once().await {
            Err(error) if error.is_transient() => error,
            done => return done,
        };
        if !attempts.is_one_left_after(&error).await {
            return Err(error);
        }
    }
}

impl Store {
    /// Tells what a statement has waited for in vain, and which transactions have been open longest: one of them holds it. Without their statements, which
    /// may be anybody's.
    async fn tell_oldest_transactions(&self, error: &sqlx::Error) {
        if self.pool.is_lent() {
            return;
        }
        let locked = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()?.r#where());
        let oldest = sqlx::query_scalar!(
            r#"SELECT format('%s %s (%s), open for %s s', application_name, pid, concat_ws(', ', state, wait_event),
                extract(epoch FROM clock_timestamp() - xact_start)::int) AS "transaction!"
            FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 3"#
        );
        let oldest = match oldest.fetch_all(&self.pool).await {
            Ok(transactions) => transactions.join("; "),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            locked,
            oldest,
            "others have kept something locked for too long; these transactions are the oldest"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// How often something is tried that fails so each time, and what comes of it.
    async fn tried(error: fn() -> StoreError) -> (usize, StoreError) {
        let store = Store::connect("postgres://127.0.0.1:1/none", 1, Duration::from_millis(1)).unwrap();
        let tries = Cell::new(0);
        let once = || async {
            tries.set(tries.get() + 1);
            Err::<(), _>(error())
        };
        let failed = retried(&store, once).await.unwrap_err();
        (tries.get(), failed)
    }

    #[tokio::test]
    async fn what_others_have_locked_is_tried_again_and_what_is_refused_is_not() {
        let (tries, failed) = tried(|| StoreError::Locked(sqlx::Error::RowNotFound)).await;
        assert!(tries == TRIES && matches!(failed, StoreError::Locked(_)), "{tries} {failed:?}");
        assert!(matches!(tried(|| StoreError::NotFound).await, (1, StoreError::NotFound)));
        assert!(matches!(tried(|| StoreError::TookTooLong(sqlx::Error::RowNotFound)).await, (1, _)));
    }
}
