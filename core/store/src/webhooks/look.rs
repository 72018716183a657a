//! What people look at: how the receiver of a webhook does, and whether something was sent since they looked.

use crate::{Store, error::Result};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// Deliveries that wait, and as many that are done, by which a receiver is judged: the last ones.
pub const JUDGED_BY: i64 = 1000;

/// How the receiver of a webhook does, by its last deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverState {
    /// Attempts that failed since the last one that didn't.
    pub failures: i64,
    /// When the first of them failed.
    pub failing_since: Option<DateTime<Utc>>,
    /// Nothing is sent before.
    pub rests_until: Option<DateTime<Utc>>,
    /// Deliveries that are to be sent, [`JUDGED_BY`] at most.
    pub pending: i64,
    /// When the next of them is due.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The last attempt on any.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// Why that failed, if it did.
    pub problem: Option<String>,
}

impl Store {
    /// How the receivers of some webhooks do, by the webhook's id.
    pub async fn webhook_receivers(&self, webhooks: &[i64]) -> Result<HashMap<i64, ReceiverState>> {
        let rows = sqlx::query!(
            r#"SELECT s.webhook_id, s.failures, s.failing_since, s.rests_until, l.pending AS "pending!", l.next_attempt_at, l.last_attempt_at, l.problem
            FROM webhook_senders s, LATERAL (
                SELECT count(d.next_attempt_at) AS pending, min(d.next_attempt_at) AS next_attempt_at, max(d.last_attempt_at) AS last_attempt_at,
                    (array_agg(d.problem ORDER BY d.last_attempt_at DESC NULLS LAST))[1] AS problem
                FROM (
                    (SELECT next_attempt_at, last_attempt_at, problem FROM webhook_deliveries
                        WHERE webhook_id = s.webhook_id AND next_attempt_at IS NOT NULL ORDER BY next_attempt_at LIMIT $2)
                    UNION ALL
                    (SELECT next_attempt_at, last_attempt_at, problem FROM webhook_deliveries
                        WHERE webhook_id = s.webhook_id AND next_attempt_at IS NULL ORDER BY id DESC LIMIT $2)) d) l
            WHERE s.webhook_id = ANY ($1)"#,
            webhooks,
            JUDGED_BY
        )
        .fetch_all(&self.pool)
        .await?;
        let states = rows.into_iter().map(|row| {
            let state = ReceiverState {
                failures: row.failures,
                failing_since: row.failing_since,
                rests_until: row.rests_until,
                pending: row.pending,
                next_attempt_at: row.next_attempt_at,
                last_attempt_at: row.last_attempt_at,
                problem: row.problem,
            };
            (row.webhook_id, state)
        });
        Ok(states.collect())
    }

    /// A text that differs once a delivery of the webhook was made or sent; None: of any webhook. A row and two ends of an index for each.
    pub async fn delivery_mark(&self, webhook: Option<i64>) -> Result<String> {
        let mark = sqlx::query_scalar!(
            r#"SELECT md5(coalesce(string_agg(concat_ws('/', s.webhook_id, s.failures, extract(epoch FROM s.held_until), extract(epoch FROM s.rests_until),
                (SELECT max(d.id) FROM webhook_deliveries d WHERE d.webhook_id = s.webhook_id),
                (SELECT extract(epoch FROM min(d.next_attempt_at)) FROM webhook_deliveries d WHERE d.webhook_id = s.webhook_id AND d.next_attempt_at IS NOT NULL)),
                ',' ORDER BY s.webhook_id), '')) AS "mark!"
            FROM webhook_senders s WHERE $1::bigint IS NULL OR s.webhook_id = $1"#,
            webhook
        );
        Ok(mark.fetch_one(&self.pool).await?)
    }
}
