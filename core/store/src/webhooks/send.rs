//! Deliveries become requests: who sends, what is due, and what came back.

use super::ENABLED;
use crate::{Store, error::Result, row, selects, writes::run_to_completion};
use causeway_records::{Record, noun::Noun, nouns::Webhook};
use sqlx::{AssertSqlSafe, Row};
use std::time::Duration;
use uuid::Uuid;

/// How a receiver has been doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderHealth {
    /// Attempts that failed since the last one that didn't.
    pub failures: i64,
    /// How long that has been so.
    pub failing_for: Duration,
}

/// A message that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDelivery {
    /// Id of the WebhookDelivery.
    pub id: i64,
    /// The id of the event.
    pub event_id: String,
    /// The JSON that is the body of the request.
    pub payload: String,
    /// Attempts before this one.
    pub attempts: i32,
}

/// What a process that holds a webhook has to do for it.
#[derive(Clone, Debug)]
pub struct SendJob {
    /// The webhook as it is now.
    pub webhook: Record<Webhook>,
    /// How its receiver has been doing.
    pub health: SenderHealth,
    /// What is due, in the order of the events.
    pub deliveries: Vec<DueDelivery>,
}

/// What became of one attempt, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendAttempt {
    /// The state of the delivery from now on.
    pub state: causeway_records::nouns::DeliveryState,
    /// When it is tried again, if it is.
    pub retry_in: Option<Duration>,
    /// The HTTP status of the answer; None: there was none.
    pub code: Option<u16>,
    /// The beginning of its body.
    pub body: Option<String>,
    /// Why the attempt failed; None: it didn't.
    pub problem: Option<String>,
    /// For how long nothing is sent to this receiver.
    pub rest: Option<Duration>,
    /// The receiver was away and is back: what has failed meanwhile is due now.
    pub is_back: bool,
}

