//! The work queue: which records are due, and what came of their reconciles. A row of `reconciliations` is both the outbox of a write and
//! the queue item.
//!
//! ```text
//! wake: wake_seq + 1, due now ──▶ due ──▶ begin: reads wake_seq ──▶ reconcile ──▶ complete: due later, if wake_seq is still the same
//! ```
//!
//! Every wake counts up `wake_seq`. A reconcile reads it first; `complete` sets the next due time only if it is unchanged, and otherwise leaves
//! the record due. So no wake is lost, whenever it comes. All times are Postgres's own.
//!
//! A worker that lost its lease may call all of these: `begin` gives it nothing, and its writes match no row.

mod claimed;
mod outcome;
mod reconcile;
mod secret_hashes;

pub use claimed::{Claimed, claimed_for_tests};
pub use outcome::{Action, NewEvent, Outcome};

use crate::{Store, error::Result, writes::retried};
use causeway_records::Kind;
use std::{collections::VecDeque, time::Duration};

/// A record, by kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Key {
    pub kind: Kind,
    pub id: i64,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// A record that is due.
#[derive(Clone, Debug)]
pub struct DueItem {
    pub key: Key,
    /// How long it has been due.
    pub age: Duration,
}

/// Due records by priority class, each list a short range of an index. The ranges overlap: whoever takes from one must skip what is already
/// in flight.
#[derive(Clone, Debug, Default)]
pub struct DueItems {
    /// Other records of the cluster wait for them: the cluster itself, its support services and shared gateways.
    pub prerequisites: VecDeque<DueItem>,
    /// Intent has changed: those that have been due longest.
    pub oldest: VecDeque<DueItem>,
    /// Intent has changed: those that came last.
    pub newest: VecDeque<DueItem>,
    /// Woken by an object, a dependency or a timer: those that have been due longest.
    pub rest: VecDeque<DueItem>,
}

impl Store {
    /// The due records of a cluster, at most `limit` of each priority class.
    pub async fn due(&self, cluster_id: i64, limit: i64) -> Result<DueItems> {
        // Short ranges of two indexes, however many are due.
        let rows = sqlx::query!(
            r#"(SELECT kind AS "kind!", id AS "id!", extract(epoch FROM now() - due_at)::float8 AS "age!", 3 AS "class!" FROM reconciliations
                WHERE runtime_id = $1 AND due_at <= now() AND kind IN ('KubernetesRuntimeInstance', 'SupportServiceInstance', 'SharedGateway', 'ListenerSet')
                ORDER BY due_at LIMIT $2)
             UNION ALL (SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 0 FROM reconciliations
                WHERE runtime_id = $1 AND urgent AND due_at <= now() ORDER BY due_at LIMIT $2)
             UNION ALL (SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 1 FROM reconciliations
                WHERE runtime_id = $1 AND urgent AND due_at <= now() ORDER BY due_at DESC LIMIT $2)
             UNION ALL (SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 2 FROM reconciliations
                WHERE runtime_id = $1 AND NOT urgent AND due_at <= now() ORDER BY due_at LIMIT $2)"#,
            cluster_id,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let mut items = DueItems::default();
        for row in rows {
            let list = match row.class {
                0 => &mut items.oldest,
                1 => &mut items.newest,
                3 => &mut items.prerequisites,
                _ => &mut items.rest,
            };
            // A later release may have kinds that this one doesn't know: its records wait for its workers.
            if let Ok(kind) = row.kind.parse() {
                let age = Duration::try_from_secs_f64(row.age).unwrap_or_default();
                list.push_back(DueItem { key: Key { kind, id: row.id }, age });
            }
        }
        Ok(items)
    }

    /// How long until the next record of a cluster is due; None if none will be before something wakes it.
    pub async fn next_due(&self, cluster_id: i64) -> Result<Option<Duration>> {
        let seconds = sqlx::query_scalar!(
            "SELECT extract(epoch FROM least((SELECT min(due_at) FROM reconciliations WHERE runtime_id = $1 AND urgent AND due_at IS NOT NULL),
                (SELECT min(due_at) FROM reconciliations WHERE runtime_id = $1 AND NOT urgent AND due_at IS NOT NULL)) - now())::float8",
            cluster_id
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    }

    /// Of these clusters, those with due records.
    pub async fn clusters_with_due_records(&self, cluster_ids: &[i64]) -> Result<Vec<i64>> {
        // Two lookups in an index for each cluster, however many records it has.
        let due = sqlx::query_scalar!(
            r#"SELECT c.id AS "id!" FROM unnest($1::bigint[]) c(id)
             WHERE EXISTS (SELECT FROM reconciliations WHERE runtime_id = c.id AND urgent AND due_at <= now())
                OR EXISTS (SELECT FROM reconciliations WHERE runtime_id = c.id AND NOT urgent AND due_at <= now())"#,
            cluster_ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(due)
    }

    /// Wakes every record of a cluster: whoever watches it now has not seen what happened before.
    pub async fn wake_cluster(&self, cluster_id: i64) -> Result<()> {
        retried(self, || self.wake_cluster_once(cluster_id)).await
    }

    async fn wake_cluster_once(&self, cluster_id: i64) -> Result<()> {
        // In the order of (kind, id), see [`Self::wake`].
        sqlx::query!(
            "UPDATE reconciliations r SET wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now())
             FROM (SELECT kind, id FROM reconciliations WHERE runtime_id = $1 AND gone_at IS NULL ORDER BY kind, id FOR UPDATE) o
             WHERE r.kind = o.kind AND r.id = o.id",
            cluster_id
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Wakes records: an object of theirs changed, or what they read of another record did. Also records whose rows are gone: an object of
    /// theirs may be left in the cluster, or have come back.
    pub async fn wake(&self, keys: &[Key]) -> Result<()> {
        if keys.is_empty() { Ok(()) } else { retried(self, || self.wake_once(keys)).await }
    }

    async fn wake_once(&self, keys: &[Key]) -> Result<()> {
        let (kinds, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.kind.as_str(), key.id)).unzip();
        // Rows in the order of (kind, id), so that two that wake the same ones can't wait for each other.
        sqlx::query!(
            "UPDATE reconciliations r SET wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now())
             FROM (SELECT kind, id FROM reconciliations JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::bigint[]) k(kind, id)) k USING (kind, id)
                   ORDER BY kind, id FOR UPDATE OF reconciliations) o
             WHERE r.kind = o.kind AND r.id = o.id",
            kinds as _,
            &ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Of these records, those whose deletion was asked for, also if their rows are gone by now.
    pub async fn being_deleted(&self, keys: &[Key]) -> Result<Vec<Key>> {
        let (kinds, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.kind.as_str(), key.id)).unzip();
        let rows = sqlx::query!(
            r#"SELECT kind AS "kind!", id AS "id!" FROM reconciliations JOIN unnest($1::text[], $2::bigint[]) k(kind, id) USING (kind, id)
             WHERE deletion_scheduled IS NOT NULL"#,
            kinds as _,
            &ids
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|row| Some(Key { kind: row.kind.parse().ok()?, id: row.id })).collect())
    }

    /// How many records are due, and for how long the oldest has been.
    pub async fn backlog_of_all(&self) -> Result<(i64, Duration)> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "count!", coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS "age!" FROM reconciliations
             WHERE due_at <= now()"#,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((row.count, Duration::try_from_secs_f64(row.age).unwrap_or_default()))
    }
}
