//! What happened to the objects of a workload instance, as its worker found it: rows of `workload-events`.

use crate::{Store, error::Result};
use chrono::{DateTime, Utc};

/// Rows of one instance that are kept: the newest.
const MOST: i32 = 200;
/// Days for which they are kept. Kubernetes forgets its Events after an hour.
const DAYS: i32 = 3;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWorkloadEvent {
    /// Tells it from all others of the instance: the uid of the Kubernetes Event.
    pub uid: String,
    /// The object, as in [`crate::resources::Resource::key`]; None: no single one.
    pub object: Option<String>,
    /// Something is wrong.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// When it happened last.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Adds these to a workload instance's events. What is known is not written again; the same a minute later is. Old ones go, but for the last that
    /// isn't of the cluster: whoever asks shall find that there was something.
    pub async fn save_workload_events(&self, workload_instance: i64, events: &[NewWorkloadEvent]) -> Result<()> {
        sqlx::query!(
            "WITH new AS (SELECT * FROM unnest($2::text[], $3::text[], $4::bool[], $5::text[], $6::text[], $7::timestamptz[])
                AS n (uid, object, warning, reason, message, at)),
             written AS (INSERT INTO workload_events AS e
                (event_key, runtime_event_uid, type, reason, message, timestamp, workload_instance_id, workload_resource_instance_id)
                SELECT n.uid, n.uid, CASE WHEN n.warning THEN 'Warning' ELSE 'Normal' END, n.reason, n.message, n.at, $1, r.id
                FROM new n LEFT JOIN workload_resource_instances r
                    ON r.workload_instance_id = $1 AND r.object_key = n.object AND r.deleted_at IS NULL
                ON CONFLICT (workload_instance_id, event_key) WHERE deleted_at IS NULL DO UPDATE SET type = excluded.type,
                    reason = excluded.reason, message = excluded.message, timestamp = excluded.timestamp, updated_at = now()
                WHERE (e.type, e.reason, e.message) IS DISTINCT FROM (excluded.type, excluded.reason, excluded.message)
                    OR excluded.timestamp > e.timestamp + interval '1 minute' RETURNING id, xmax = 0 AS is_new),
             gone AS (DELETE FROM workload_events WHERE workload_instance_id = $1 AND event_key <> ALL($2) AND (deleted_at IS NOT NULL
                OR event_key <> $10 AND (timestamp < now() - make_interval(days => $8) OR id NOT IN (
                    SELECT id FROM workload_events WHERE workload_instance_id = $1 AND event_key IS NOT NULL AND deleted_at IS NULL
                    ORDER BY timestamp DESC, id DESC LIMIT greatest(0, $9 - cardinality($2)))))
                RETURNING id, deleted_at)
             INSERT INTO event_inbox (type, kind, record_id)
             SELECT 'deleted', 'WorkloadEvent', id FROM gone WHERE deleted_at IS NULL
             UNION ALL SELECT CASE WHEN is_new THEN 'created' ELSE 'changed' END, 'WorkloadEvent', id FROM written",
            workload_instance,
            events.iter().map(|event| event.uid.as_str()).collect::<Vec<_>>() as _,
            events.iter().map(|event| event.object.as_deref()).collect::<Vec<_>>() as _,
            &events.iter().map(|event| event.warning).collect::<Vec<_>>(),
            events.iter().map(|event| event.reason.as_str()).collect::<Vec<_>>() as _,
            events.iter().map(|event| event.message.as_str()).collect::<Vec<_>>() as _,
            &events.iter().map(|event| event.at).collect::<Vec<_>>(),
            DAYS,
            MOST,
            APPLIED
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// The key of the event that is the worker's own: the instance was applied.
pub const APPLIED: &str = "applied";
