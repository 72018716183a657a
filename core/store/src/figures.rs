//! How all records and clusters are, in a few numbers: what metrics tell of the whole control plane. Two statements, whatever the number of records.

use crate::{Store, error::Result};
use causeway_records::Kind;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How all records and clusters are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Records that aren't Ready, but for those that somebody has paused.
    pub blocked: Vec<BlockedRecords>,
    /// Clusters that have seen a later state of the database than it has now.
    pub restored: i64,
    /// Records whose deletion of many objects in a cluster waits for a person.
    pub mass_deletions: i64,
    /// Records with hostnames that wait for a person before they leave their zone.
    pub zone_deletions: i64,
    /// Clusters that no live worker holds.
    pub without_worker: i64,
    /// When the first certificate of a listener ends.
    pub first_expiry: Option<DateTime<Utc>>,
}

/// Records of one kind that the same step blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockedRecords {
    pub kind: Kind,
    /// Type of the first condition that isn't True; `Reconciled` before there are conditions.
    pub step: String,
    pub count: i64,
    /// How long it has blocked the first of them.
    pub longest: Duration,
}

impl Store {
    /// How all records and clusters are.
    pub async fn figures(&self) -> Result<Figures> {
        let blocked = sqlx::query!(
            r#"SELECT kind, coalesce(blocking_step, 'Reconciled') AS "step!", count(*) AS "count!",
                extract(epoch FROM now() - min(blocking_since))::float8 AS "longest!"
             FROM reconciliations
             WHERE blocking_since IS NOT NULL AND gone_at IS NULL AND NOT interrupt_reconciliation AND kind <> 'ListenerSet'
             GROUP BY 1, 2 ORDER BY 1, 2"#
        )
        .fetch_all(&self.pool)
        .await?;
        let all = sqlx::query!(
            r#"SELECT
                (SELECT count(DISTINCT runtime_id) FROM reconciliations
                 WHERE blocking_since IS NOT NULL AND gone_at IS NULL AND blocking_reason = 'DatabaseRestored') AS "restored!",
                (SELECT count(*) FROM reconciliations
                 WHERE blocking_since IS NOT NULL AND gone_at IS NULL AND blocking_reason = 'MassDeletion'
                     AND blocking_step <> 'DnsPublished') AS "mass_deletions!",
                (SELECT count(*) FROM reconciliations
                 WHERE blocking_since IS NOT NULL AND gone_at IS NULL AND blocking_reason = 'MassDeletion'
                     AND blocking_step = 'DnsPublished') AS "zone_deletions!",
                (SELECT count(*) FROM kubernetes_runtime_instances r
                 LEFT JOIN leases l ON l.runtime_id = r.id LEFT JOIN workers w ON w.id = l.holder AND w.until > now()
                 WHERE r.deleted_at IS NULL AND w.id IS NULL) AS "without_worker!",
                (SELECT min(not_after) FROM certificates WHERE deleted_at IS NULL) AS first_expiry"#
        )
        .fetch_one(&self.pool)
        .await?;
        let blocked = blocked.into_iter().filter_map(|row| {
            let longest = Duration::try_from_secs_f64(row.longest).unwrap_or_default();
            Some(BlockedRecords { kind: row.kind.parse().ok()?, step: row.step, count: row.count, longest })
        });
        Ok(Figures {
            blocked: blocked.collect(),
            restored: all.restored,
            mass_deletions: all.mass_deletions,
            zone_deletions: all.zone_deletions,
            without_worker: all.without_worker,
            first_expiry: all.first_expiry,
        })
    }
}
