//! How old the database is, beside what its clusters have seen of it: a backup that was restored knows less than they do.

use crate::{Store, error::Result};
use causeway_records::database_epoch::{DatabaseEpoch, IDS_SINCE_BACKUP};

/// Ids that were given out after the last mark are within this many of it.
const UNMARKED_IDS: i64 = 1_000_000;

impl Store {
    /// Where the database is, for this runtime.
    pub async fn epoch(&self, runtime: i64) -> Result<DatabaseEpoch> {
        Ok(sqlx::query_as!(
            DatabaseEpoch,
            r#"SELECT $1::bigint AS "runtime!", coalesce((SELECT epoch FROM clusters WHERE runtime_id = $1), 0) AS "epoch!",
                last_value AS last_id FROM ids"#,
            runtime
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Counts up, because something was changed in the cluster.
    pub async fn next_epoch(&self, runtime: i64) -> Result<DatabaseEpoch> {
        self.pass_epoch(runtime, 0).await
    }

    /// Counts on after the epoch that a cluster knows: what the database is now is right.
    pub async fn pass_epoch(&self, runtime: i64, marked: i64) -> Result<DatabaseEpoch> {
        Ok(sqlx::query_as!(
            DatabaseEpoch,
            r#"UPDATE clusters SET epoch = greatest(epoch, $2) + 1 WHERE runtime_id = $1
             RETURNING runtime_id AS runtime, epoch, (SELECT last_value FROM ids) AS "last_id!""#,
            runtime,
            marked
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Makes sure that no record gets an id that was another one's in the time that the database forgot. A mark that can't be true skips
    /// none, whoever asks: without ids nothing can be written any more, and nothing gives them back. Where some are skipped, the history of events
    /// is another one, too: those who have read events of that time begin anew.
    pub async fn skip_ids(&self, marked: &DatabaseEpoch) -> Result<()> {
        sqlx::query!(
            "WITH skipped AS MATERIALIZED (SELECT setval('ids', $1) AS id FROM ids WHERE last_value <= $2 AND last_value >= $3)
             UPDATE event_sequencer SET epoch = (epoch + 1 + floor(random() * 4294967294)::bigint) % 4294967296 WHERE (SELECT count(id) FROM skipped) > 0",
            marked.last_id.saturating_add(UNMARKED_IDS),
            marked.last_id,
            marked.last_id.saturating_sub(IDS_SINCE_BACKUP)
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
