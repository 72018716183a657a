//! The queue of work: which records are due, and what a pass found.
//!
//! Every reason to look again counts up `wake_seq`. A pass reads it first, and at its end says when to look next only if it is still the same:
//! a wake that came in between is never lost. All times are Postgres's own.

use crate::{
    Store,
    error::{Result, StoreError},
    lease::Lease,
};
use causeway_records::{Kind, inventory::Inventory, kind::UnknownKind, status::Conditions};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Row, postgres::PgRow, types::Json};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A record, by kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Key {
    /// Its noun.
    pub kind: Kind,
    /// Its id.
    pub id: i64,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}

/// A record that is due.
#[derive(Clone, Debug)]
pub struct Due {
    /// Which.
    pub key: Key,
    /// How long it has been due.
    pub age: Duration,
}

/// Records that are due. One may be in two lists.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// Other records of the cluster wait for them: the cluster itself, its support services and shared gateways.
    pub foundations: VecDeque<Due>,
    /// Somebody waits for them: those that have been due longest.
    pub oldest: VecDeque<Due>,
    /// Somebody waits for them: those that came last.
    pub newest: VecDeque<Due>,
    /// Only to be looked at again: those that have been due longest.
    pub rest: VecDeque<Due>,
}

/// What a pass begins with.
#[derive(Clone, Debug)]
pub struct Work {
    /// Which record.
    pub key: Key,
    /// The lease under which the pass runs: it may note down what it does only while nobody else has taken the cluster.
    pub lease: Lease,
    /// The reasons to look that this pass answers.
    pub wake_seq: i64,
    /// What is asked for, counted.
    pub generation: i64,
    /// What was last applied.
    pub observed_generation: i64,
    /// Passes that failed since the last good one.
    pub attempts: i32,
    /// Objects in the cluster.
    pub inventory: Inventory,
    /// What the last pass found.
    pub conditions: Conditions,
    /// What other records' passes read of this one.
    pub projection: Option<Value>,
    /// The last failure.
    pub last_error: Option<String>,
    /// The release that last rendered it: an older one must leave it alone.
    pub render_version: i32,
    /// DELETE was asked for.
    pub being_deleted: bool,
    /// The work is paused.
    pub paused: bool,
    /// A person asked for this pass, so it may delete much at once.
    pub brake_released: bool,
    /// The record's row is gone; its objects may not be.
    pub gone: bool,
    /// When the pass began, by Postgres's clock and by ours.
    begun: (DateTime<Utc>, Instant),
}

impl Work {
    /// What time it is by Postgres's clock. Whatever is noted down is read by workers whose own clocks may say anything.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let (then, since) = self.begun;
        then + since.elapsed()
    }
}

/// When to look at a record again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// When something wakes it.
    #[default]
    WhenWoken,
    /// After a while, or when something wakes it.
    In(Duration),
}

impl Next {
    /// The same, but after this while at the latest.
    #[must_use]
    pub fn within(self, wait: Duration) -> Self {
        match self {
            Self::WhenWoken => Self::In(wait),
            Self::In(sooner) => Self::In(sooner.min(wait)),
        }
    }
}

/// What a pass found.
#[derive(Clone, Debug, Default)]
pub struct Settlement {
    /// When to look again.
    pub next: Next,
    /// What was asked for has been applied.
    pub applied: bool,
    /// The steps.
    pub conditions: Conditions,
    /// What other records' passes read of this one.
    pub projection: Option<Value>,
    /// Why the pass failed; None clears the count of attempts.
    pub error: Option<String>,
    /// Others read something of this record that has changed.
    pub wake_dependants: bool,
    /// The release that rendered it.
    pub render_version: i32,
    /// Objects in the cluster, where others than were noted down before.
    pub inventory: Option<Inventory>,
    /// What is told of it.
    pub event: Option<Told>,
}

/// An event of a pass.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened, in one word.
    pub reason: String,
    /// The same in a sentence.
    pub note: String,
    /// Something is wrong.
    pub warning: bool,
}

