//! What callers ask for: a test, and messages again.

use crate::{
    Writer, audit,
    error::{Result, StoreError},
    row, selects,
    statement::Statement,
    writes::run_to_completion,
};
use causeway_records::{
    Record,
    noun::Noun,
    nouns::{Action, Changes, DeliveryState, Webhook, WebhookDelivery},
    problem::Reason,
    watch::Message,
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Deliveries of one webhook.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryRange {
    /// Id of the webhook.
    pub webhook: i64,
    /// In this state; None: in any but Pending.
    pub state: Option<DeliveryState>,
    /// Made at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Made before this time.
    pub until: Option<DateTime<Utc>>,
    /// With a larger id than this.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

impl Writer {
    /// Has a message sent that tells of nothing.
    pub async fn test_webhook(&self, webhook: Record<Webhook>) -> Result<Record<WebhookDelivery>> {
        must_be_enabled(&webhook)?;
        let control_plane = self.store.control_plane().await?;
        let message = Message::of_test(&control_plane, format!("test-{}", Uuid::new_v4()), webhook.id(), Utc::now());
        let delivery = WebhookDelivery {
            webhook_id: webhook.id(),
            event_id: message.id.clone(),
            event_type: message.event_type.clone(),
            ..WebhookDelivery::default()
        };
        let mut statement = Statement::new(
            "WITH t AS (INSERT INTO webhook_deliveries(webhook_id, event_id, event_type, payload) SELECT w.id, ",
        );
        statement.bind(message.id)?.push(", ").bind(message.event_type)?.push(", ").bind(message.payload)?;
        // With the lock the webhook stays until this is committed.
        statement.push(" FROM (SELECT id FROM webhooks WHERE id = ").bind(webhook.id())?;
        statement.push(" AND deleted_at IS NULL FOR SHARE) w RETURNING *)");
        let found = self.write(statement, Action::Create, Changes::between(None, &delivery)).await?;
        found.into_iter().next().ok_or(StoreError::NotFound)
    }

    /// Has one delivery sent again, whatever became of it: as if it had never been sent.
    pub async fn redeliver(&self, id: i64) -> Result<Record<WebhookDelivery>> {
        let delivery = self.store.get::<WebhookDelivery>(id).await?;
        must_be_enabled(&self.store.get::<Webhook>(delivery.spec.webhook_id).await?)?;
        let mut statement = again();
        statement.push(" WHERE id = ").bind(id)?.push(" RETURNING *)");
        let found = self.write(statement, Action::Update, pending()).await?;
        found.into_iter().next().ok_or(StoreError::NotFound)
    }

    /// The same with a range, by ascending id.
    pub async fn redeliver_all(&self, range: DeliveryRange) -> Result<Vec<Record<WebhookDelivery>>> {
        must_be_enabled(&self.store.get::<Webhook>(range.webhook).await?)?;
        let mut statement = again();
        statement.push(" WHERE id IN (SELECT id FROM webhook_deliveries WHERE webhook_id = ").bind(range.webhook)?;
        statement.push(" AND id > ").bind(range.after)?;
        match range.state {
            Some(state) => statement.push(" AND state = ").bind(state.as_str())?,
            None => statement.push(" AND state <> 'Pending'"),
        };
        if let Some(since) = range.since {
            statement.push(" AND created_at >= ").bind(since)?;
        }
        if let Some(until) = range.until {
            statement.push(" AND created_at < ").bind(until)?;
        }
        statement.push(" ORDER BY id LIMIT ").bind(range.limit)?.push(" FOR UPDATE) RETURNING *)");
        self.write(statement, Action::Update, pending()).await
    }

    /// Runs a statement that begins with the CTE `t` of the deliveries that it writes, and leaves an audit event of each.
    async fn write(
        &self,
        mut statement: Statement,
        action: Action,
        changes: Changes,
    ) -> Result<Vec<Record<WebhookDelivery>>> {
        let (writer, info) = (self.clone(), &WebhookDelivery::INFO);
        run_to_completion(async move {
            let changed = audit::Changed { action, changes: &changes, children: &[] };
            audit::event(&mut statement, info, &writer.origin, &changed)?;
            statement.push(&format!(" SELECT {} FROM t ORDER BY t.id", selects::for_noun(info).columns));
            let rows = statement.query().fetch_all(&writer.store.pool).await?;
            rows.iter().map(row::record).collect()
        })
        .await
    }
}

fn again() -> Statement {
    Statement::new(
        "WITH t AS (UPDATE webhook_deliveries SET state = 'Pending', attempts = 0, next_attempt_at = now(), updated_at = clock_timestamp()",
    )
}

/// What an audit event says of it.
fn pending() -> Changes {
    let mut changes = Changes::between(None, &WebhookDelivery::default());
    changes.0.retain(|change| change.field == "State");
    changes
}

fn must_be_enabled(webhook: &Record<Webhook>) -> Result<()> {
    if webhook.spec.disabled == Some(true) {
        let name = &webhook.spec.name;
        let sentence = format!("webhook {name} is disabled; set its Disabled to false first");
        return Err(StoreError::conflict(Reason::WebhookDisabled, sentence));
    }
    Ok(())
}
