//! How old the database is, beside what its clusters have seen of it: a backup that was restored knows less than they do.

use crate::{Store, error::Result};
use sqlx::Row;

/// A moment in the life of a database, as it is also noted down in a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Id of the runtime instance.
    pub runtime: i64,
    /// Counts spells of changes made in the cluster.
    pub epoch: i64,
    /// The last id that was given to a record.
    pub last_id: i64,
}

impl Epoch {
    /// Whether a cluster that knows `marked` has seen a later database than the one that is at `self`.
    #[must_use]
    pub fn is_before(&self, marked: &Self) -> bool {
        marked.last_id > self.last_id || (marked.runtime == self.runtime && marked.epoch > self.epoch)
    }
}

/// Ids that were given out after the last mark are within this many of it.
const UNMARKED_IDS: i64 = 1_000_000;

impl Store {
    /// Where the database is, for this runtime.
    pub async fn epoch(&self, runtime: i64) -> Result<Epoch> {
        let text = "SELECT coalesce((SELECT epoch FROM clusters WHERE runtime_id = $1), $2), last_value FROM ids";
        self.epoch_by(text, runtime, 0).await
    }

    /// Counts up, because something was changed in the cluster.
    pub async fn next_epoch(&self, runtime: i64) -> Result<Epoch> {
        self.pass_epoch(runtime, 0).await
    }

    /// Counts on after the epoch that a cluster knows: what the database is now is right.
    pub async fn pass_epoch(&self, runtime: i64, marked: i64) -> Result<Epoch> {
        let text = "UPDATE clusters SET epoch = greatest(epoch, $2) + 1 WHERE runtime_id = $1 RETURNING epoch, (SELECT last_value FROM ids)";
        self.epoch_by(text, runtime, marked).await
    }

    /// Makes sure that no record gets an id that was another one's in the time that the database forgot.
    pub async fn skip_ids(&self, marked: &Epoch) -> Result<()> {
        sqlx::query("SELECT setval('ids', $1) FROM ids WHERE last_value <= $2")
            .bind(marked.last_id + UNMARKED_IDS)
            .bind(marked.last_id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn epoch_by(&self, text: &'static str, runtime: i64, marked: i64) -> Result<Epoch> {
        let row = sqlx::query(text).bind(runtime).bind(marked).fetch_one(&self.pool).await?;
        Ok(Epoch { runtime, epoch: row.try_get(0)?, last_id: row.try_get(1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_before_a_mark_that_knows_more() {
        let now = Epoch { runtime: 7, epoch: 3, last_id: 100 };
        assert!(!now.is_before(&now));
        assert!(!now.is_before(&Epoch { epoch: 2, last_id: 90, ..now }));
        assert!(now.is_before(&Epoch { epoch: 4, ..now }));
        assert!(now.is_before(&Epoch { last_id: 101, ..now }));
        // Another runtime stood for the cluster once, and counted for itself.
        assert!(!now.is_before(&Epoch { runtime: 6, epoch: 9, ..now }));
    }
}