impl Store {
    /// Takes webhooks for which something is due and nobody sends, at most `limit`, for as long as `lease`.
    pub async fn take_webhooks(&self, holder: Uuid, lease: Duration, limit: usize) -> Result<Vec<i64>> {
        let text = format!(
            "UPDATE webhook_senders SET holder = $1, held_until = now() + make_interval(secs => $2) WHERE webhook_id IN (
                SELECT s.webhook_id FROM webhook_senders s JOIN webhooks t ON t.id = s.webhook_id
                WHERE {ENABLED} AND (s.held_until IS NULL OR s.held_until <= now()) AND (s.rests_until IS NULL OR s.rests_until <= now())
                    AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = s.webhook_id AND d.next_attempt_at <= now())
                ORDER BY s.held_until NULLS FIRST, s.webhook_id LIMIT $3 FOR UPDATE OF s SKIP LOCKED) RETURNING webhook_id"
        );
        let store = self.clone();
        run_to_completion(async move {
            let query = sqlx::query_scalar(AssertSqlSafe(text)).bind(holder).bind(lease.as_secs_f64());
            Ok(query.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(&store.pool).await?)
        })
        .await
    }

    /// What is due for a webhook that this process holds, at most `limit` messages. None: it isn't held any more, or is not to be sent to now.
    pub async fn send_job(&self, webhook: i64, holder: Uuid, limit: i64) -> Result<Option<SendJob>> {
        let text = format!(
            "SELECT {}, s.failures, coalesce(extract(epoch FROM now() - s.failing_since), 0)::float8 AS failing_for
             FROM webhooks t JOIN webhook_senders s ON s.webhook_id = t.id
             WHERE {ENABLED} AND t.id = $1 AND s.holder = $2 AND s.held_until > now() AND (s.rests_until IS NULL OR s.rests_until <= now())",
            selects::for_noun(&Webhook::INFO).columns
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(webhook).bind(holder);
        let Some(found) = query.fetch_optional(&self.pool).await? else { return Ok(None) };
        let deliveries = sqlx::query_as!(
            DueDelivery,
            "SELECT id, event_id, payload, attempts FROM webhook_deliveries WHERE webhook_id = $1 AND next_attempt_at <= now() ORDER BY id LIMIT $2",
            webhook,
            limit
        )
        .fetch_all(&self.pool)
        .await?;
        let failing_for: f64 = found.try_get("failing_for")?;
        Ok(Some(SendJob {
            webhook: row::record(&found)?,
            health: SenderHealth {
                failures: found.try_get("failures")?,
                failing_for: Duration::try_from_secs_f64(failing_for).unwrap_or_default(),
            },
            deliveries,
        }))
    }

    /// Puts an attempt on record and holds the webhook for another `lease`. False: somebody else holds it by now, and the delivery is sent again.
    pub async fn record_attempt(
        &self,
        (webhook, delivery): (i64, i64),
        (holder, lease): (Uuid, Duration),
        attempt: SendAttempt,
    ) -> Result<bool> {
        let store = self.clone();
        run_to_completion(async move {
            let succeeded = attempt.state == causeway_records::nouns::DeliveryState::Delivered;
            let done = sqlx::query!(
                "WITH s AS (UPDATE webhook_senders SET held_until = now() + make_interval(secs => $4),
                failures = CASE WHEN $5 THEN 0 ELSE failures + 1 END,
                failing_since = CASE WHEN NOT $5 THEN coalesce(failing_since, now()) END,
                rests_until = now() + make_interval(secs => $6)
                WHERE webhook_id = $1 AND holder = $3 RETURNING webhook_id),
             back AS (UPDATE webhook_deliveries d SET next_attempt_at = now() FROM webhook_senders o, s
                WHERE $7 AND o.webhook_id = s.webhook_id AND d.webhook_id = s.webhook_id AND d.id <> $2 AND d.next_attempt_at > now() AND d.last_attempt_at >= o.failing_since)
             UPDATE webhook_deliveries d SET state = $8, attempts = attempts + 1, next_attempt_at = CASE WHEN $8 = 'Pending' THEN now() + make_interval(secs => $9) END,
                last_attempt_at = now(), answer_code = $10, answer_body = $11, problem = $12, updated_at = now()
             FROM s WHERE d.id = $2 AND d.webhook_id = s.webhook_id",
                webhook,
                delivery,
                holder,
                lease.as_secs_f64(),
                succeeded,
                attempt.rest.map(|rest| rest.as_secs_f64()),
                attempt.is_back,
                attempt.state.as_str(),
                attempt.retry_in.unwrap_or_default().as_secs_f64(),
                attempt.code.map(i32::from),
                attempt.body,
                attempt.problem
            )
            .execute(&store.pool)
            .await?;
            Ok(done.rows_affected() == 1)
        })
        .await
    }

    /// Gives a webhook up, after nothing is sent for it any more.
    pub async fn release_webhook(&self, webhook: i64, holder: Uuid) -> Result<()> {
        let store = self.clone();
        run_to_completion(async move {
            sqlx::query!(
                "UPDATE webhook_senders SET holder = NULL, held_until = now() WHERE webhook_id = $1 AND holder = $2",
                webhook,
                holder
            )
            .execute(&store.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// What failed is forgotten: a webhook that is enabled again begins anew.
    pub async fn forget_failures(&self, webhook: i64) -> Result<()> {
        let store = self.clone();
        run_to_completion(async move {
            sqlx::query!(
                "UPDATE webhook_senders SET failures = 0, failing_since = NULL, rests_until = NULL WHERE webhook_id = $1",
                webhook
            )
            .execute(&store.pool)
            .await?;
            Ok(())
        })
        .await
    }

    /// Deletes deliveries that are done and older than `keep`, at most `limit` of them. Answers how many went.
    pub async fn purge_webhook_deliveries(&self, keep: Duration, limit: i64) -> Result<u64> {
        let store = self.clone();
        run_to_completion(async move {
            let gone = sqlx::query!(
                "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries
                    WHERE next_attempt_at IS NULL AND created_at < now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
                keep.as_secs_f64(),
                limit
            );
            Ok(gone.execute(&store.pool).await?.rows_affected())
        })
        .await
    }
}
