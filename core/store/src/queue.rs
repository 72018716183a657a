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

use crate::{Store, error::Result, lease::Lease};
use causeway_records::{
    Kind,
    inventory::Inventory,
    status::{Conditions, NewCondition},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::types::Json;
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
pub struct DueItem {
    /// The record.
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

/// A record as it was when its reconcile began. Every write of the reconcile is bound to the lease in it.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The record.
    pub key: Key,
    /// The lease under which the reconcile runs. Its writes do nothing once another worker has the cluster.
    pub lease: Lease,
    /// The wakes that this reconcile answers: one that comes later makes the record due again.
    pub wake_seq: i64,
    /// Counts changes of intent.
    pub generation: i64,
    /// The generation that was last applied.
    pub observed_generation: i64,
    /// Reconciles that failed since the last one that didn't.
    pub attempts: i32,
    /// The record's objects in the cluster.
    pub inventory: Inventory,
    /// As the last reconcile left them.
    pub conditions: Conditions,
    /// What reconciles of other records read of this one.
    pub published_state: Option<Value>,
    /// Why the last reconcile failed; None if it didn't.
    pub last_error: Option<String>,
    /// The render revision of the release that reconciled it last.
    pub render_revision: i32,
    /// DELETE was asked for.
    pub being_deleted: bool,
    /// The record or its cluster has InterruptReconciliation set.
    pub paused: bool,
    /// A person asked for this reconcile, so it may delete many objects at once.
    pub brake_released: bool,
    /// The record's row is deleted; objects of it may still turn up in the cluster.
    pub gone: bool,
    /// When the reconcile began, by Postgres's clock and by ours.
    begun: (DateTime<Utc>, Instant),
}

impl Claimed {
    /// The time by Postgres's clock. Whatever is stored is read by workers whose own clocks may be wrong.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        let (then, since) = self.begun;
        then + since.elapsed()
    }
}

/// When a record is due again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// When something wakes it.
    #[default]
    AwaitChange,
    /// After this time, or earlier when something wakes it.
    RequeueAfter(Duration),
}

impl Action {
    /// The same, but due after `wait` at the latest.
    #[must_use]
    pub fn within(self, wait: Duration) -> Self {
        match self {
            Self::AwaitChange => Self::RequeueAfter(wait),
            Self::RequeueAfter(sooner) => Self::RequeueAfter(sooner.min(wait)),
        }
    }

    fn seconds(self) -> Option<f64> {
        match self {
            Self::AwaitChange => None,
            Self::RequeueAfter(wait) => Some(wait.as_secs_f64()),
        }
    }
}

/// What came of one reconcile. A reconciler builds it step by step; [`Store::complete`] writes it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The conditions in the order of the work, without Ready.
    pub conditions: Vec<NewCondition>,
    /// When the record is due again.
    pub action: Action,
    /// The generation that was claimed is applied in the cluster.
    pub applied: bool,
    /// Why the reconcile failed. None sets the count of attempts back to zero.
    pub error: Option<String>,
    /// What reconciles of other records read of this one; None leaves it as it is.
    pub published_state: Option<Value>,
    /// Wakes the records that depend on this one.
    pub wake_dependants: bool,
    /// Wakes these records too.
    pub wake: Vec<Key>,
    /// The record's objects in the cluster; None leaves them as they are on record.
    pub inventory: Option<Inventory>,
    /// Watch events received before this instant need no further reconcile. None if an object differed from what was applied. Not stored.
    pub observed_up_to: Option<Instant>,
    /// The reconcile confirmed the deletion, and the row is gone: there is nothing to complete.
    pub deleted: bool,
}

impl Outcome {
    /// Begins with the conditions that are known already.
    #[must_use]
    pub fn with(conditions: Vec<NewCondition>) -> Self {
        Self { conditions, ..Self::default() }
    }

    /// Adds the next condition.
    #[must_use]
    pub fn then(mut self, condition: NewCondition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Puts a condition in the place of the one of its type.
    #[must_use]
    pub fn instead(mut self, condition: NewCondition) -> Self {
        for known in self.conditions.iter_mut().filter(|known| known.condition_type == condition.condition_type) {
            *known = condition.clone();
        }
        self
    }

    /// Sets when the record is due again.
    #[must_use]
    pub fn requeue_after(self, wait: Duration) -> Self {
        Self { action: Action::RequeueAfter(wait), ..self }
    }

    /// Publishes what other records read of this one, and wakes them if it is different from `before`.
    #[must_use]
    pub fn publish(mut self, before: Option<&Value>, state: Value) -> Self {
        if before != Some(&state) {
            self.wake_dependants = true;
            self.published_state = Some(state);
        }
        self
    }

    /// The conditions to store; None if they say the same as before. Pure.
    #[must_use]
    pub fn changed_conditions(&self, claimed: &Claimed) -> Option<Conditions> {
        let new = Conditions::from_new(self.conditions.clone(), &claimed.conditions, claimed.generation, claimed.now());
        (!new.same_but_for_time(&claimed.conditions)).then_some(new)
    }

    /// The event to record: a failure that differs from the last one, or that a new generation was applied. Pure.
    #[must_use]
    pub fn event(&self, claimed: &Claimed) -> Option<NewEvent> {
        if claimed.key.kind == Kind::ListenerSet {
            // No client knows such records; their shared gateway says what is wrong.
            return None;
        }
        let verb = match (claimed.being_deleted, claimed.observed_generation) {
            (true, _) => "Delete",
            (false, 0) => "Create",
            (false, _) => "Update",
        };
        match &self.error {
            Some(error) if claimed.last_error.as_ref() != Some(error) => {
                Some(NewEvent { reason: format!("Failed{verb}"), note: error.clone(), warning: true })
            }
            None if self.applied && claimed.generation > claimed.observed_generation && !claimed.being_deleted => {
                Some(NewEvent { reason: format!("Successful{verb}"), note: "applied".into(), warning: false })
            }
            _ => None,
        }
    }
}

/// An event about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// One word: `FailedCreate`.
    pub reason: String,
    /// The same as a sentence.
    pub note: String,
    /// Something is wrong.
    pub warning: bool,
}

