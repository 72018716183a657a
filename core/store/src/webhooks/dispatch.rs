//! Events become deliveries.

use super::ENABLED;
use crate::{Store, error::Result, event_log::EventRead, row, selects, writes::run_to_completion};
use causeway_records::{
    Record,
    noun::Noun,
    nouns::Webhook,
    watch::{Cursor, EventFilter, Message},
};
use chrono::Utc;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row};

/// Messages that wait for one webhook. Further events wait in the log, where they are anyway.
const MOST_WAITING: i64 = 1000;
/// Positions that are looked at in one round.
const MOST_CURSORS: i64 = 100;

/// Condition of a webhook `t` that has room for more messages.
fn has_room() -> String {
    format!(
        "(SELECT count(*) FROM (SELECT FROM webhook_deliveries d WHERE d.webhook_id = t.id AND d.next_attempt_at IS NOT NULL LIMIT {MOST_WAITING}) w) < {MOST_WAITING}"
    )
}

/// What was done for the webhooks in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Those that were moved on. None: another process was at it.
    pub webhooks: usize,
    /// What is to be sent to them.
    pub deliveries: usize,
}

/// Messages to be stored, by column.
#[derive(Default)]
struct Messages {
    webhooks: Vec<i64>,
    ids: Vec<String>,
    types: Vec<String>,
    payloads: Vec<String>,
}

impl Messages {
    fn add(&mut self, webhook: i64, message: &Message) {
        self.webhooks.push(webhook);
        self.ids.push(message.id.clone());
        self.types.push(message.event_type.clone());
        self.payloads.push(message.payload.clone());
    }
}

impl Store {
    /// Where those webhooks are that are behind `newest`, each place once. Those that keep up are in the same place.
    pub async fn webhook_cursors(&self, newest: Cursor) -> Result<Vec<Cursor>> {
        let text = format!(
            "SELECT DISTINCT s.epoch, s.position FROM webhook_senders s JOIN webhooks t ON t.id = s.webhook_id
             WHERE {ENABLED} AND (s.epoch, s.position) <> ($1, $2) AND {} ORDER BY s.position DESC LIMIT {MOST_CURSORS}",
            has_room()
        );
        let query = sqlx::query(AssertSqlSafe(text)).bind(i64::from(newest.epoch)).bind(newest.position);
        query.fetch_all(&self.pool).await?.iter().map(cursor).collect()
    }

    /// Makes deliveries of the events that were read after a position, for all webhooks that are there, and moves these on. Answers how many
    /// webhooks it moved, and how many deliveries it made.
    pub async fn dispatch(&self, after: Cursor, read: EventRead) -> Result<Dispatched> {
        let control_plane = self.control_plane().await?;
        let store = self.clone();
        run_to_completion(async move {
            let mut connection = store.pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            let webhooks = lock(&mut transaction, after).await?;
            let mut messages = Messages::default();
            if let Some(why) = read.refuses(after) {
                let message = Message::of_reset(&control_plane, why.as_str(), read.newest, Utc::now());
                webhooks.iter().for_each(|webhook| messages.add(webhook.id(), &message));
            } else {
                let filters: Vec<(i64, EventFilter)> =
                    webhooks.iter().filter_map(|webhook| Some((webhook.id(), webhook.spec.filter()?))).collect();
                for event in &read.events {
                    let mut passing = filters.iter().filter(|(_, filter)| filter.passes(event)).peekable();
                    if passing.peek().is_some() {
                        let message = Message::of_event(&control_plane, event);
                        passing.for_each(|(webhook, _)| messages.add(*webhook, &message));
                    }
                }
            }
            let made = insert(&mut transaction, &messages).await?;
            let ids: Vec<_> = webhooks.iter().map(Record::id).collect();
            let to = if read.is_full && read.refuses(after).is_none() { read.read_to } else { read.newest };
            sqlx::query!(
                "UPDATE webhook_senders SET epoch = $2, position = $3 WHERE webhook_id = ANY ($1)",
                &ids,
                i64::from(to.epoch),
                to.position
            )
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            connection.give_back();
            Ok(Dispatched { webhooks: ids.len(), deliveries: made })
        })
        .await
    }
}

/// Locks the webhooks at a place that nobody else has locked.
async fn lock(connection: &mut PgConnection, at: Cursor) -> Result<Vec<Record<Webhook>>> {
    let text = format!(
        "SELECT {} FROM webhooks t JOIN webhook_senders s ON s.webhook_id = t.id
         WHERE {ENABLED} AND s.epoch = $1 AND s.position = $2 AND {} ORDER BY t.id FOR UPDATE OF s SKIP LOCKED",
        selects::for_noun(&Webhook::INFO).columns,
        has_room()
    );
    let query = sqlx::query(AssertSqlSafe(text)).bind(i64::from(at.epoch)).bind(at.position);
    query.fetch_all(connection).await?.iter().map(row::record).collect()
}

/// Stores messages. Their ids are drawn in the order of the events.
async fn insert(connection: &mut PgConnection, messages: &Messages) -> Result<usize> {
    if messages.ids.is_empty() {
        return Ok(0);
    }
    let Messages { webhooks, ids, types, payloads } = messages;
    let made = sqlx::query!(
        "INSERT INTO webhook_deliveries (webhook_id, event_id, event_type, payload)
            SELECT webhook, id, type, payload FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY m(webhook, id, type, payload, n)
            ORDER BY n ON CONFLICT (webhook_id, event_id) DO NOTHING",
        webhooks,
        ids,
        types,
        payloads
    )
    .execute(connection)
    .await?;
    Ok(usize::try_from(made.rows_affected()).unwrap_or(usize::MAX))
}

fn cursor(row: &sqlx::postgres::PgRow) -> Result<Cursor> {
    let epoch = u32::try_from(row.try_get::<i64, _>("epoch")?).unwrap_or_default();
    Ok(Cursor { epoch, position: row.try_get("position")? })
}
