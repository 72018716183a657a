//! The reads and writes of one reconcile, each bound to the lease under which it runs.

use super::{
    Action, Claimed, Key, NewEvent, Outcome,
    secret_hashes::{hidden, shown},
};
use crate::{Store, error::Result, inbox::Found, lease::Lease, writes::retried};
use causeway_records::{
    inventory::Inventory,
    status::{Conditions, NewCondition},
    watch::flips,
};
use serde_json::Value;
use sqlx::types::Json;
use std::time::Instant;

/// What came of the work of a reconcile, and how objects were rendered for it.
#[derive(Clone, Copy)]
struct Worked<'o> {
    outcome: &'o Outcome,
    render_revision: i32,
}

impl Store {
    /// Begins a reconcile under a lease. None when there never was such a record, or another worker has the lease by now.
    pub async fn begin(&self, key: &Key, lease: Lease) -> Result<Option<Claimed>> {
        let found = sqlx::query!(
            r#"SELECT wake_seq, generation, observed_generation, attempts, inventory AS "inventory: Json<Inventory>",
                conditions AS "conditions: Json<Conditions>", published_state, last_error, render_revision, traceparent,
                deletion_scheduled IS NOT NULL AS "being_deleted!", interrupt_reconciliation OR EXISTS (SELECT FROM reconciliations p
                    WHERE p.kind = 'KubernetesRuntimeInstance' AND p.id = r.runtime_id AND p.interrupt_reconciliation) AS "paused!",
                brake_released, gone_at IS NOT NULL AS "gone!", clock_timestamp() AS "now!",
                CASE WHEN kind IN ('WorkloadInstance', 'GatewayInstance') THEN (
                    SELECT octet_length(d.yaml_document) + coalesce((SELECT sum(octet_length(json_definition)) FROM workload_resource_definitions m
                        WHERE m.workload_definition_id = d.id AND m.deleted_at IS NULL), 0)
                    FROM workload_instances w JOIN workload_definitions d ON d.id = w.workload_definition_id
                    WHERE w.id = CASE kind WHEN 'GatewayInstance' THEN (SELECT workload_instance_id FROM gateway_instances g WHERE g.id = r.id) ELSE r.id END) END AS manifest_bytes
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
            traceparent: row.traceparent,
            being_deleted: row.being_deleted,
            paused: row.paused,
            brake_released: row.brake_released,
            gone: row.gone,
            manifest_bytes: row.manifest_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default(),
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

    /// Ends a reconcile: writes its outcome and when the record is due again, and wakes others. Nothing is written when another worker has the lease: that one
    /// has reconciled the record, or will. Answers the conditions if they have changed.
    pub async fn complete(
        &self,
        claimed: &Claimed,
        outcome: &Outcome,
        render_revision: i32,
    ) -> Result<Option<Conditions>> {
        let conditions = outcome.changed_conditions(claimed);
        let worked = Some(Worked { outcome, render_revision });
        self.end(claimed, outcome.action, conditions.as_ref(), worked).await?;
        Ok(conditions)
    }

    /// Ends a reconcile that did nothing: only the due time is written, and `new` in place of the conditions if there are any. Under the
    /// same rule as [`Self::complete`].
    pub async fn requeue(&self, claimed: &Claimed, action: Action, new: Vec<NewCondition>) -> Result<()> {
        let conditions = if new.is_empty() { None } else { Outcome::with(new).changed_conditions(claimed) };
        self.end(claimed, action, conditions.as_ref(), None).await
    }

    /// Writes when the record is due again, the conditions if they have changed, and what came of the work if there was any.
    async fn end(
        &self,
        claimed: &Claimed,
        action: Action,
        conditions: Option<&Conditions>,
        worked: Option<Worked<'_>>,
    ) -> Result<()> {
        retried(self, || self.end_once(claimed, action, conditions, worked)).await
    }

    async fn end_once(
        &self,
        claimed: &Claimed,
        action: Action,
        conditions: Option<&Conditions>,
        worked: Option<Worked<'_>>,
    ) -> Result<()> {
        let outcome = worked.as_ref().map(|worked| worked.outcome);
        let applied = outcome.is_some_and(|outcome| outcome.applied);
        let summary = conditions.map(Conditions::summary);
        let event = outcome.and_then(|outcome| outcome.event(claimed));
        let flipped = conditions.map(|after| flips(&claimed.conditions, after)).unwrap_or_default();
        let told = Found::new(claimed.key.kind, flipped, applied && claimed.generation > claimed.observed_generation);
        let woken = outcome.map(|outcome| outcome.wake.as_slice()).unwrap_or_default();
        let (woken_kinds, woken_ids): (Vec<_>, Vec<_>) = woken.iter().map(|key| (key.kind.as_str(), key.id)).unzip();
        let inventory =
            outcome.and_then(|outcome| outcome.inventory.as_ref()).filter(|inventory| **inventory != claimed.inventory);
        // Who is to be woken is locked before the row is written, and reads what is written here. Those that came meanwhile are seen, too: the functions at the
        // end are called on the updated row, whose lock is held.
        sqlx::query!(
            "WITH o AS MATERIALIZED (SELECT CASE WHEN $25 THEN lock_with_dependants($27, $28, $1, $2)
                WHEN cardinality($27) > 0 THEN lock_each($27 || $1, $28 || $2) END AS held),
             r AS (UPDATE reconciliations SET
                due_at = CASE WHEN wake_seq = $3 THEN now() + make_interval(secs => $4) ELSE least(due_at, now()) END,
                urgent = urgent AND wake_seq <> $3, brake_released = brake_released AND wake_seq <> $3,
                observed_generation = CASE WHEN $5 THEN greatest(observed_generation, $6) ELSE observed_generation END,
                conditions = coalesce($7, conditions),
                ready = CASE WHEN $7::jsonb IS NULL THEN ready ELSE $8 END, blocking_step = CASE WHEN $7::jsonb IS NULL THEN blocking_step ELSE $9 END,
                blocking_reason = CASE WHEN $7::jsonb IS NULL THEN blocking_reason ELSE $10 END,
                blocking_since = CASE WHEN $7::jsonb IS NULL THEN blocking_since ELSE $11 END,
                render_revision = coalesce($12, render_revision), last_error = CASE WHEN $12::int IS NULL THEN last_error ELSE $13 END,
                attempts = CASE WHEN $12::int IS NULL THEN attempts WHEN $13::text IS NULL THEN 0 ELSE attempts + 1 END,
                published_state = coalesce($14, published_state), inventory = coalesce($15, inventory),
                traceparent = CASE WHEN $5 AND wake_seq = $3 THEN NULL ELSE traceparent END
                FROM o WHERE kind = $1 AND id = $2 AND EXISTS (SELECT FROM leases WHERE runtime_id = $16 AND epoch = $17) RETURNING kind, id, runtime_id, gone_at),
             e AS (INSERT INTO event_inbox (type, kind, record_id, name, runtime_id, generation, condition_type, condition_status, condition_reason)
                SELECT f.type, kind, id, name_of(kind, id), nullif(runtime_id, 0), $6, f.condition, f.status, f.reason
                FROM r CROSS JOIN unnest($18::text[], $19::text[], $20::text[], $21::text[]) f(type, condition, status, reason) WHERE gone_at IS NULL)
             SELECT CASE WHEN $22::text IS NOT NULL THEN record_event(kind, id, $22, $23, $24) END, CASE WHEN $25 THEN wake_dependants(kind, id, false) END,
                CASE WHEN cardinality($27) > 0 THEN wake_each($27, $28, false) END,
                CASE WHEN $26::jsonb IS NOT NULL THEN keep_certificates(kind, id, $26) END
             FROM r",
            claimed.key.kind.as_str(),
            claimed.key.id,
            claimed.wake_seq,
            action.seconds(),
            applied,
            claimed.generation,
            conditions.map(Json) as _,
            summary.map(|summary| summary.ready.as_str()),
            summary.and_then(|summary| summary.step),
            summary.and_then(|summary| summary.reason),
            summary.and_then(|summary| summary.since),
            worked.map(|worked| worked.render_revision),
            outcome.and_then(|outcome| outcome.error.as_deref()),
            outcome.and_then(|outcome| outcome.published_state.as_ref()).map(Json) as _,
            inventory.map(|inventory| Json(hidden(inventory, &self.documents))) as _,
            claimed.lease.cluster_id,
            claimed.lease.epoch,
            &told.types,
            &told.conditions as _,
            &told.statuses as _,
            &told.reasons as _,
            event.as_ref().map(|event| event.reason.as_str()),
            event.as_ref().map(|event| event.note.as_str()),
            event.as_ref().map(NewEvent::severity),
            outcome.is_some_and(|outcome| outcome.wake_dependants),
            outcome.and_then(|outcome| outcome.certificates.as_ref()).map(Json) as _,
            woken_kinds as _,
            &woken_ids
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
