//! How old the database is, beside what its clusters have seen of it: a backup that was restored knows less than they do.

use crate::{Store, error::Result};
use causeway_records::database_epoch::DatabaseEpoch;
use sqlx::Row;

/// Ids that were given out after the last mark are within this many of it.
const UNMARKED_IDS: i64 = 1_000_000;

impl Store {
    /// Where the database is, for this runtime.
    pub async fn epoch(&self, runtime: i64) -> Result<DatabaseEpoch> {
        let text = "SELECT coalesce((SELECT epoch FROM clusters WHERE runtime_id = $1), $2), last_value FROM ids";
        self.epoch_by(text, runtime, 0).await
    }

    /// Counts up, because something was changed in the cluster.
    pub async fn next_epoch(&self, runtime: i64) -> Result<DatabaseEpoch> {
        self.pass_epoch(runtime, 0).await
    }

    /// Counts on after the epoch that a cluster knows: what the database is now is right.
    pub async fn pass_epoch(&self, runtime: i64, marked: i64) -> Result<DatabaseEpoch> {
        let text = "UPDATE clusters SET epoch = greatest(epoch, $2) + 1 WHERE runtime_id = $1 RETURNING epoch, (SELECT last_value FROM ids)";
        self.epoch_by(text, runtime, marked).await
    }

    /// Makes sure that no record gets an id that was another one's in the time that the database forgot.
    pub async fn skip_ids(&self, marked: &DatabaseEpoch) -> Result<()> {
        sqlx::query("SELECT setval('ids', $1) FROM ids WHERE last_value <= $2")
            .bind(marked.last_id + UNMARKED_IDS)
            .bind(marked.last_id)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn epoch_by(&self, text: &'static str, runtime: i64, marked: i64) -> Result<DatabaseEpoch> {
        let row = sqlx::query(text).bind(runtime).bind(marked).fetch_one(&self.pool).await?;
        Ok(DatabaseEpoch { runtime, epoch: row.try_get(0)?, last_id: row.try_get(1)? })
    }
}