impl Store {
    /// Records of a scope that are due: those that others wait for, of those that somebody waits for the oldest and the newest, and the oldest of
    /// the rest, so many of each.
    pub async fn due(&self, scope: i64, limit: i64) -> Result<Waiting> {
        // Short ranges of two indexes, however many are due.
        let rows = sqlx::query(
            "(SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 3 FROM reconciliations
                WHERE runtime_id = $1 AND due_at <= now() AND kind IN ('KubernetesRuntimeInstance', 'SupportServiceInstance', 'SharedGateway')
                ORDER BY due_at LIMIT $2)
             UNION ALL (SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 0 FROM reconciliations
                WHERE runtime_id = $1 AND urgent AND due_at <= now() ORDER BY due_at LIMIT $2)
             UNION ALL (SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 1 FROM reconciliations
                WHERE runtime_id = $1 AND urgent AND due_at <= now() ORDER BY due_at DESC LIMIT $2)
             UNION ALL (SELECT kind, id, extract(epoch FROM now() - due_at)::float8, 2 FROM reconciliations
                WHERE runtime_id = $1 AND NOT urgent AND due_at <= now() ORDER BY due_at LIMIT $2)",
        )
        .bind(scope)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut waiting = Waiting::default();
        for row in &rows {
            let age = Duration::try_from_secs_f64(row.try_get(2)?).unwrap_or_default();
            let list = match row.try_get(3)? {
                0 => &mut waiting.oldest,
                1 => &mut waiting.newest,
                3 => &mut waiting.foundations,
                _ => &mut waiting.rest,
            };
            // A later release may have kinds that this one doesn't know: its records wait for its workers.
            if let Ok(key) = key(row) {
                list.push_back(Due { key, age });
            }
        }
        Ok(waiting)
    }

    /// How long until the next record of a scope is due; None: none will be until it is woken.
    pub async fn next_due(&self, scope: i64) -> Result<Option<Duration>> {
        let seconds: Option<f64> = sqlx::query_scalar(
            "SELECT extract(epoch FROM least((SELECT min(due_at) FROM reconciliations WHERE runtime_id = $1 AND urgent AND due_at IS NOT NULL),
                (SELECT min(due_at) FROM reconciliations WHERE runtime_id = $1 AND NOT urgent AND due_at IS NOT NULL)) - now())::float8",
        )
        .bind(scope)
        .fetch_one(&self.pool)
        .await?;
        Ok(seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default()))
    }

    /// Begins a pass under a lease; None when there never was such a record, or somebody else has the lease by now.
    pub async fn begin(&self, key: &Key, lease: Lease) -> Result<Option<Work>> {
        let row = sqlx::query(
            "SELECT kind, id, wake_seq, generation, observed_generation, attempts, inventory, conditions, projection, last_error, render_version,
                deletion_scheduled IS NOT NULL, interrupt_reconciliation OR EXISTS (SELECT FROM reconciliations p
                    WHERE p.kind = 'KubernetesRuntimeInstance' AND p.id = r.runtime_id AND p.interrupt_reconciliation),
                brake_released, gone_at IS NOT NULL, clock_timestamp()
             FROM reconciliations r WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $3 AND epoch = $4)",
        )
        .bind(key.kind.as_str())
        .bind(key.id)
        .bind(lease.scope)
        .bind(lease.epoch)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| work(&row, lease)).transpose()
    }

    /// Remembers the objects of a record before they are applied. False, and nothing is written, when
    /// somebody else has the lease: a worker that was frozen for a while must not overwrite what its successor knows.
    pub async fn save_inventory(&self, work: &Work, inventory: &Inventory) -> Result<bool> {
        self.save_ahead(work, Some(inventory), None).await
    }

    /// Remembers what other records' passes read of a record before it becomes true, under the same rule.
    pub async fn save_projection(&self, work: &Work, projection: &Value) -> Result<bool> {
        self.save_ahead(work, None, Some(projection)).await
    }

    async fn save_ahead(&self, work: &Work, inventory: Option<&Inventory>, projection: Option<&Value>) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE reconciliations SET inventory = coalesce($3, inventory), projection = coalesce($4, projection)
             WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $5 AND epoch = $6)",
        )
        .bind(work.key.kind.as_str())
        .bind(work.key.id)
        .bind(inventory.map(Json))
        .bind(projection.map(Json))
        .bind(work.lease.scope)
        .bind(work.lease.epoch)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a pass. Nothing is written when somebody else has the lease: that one has looked, or will.
    pub async fn settle(&self, work: &Work, found: &Settlement) -> Result<()> {
        let seconds = match found.next {
            Next::WhenWoken => None,
            Next::In(wait) => Some(wait.as_secs_f64()),
        };
        // The function is called on the updated row: its lock is held, so every committed dependant is seen.
        sqlx::query(
            "WITH r AS (UPDATE reconciliations SET
                due_at = CASE WHEN wake_seq = $3 THEN now() + make_interval(secs => $4) ELSE least(due_at, now()) END,
                urgent = urgent AND wake_seq <> $3,
                observed_generation = CASE WHEN $5 THEN greatest(observed_generation, $6) ELSE observed_generation END,
                conditions = $7, projection = coalesce($8, projection), last_error = $9,
                attempts = CASE WHEN $9::text IS NULL THEN 0 ELSE attempts + 1 END, render_version = $10,
                brake_released = brake_released AND wake_seq <> $3, inventory = coalesce($14, inventory)
                WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $12 AND epoch = $13) RETURNING kind, id)
             SELECT CASE WHEN $15 IS NOT NULL THEN record_event(kind, id, $15, $16, $17) END, CASE WHEN $11 THEN wake_dependants(kind, id, false) END
             FROM r",
        )
        .bind(work.key.kind.as_str())
        .bind(work.key.id)
        .bind(work.wake_seq)
        .bind(seconds)
        .bind(found.applied)
        .bind(work.generation)
        .bind(Json(&found.conditions))
        .bind(found.projection.as_ref().map(Json))
        .bind(found.error.as_deref())
        .bind(found.render_version)
        .bind(found.wake_dependants)
        .bind(work.lease.scope)
        .bind(work.lease.epoch)
        .bind(found.inventory.as_ref().map(Json))
        .bind(found.event.as_ref().map(|event| event.reason.as_str()))
        .bind(found.event.as_ref().map(|event| event.note.as_str()))
        .bind(found.event.as_ref().map(|event| if event.warning { "Warning" } else { "Normal" }))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One more reason to look at everything in a cluster: whoever watches it now has not seen what happened before.
    pub async fn wake_cluster(&self, runtime: i64) -> Result<()> {
        // In the order of (kind, id), see [`Self::wake`].
        sqlx::query(
            "UPDATE reconciliations r SET wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now())
             FROM (SELECT kind, id FROM reconciliations WHERE runtime_id = $1 AND gone_at IS NULL ORDER BY kind, id FOR UPDATE) o
             WHERE r.kind = o.kind AND r.id = o.id",
        )
        .bind(runtime)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// One more reason to look at records: something in a cluster changed, or what they read of another one did. Records
    /// whose rows are gone too: something of theirs may stand in the cluster, or have come back.
    pub async fn wake(&self, keys: &[Key]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (kinds, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.kind.as_str(), key.id)).unzip();
        // Rows in the order of (kind, id), so that two that wake the same ones can't wait for each other.
        sqlx::query(
            "UPDATE reconciliations r SET wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now())
             FROM (SELECT kind, id FROM reconciliations JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::bigint[]) k(kind, id)) k USING (kind, id)
                   ORDER BY kind, id FOR UPDATE OF reconciliations) o
             WHERE r.kind = o.kind AND r.id = o.id",
        )
        .bind(kinds)
        .bind(ids)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// How many records are due, and for how long the oldest has been.
    pub async fn backlog_of_all(&self) -> Result<(i64, Duration)> {
        let row = sqlx::query(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 FROM reconciliations
             WHERE due_at <= now()",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((row.try_get(0)?, Duration::try_from_secs_f64(row.try_get(1)?).unwrap_or_default()))
    }
}

/// The kind that a column names.
pub(crate) fn kind(row: &PgRow, index: usize) -> Result<Kind> {
    row.try_get::<&str, _>(index)?.parse().map_err(|error: UnknownKind| StoreError::Inconsistent {
        table: "reconciliations",
        column: "kind",
        reason: error.to_string(),
    })
}

fn key(row: &PgRow) -> Result<Key> {
    Ok(Key { kind: kind(row, 0)?, id: row.try_get(1)? })
}

fn work(row: &PgRow, lease: Lease) -> Result<Work> {
    Ok(Work {
        key: key(row)?,
        lease,
        wake_seq: row.try_get(2)?,
        generation: row.try_get(3)?,
        observed_generation: row.try_get(4)?,
        attempts: row.try_get(5)?,
        inventory: row.try_get::<Json<Inventory>, _>(6)?.0,
        conditions: row.try_get::<Json<Conditions>, _>(7)?.0,
        projection: row.try_get(8)?,
        last_error: row.try_get(9)?,
        render_version: row.try_get(10)?,
        being_deleted: row.try_get(11)?,
        paused: row.try_get(12)?,
        brake_released: row.try_get(13)?,
        gone: row.try_get(14)?,
        begun: (row.try_get(15)?, Instant::now()),
    })
}
