//! The reads and writes of one reconcile, each bound to the lease under which it runs.

use super::{
    Action, Claimed, Key, NewEvent, Outcome,
    secret_hashes::{hidden, shown},
};
use crate::{Store, error::Result, lease::Lease};
use causeway_records::{
    inventory::Inventory,
    status::{Conditions, NewCondition},
};
use serde_json::Value;
use sqlx::types::Json;
use std::time::Instant;

impl Store {
    /// Begins a reconcile under a lease. None when there never was such a record, or another worker has the lease by now.
    pub async fn begin(&self, key: &Key, lease: Lease) -> Result<Option<Claimed>> {
        let found = sqlx::query!(
            r#"SELECT wake_seq, generation, observed_generation, attempts, inventory AS "inventory: Json<Inventory>",
                conditions AS "conditions: Json<Conditions>", published_state, last_error, render_revision,
                deletion_scheduled IS NOT NULL AS "being_deleted!", interrupt_reconciliation OR EXISTS (SELECT FROM reconciliations p
                    WHERE p.kind = 'KubernetesRuntimeInstance' AND p.id = r.runtime_id AND p.interrupt_reconciliation) AS "paused!",
                brake_released, gone_at IS NOT NULL AS "gone!", clock_timestamp() AS "now!"
             FROM reconciliations r WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE runtime_id = $3 AND epoch = $4)"#,
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
            inventory: shown(row.inventory.0, &self.documents),
            conditions: row.conditions.0,
            published_state: row.published_state,
            last_error: row.last_error,
            render_revision: row.render_revision,
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
            "UPDATE reconciliations SET inventory = coalesce($3, inventory), published_state = coalesce($4, published_state)
             WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE runtime_id = $5 AND epoch = $6)",
            claimed.key.kind.as_str(),
            claimed.key.id,
            inventory.map(|inventory| Json(hidden(inventory, &self.documents))) as _,
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
                conditions = coalesce($7, conditions), published_state = coalesce($8, published_state), last_error = $9,
                attempts = CASE WHEN $9::text IS NULL THEN 0 ELSE attempts + 1 END, render_revision = $10,
                brake_released = brake_released AND wake_seq <> $3, inventory = coalesce($14, inventory)
                WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE runtime_id = $12 AND epoch = $13) RETURNING kind, id)
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
            inventory.map(|inventory| Json(hidden(inventory, &self.documents))) as _,
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
             WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE runtime_id = $6 AND epoch = $7)",
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
}