impl NewEvent {
    fn severity(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }
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

    /// Begins a reconcile under a lease. None when there never was such a record, or another worker has the lease by now.
    pub async fn begin(&self, key: &Key, lease: Lease) -> Result<Option<Claimed>> {
        let found = sqlx::query!(
            r#"SELECT wake_seq, generation, observed_generation, attempts, inventory AS "inventory: Json<Inventory>",
                conditions AS "conditions: Json<Conditions>", projection, last_error, render_version,
                deletion_scheduled IS NOT NULL AS "being_deleted!", interrupt_reconciliation OR EXISTS (SELECT FROM reconciliations p
                    WHERE p.kind = 'KubernetesRuntimeInstance' AND p.id = r.runtime_id AND p.interrupt_reconciliation) AS "paused!",
                brake_released, gone_at IS NOT NULL AS "gone!", clock_timestamp() AS "now!"
             FROM reconciliations r WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $3 AND epoch = $4)"#,
            key.kind.as_str(),
            key.id,
            lease.cluster_id,
            lease.epoch
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.map(|row| Claimed {
            key: *key,
            lease,
            wake_seq: row.wake_seq,
            generation: row.generation,
            observed_generation: row.observed_generation,
            attempts: row.attempts,
            inventory: row.inventory.0,
            conditions: row.conditions.0,
            published_state: row.projection,
            last_error: row.last_error,
            render_revision: row.render_version,
            being_deleted: row.being_deleted,
            paused: row.paused,
            brake_released: row.brake_released,
            gone: row.gone,
            begun: (row.now, Instant::now()),
        }))
    }

    /// Stores a record's objects before they are applied. False, and nothing is written, when another worker has the lease: one that was frozen
    /// for a while must not overwrite what its successor has stored.
    pub async fn save_inventory(&self, claimed: &Claimed, inventory: &Inventory) -> Result<bool> {
        self.save_ahead(claimed, Some(inventory), None).await
    }

    /// Stores what other records read of this one before it becomes true, under the same rule.
    pub async fn save_published_state(&self, claimed: &Claimed, state: &Value) -> Result<bool> {
        self.save_ahead(claimed, None, Some(state)).await
    }

    async fn save_ahead(
        &self,
        claimed: &Claimed,
        inventory: Option<&Inventory>,
        published_state: Option<&Value>,
    ) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE reconciliations SET inventory = coalesce($3, inventory), projection = coalesce($4, projection)
             WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $5 AND epoch = $6)",
            claimed.key.kind.as_str(),
            claimed.key.id,
            inventory.map(Json) as _,
            published_state.map(Json) as _,
            claimed.lease.cluster_id,
            claimed.lease.epoch
        )
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends a reconcile: writes its outcome and when the record is due again. Nothing is written when another worker has the lease: that one
    /// has reconciled the record, or will. Answers the conditions if they have changed.
    pub async fn complete(
        &self,
        claimed: &Claimed,
        outcome: &Outcome,
        render_revision: i32,
    ) -> Result<Option<Conditions>> {
        // First, for the statement below ends the reconcile: rather twice than never.
        self.wake(&outcome.wake).await?;
        let conditions = outcome.changed_conditions(claimed);
        let event = outcome.event(claimed);
        let inventory = outcome.inventory.as_ref().filter(|inventory| **inventory != claimed.inventory);
        // The functions are called on the updated row: its lock is held, so every committed dependant is seen.
        sqlx::query!(
            "WITH r AS (UPDATE reconciliations SET
                due_at = CASE WHEN wake_seq = $3 THEN now() + make_interval(secs => $4) ELSE least(due_at, now()) END,
                urgent = urgent AND wake_seq <> $3,
                observed_generation = CASE WHEN $5 THEN greatest(observed_generation, $6) ELSE observed_generation END,
                conditions = coalesce($7, conditions), projection = coalesce($8, projection), last_error = $9,
                attempts = CASE WHEN $9::text IS NULL THEN 0 ELSE attempts + 1 END, render_version = $10,
                brake_released = brake_released AND wake_seq <> $3, inventory = coalesce($14, inventory)
                WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $12 AND epoch = $13) RETURNING kind, id)
             SELECT CASE WHEN $15::text IS NOT NULL THEN record_event(kind, id, $15, $16, $17) END, CASE WHEN $11 THEN wake_dependants(kind, id, false) END
             FROM r",
            claimed.key.kind.as_str(),
            claimed.key.id,
            claimed.wake_seq,
            outcome.action.seconds(),
            outcome.applied,
            claimed.generation,
            conditions.as_ref().map(Json) as _,
            outcome.published_state.as_ref().map(Json) as _,
            outcome.error.as_deref(),
            render_revision,
            outcome.wake_dependants,
            claimed.lease.cluster_id,
            claimed.lease.epoch,
            inventory.map(Json) as _,
            event.as_ref().map(|event| event.reason.as_str()),
            event.as_ref().map(|event| event.note.as_str()),
            event.as_ref().map(NewEvent::severity)
        )
        .execute(&self.pool)
        .await?;
        Ok(conditions)
    }

    /// Ends a reconcile that did nothing: only the due time is written, and `new` in place of the conditions if there are any. Under the
    /// same rule as [`Self::complete`].
    pub async fn requeue(&self, claimed: &Claimed, action: Action, new: Vec<NewCondition>) -> Result<()> {
        let conditions = if new.is_empty() { None } else { Outcome::with(new).changed_conditions(claimed) };
        sqlx::query!(
            "UPDATE reconciliations SET
                due_at = CASE WHEN wake_seq = $3 THEN now() + make_interval(secs => $4) ELSE least(due_at, now()) END,
                urgent = urgent AND wake_seq <> $3, brake_released = brake_released AND wake_seq <> $3,
                conditions = coalesce($5, conditions)
             WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE scope = $6 AND epoch = $7)",
            claimed.key.kind.as_str(),
            claimed.key.id,
            claimed.wake_seq,
            action.seconds(),
            conditions.as_ref().map(Json) as _,
            claimed.lease.cluster_id,
            claimed.lease.epoch
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Wakes every record of a cluster: whoever watches it now has not seen what happened before.
    pub async fn wake_cluster(&self, cluster_id: i64) -> Result<()> {
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
        if keys.is_empty() {
            return Ok(());
        }
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

/// A record for tests of rules that read one.
#[doc(hidden)]
pub fn claimed_for_tests(kind: Kind, id: i64) -> Claimed {
    Claimed {
        key: Key { kind, id },
        lease: Lease { cluster_id: 1, epoch: 1 },
        wake_seq: 1,
        generation: 1,
        observed_generation: 0,
        attempts: 0,
        inventory: Inventory::default(),
        conditions: Conditions::default(),
        published_state: None,
        last_error: None,
        render_revision: 0,
        being_deleted: false,
        paused: false,
        brake_released: false,
        gone: false,
        begun: (DateTime::UNIX_EPOCH, Instant::now()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_that_say_the_same_are_not_written() {
        let mut claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        let outcome = Outcome::with(vec![NewCondition::met("Applied", "Applied", "1 object")]);
        let first = outcome.changed_conditions(&claimed).unwrap();
        assert!(first.is_true("Applied") && first.is_true("Ready"));
        claimed.conditions = first;
        assert_eq!(outcome.changed_conditions(&claimed), None);
        claimed.generation += 1;
        assert!(outcome.changed_conditions(&claimed).is_some(), "they hold at a later generation");
    }

    #[test]
    fn an_event_tells_of_a_new_failure_and_of_a_new_generation() {
        let mut claimed = claimed_for_tests(Kind::GatewayInstance, 7);
        let failed = Outcome { error: Some("no".into()), ..Outcome::default() };
        let event = failed.event(&claimed).unwrap();
        assert_eq!((event.reason.as_str(), event.note.as_str(), event.warning), ("FailedCreate", "no", true));
        claimed.last_error = Some("no".into());
        assert_eq!(failed.event(&claimed), None, "said already");
        let applied = Outcome { applied: true, ..Outcome::default() };
        assert_eq!(applied.event(&claimed).unwrap().reason, "SuccessfulCreate");
        claimed.observed_generation = 1;
        assert_eq!(applied.event(&claimed), None);
        claimed.generation = 2;
        assert_eq!(applied.event(&claimed).unwrap().reason, "SuccessfulUpdate");
        claimed.being_deleted = true;
        assert_eq!(applied.event(&claimed), None, "the deletion has an event of its own");
    }

    #[test]
    fn dependants_are_woken_only_by_what_is_new_to_them() {
        let state = serde_json::json!({"addresses": ["192.0.2.1"]});
        let same = Outcome::default().publish(Some(&state), state.clone());
        assert!(!same.wake_dependants && same.published_state.is_none());
        let new = Outcome::default().publish(None, state.clone());
        assert!(new.wake_dependants && new.published_state == Some(state));
    }
}
