//! The log of events from its end, for views.

use crate::{
    Store,
    error::Result,
    event_log::{EVENT, event},
};
use causeway_records::watch::{Cursor, EventFilter, RecordEvent};
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};

/// Events that one statement looks at. No index has the filters: writers would pay for it, and those who look back are few. So whoever looks for what is rare
/// looks on from where this ended.
pub const LOOKED_AT: i64 = 20_000;

/// Which events, and where from.
#[derive(Clone, Debug, Default)]
pub struct EventSearch {
    pub filter: EventFilter,
    /// Before this position; None: from the newest one on.
    pub before: Option<i64>,
    /// The most events that are answered.
    pub limit: i64,
}

/// A page of the log, the newest events first.
#[derive(Clone, Debug)]
pub struct EventPage {
    pub events: Vec<RecordEvent>,
    /// Where to go on; None: this was the beginning of the log.
    pub next: Option<Cursor>,
}

impl Store {
    /// Events from the end of the log on, or from a position on, backwards. One statement.
    pub async fn event_page(&self, search: &EventSearch) -> Result<EventPage> {
        let text = format!(
            "SELECT s.epoch, f.floor, {EVENT} FROM event_sequencer s
            LEFT JOIN LATERAL (SELECT position AS floor FROM event_log WHERE position < $1 ORDER BY position DESC OFFSET $2 LIMIT 1) f ON true
            LEFT JOIN LATERAL (SELECT * FROM event_log WHERE position < $1 AND position > coalesce(f.floor, 0)
                AND (cardinality($4::text[]) = 0 OR kind = ANY ($4)) AND (cardinality($5::text[]) = 0 OR type = ANY ($5))
                AND ($6::bigint IS NULL OR runtime_id = $6) AND ($7::text IS NULL OR name = $7) AND ($8::bigint IS NULL OR record_id = $8)
                ORDER BY position DESC LIMIT $3) e ON true
            ORDER BY e.position DESC"
        );
        let EventFilter { kinds, types, runtime, name, id } = &search.filter;
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let types: Vec<&str> = types.iter().map(|one| one.as_str()).collect();
        let query = sqlx::query(AssertSqlSafe(text)).bind(search.before.unwrap_or(i64::MAX));
        let query = query.bind(LOOKED_AT - 1).bind(search.limit).bind(kinds).bind(types);
        let rows = query.bind(runtime).bind(name).bind(id).fetch_all(&self.pool).await?;
        page(&rows, search.limit)
    }
}

fn page(rows: &[PgRow], limit: i64) -> Result<EventPage> {
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let epoch = u32::try_from(first.try_get::<i64, _>("epoch")?).unwrap_or_default();
    let cursor = |position: i64| Cursor { epoch, position };
    let (mut events, mut last, mut count) = (vec![], None, 0);
    for row in rows {
        // A single row without an event: none passes.
        let Some(position) = row.try_get::<Option<i64>, _>("position")? else { break };
        (last, count) = (Some(position), count + 1);
        events.extend(event(row, cursor(position))?);
    }
    // The floor itself has not been looked at.
    let floor = first.try_get::<Option<i64>, _>("floor")?.map(|floor| floor + 1);
    Ok(EventPage { events, next: if count >= limit { last } else { floor }.map(cursor) })
}
