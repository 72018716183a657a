//! What happened to records, in the order of the commits.
//!
//! ```text
//!  a change ──▶ event_inbox ──▶ event_log ──▶ whoever follows
//!  (inbox)      committed       numbered
//! ```
//!
//! Writers never wait for each other here: each puts a row into the inbox. Any process may move what is committed to the log, and one at a time
//! does, because it locks a row; nobody is leader. Only under that lock positions are drawn, so they become visible in ascending order: whoever has
//! read up to one has missed nothing.
//!
//! A database that was restored knows less than its readers have seen, and gives positions out again. So each position belongs to an epoch, which
//! ends where server, timeline or database are others than those in which it began, and when a cluster shows that the database is an old one.

use crate::{Store, error::Result, writes::run_to_completion};
use causeway_records::watch::{Cursor, Flip, RecordEvent};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow};
use std::time::Duration;

/// What a database is beside its contents: a copy of it is another one, and so is one that goes on after a restore to a point in time.
const ORIGIN: &str = "concat_ws('/', (SELECT system_identifier FROM pg_control_system()), left(pg_walfile_name(pg_current_wal_lsn()), 8),
    (SELECT oid FROM pg_database WHERE datname = current_database()))";
/// The columns of an event `e`, as [`event`] reads them, and its position.
pub(crate) const EVENT: &str =
    "e.position, e.type, e.kind, e.record_id, e.name, e.runtime_id, e.generation, e.condition_type, e.condition_status,
    e.condition_reason, e.time";
/// The name of another epoch.
const NEW_EPOCH: &str = "(epoch + 1 + floor(random() * 4294967294)::bigint) % 4294967296";

/// Why events can't go on after a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// The database was restored, or moved.
    OtherEpoch,
    /// Events after it were deleted because they were old.
    TooOld,
    /// There was never such a position.
    Unknown,
}

impl ResetReason {
    /// As the reset message of a stream names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherEpoch => "OtherEpoch",
            Self::TooOld => "TooOld",
            Self::Unknown => "UnknownPosition",
        }
    }
}

/// The log at one moment, and events of it.
#[derive(Clone, Debug)]
pub struct EventRead {
    /// The position of the newest event.
    pub newest: Cursor,
    /// Events up to this position are deleted.
    pub deleted_to: i64,
    /// The inbox holds events that have no position yet.
    pub is_waiting: bool,
    /// By ascending position, without those that a later release wrote about kinds that this one doesn't know.
    pub events: Vec<RecordEvent>,
    /// The position of the last row that was read, or where the reading began.
    pub read_to: Cursor,
    /// There may be more after it.
    pub is_full: bool,
}

impl EventRead {
    /// Why nobody can go on after this cursor; None: somebody can.
    #[must_use]
    pub fn refuses(&self, cursor: Cursor) -> Option<ResetReason> {
        if cursor.epoch != self.newest.epoch {
            Some(ResetReason::OtherEpoch)
        } else if cursor.position > self.newest.position {
            Some(ResetReason::Unknown)
        } else if cursor.position < self.deleted_to {
            Some(ResetReason::TooOld)
        } else {
            None
        }
    }
}

impl Store {
    /// Moves at most `limit` events from the inbox to the log. Answers how many were moved: 0 also while another process does so.
    pub async fn sequence_events(&self, limit: i64) -> Result<u64> {
        let store = self.clone();
        run_to_completion(async move {
            let moved = sqlx::query!(
                "WITH l AS MATERIALIZED (SELECT FROM event_sequencer FOR UPDATE SKIP LOCKED),
                 d AS (DELETE FROM event_inbox WHERE EXISTS (SELECT FROM l) AND id IN (SELECT id FROM event_inbox ORDER BY id LIMIT $1) RETURNING *)
                 INSERT INTO event_log (type, kind, record_id, name, runtime_id, generation, condition_type, condition_status, condition_reason, time)
                 SELECT type, kind, record_id, name, runtime_id, generation, condition_type, condition_status, condition_reason, time FROM d ORDER BY id",
                limit
            );
            Ok(moved.execute(&store.pool).await?.rows_affected())
        })
        .await
    }

    /// The log now, with at most `limit` events after a position. One statement.
    pub async fn read_events(&self, after: i64, limit: i64) -> Result<EventRead> {
        let text = format!(
            "SELECT s.epoch, s.deleted_to, s.origin = {ORIGIN} AS is_here, EXISTS (SELECT FROM event_inbox) AS is_waiting,
                greatest(s.deleted_to, (SELECT max(position) FROM event_log)) AS newest, {EVENT}
             FROM event_sequencer s LEFT JOIN LATERAL (SELECT * FROM event_log WHERE position > $1 ORDER BY position LIMIT $2) e ON true
             ORDER BY e.position"
        );
        let mut rows = sqlx::query(AssertSqlSafe(text.clone())).bind(after).bind(limit).fetch_all(&self.pool).await?;
        if !is_here(&rows)? {
            self.begin_epoch_here().await?;
            rows = sqlx::query(AssertSqlSafe(text)).bind(after).bind(limit).fetch_all(&self.pool).await?;
        }
        read(&rows, after, limit)
    }

    /// The database is another one than before: its history of events is, too. Whoever comes second changes nothing.
    async fn begin_epoch_here(&self) -> Result<()> {
        let store = self.clone();
        run_to_completion(async move { begin_epoch_in(&mut *store.pool.acquire().await?).await }).await
    }

    /// Deletes events that are older than `keep`, from the first one on, at most `limit` of them. Answers how many went. Several processes may do
    /// so at once.
    pub async fn purge_event_log(&self, keep: Duration, limit: i64) -> Result<u64> {
        let store = self.clone();
        run_to_completion(async move {
            // Up to the first one that is young enough: what is left has no hole, so one position says what is gone.
            let gone = sqlx::query_scalar!(
                r#"WITH old AS (SELECT position, bool_and(time < now() - make_interval(secs => $1)) OVER (ORDER BY position) AS is_old
                    FROM (SELECT position, time FROM event_log ORDER BY position LIMIT $2) first),
                 gone AS (DELETE FROM event_log WHERE position IN (SELECT position FROM old WHERE is_old) RETURNING position),
                 noted AS (UPDATE event_sequencer SET deleted_to = greatest(deleted_to, (SELECT max(position) FROM gone)) WHERE EXISTS (SELECT FROM gone))
                 SELECT count(*) AS "gone!" FROM gone"#,
                keep.as_secs_f64(),
                limit
            );
            Ok(gone.fetch_one(&store.pool).await?.unsigned_abs())
        })
        .await
    }
}

/// The same over a connection, for who begins at the newest position before anybody has read one.
pub(crate) async fn begin_epoch_in(connection: &mut PgConnection) -> Result<()> {
    let text = format!("UPDATE event_sequencer SET epoch = {NEW_EPOCH}, origin = {ORIGIN} WHERE origin <> {ORIGIN}");
    sqlx::query(AssertSqlSafe(text)).execute(connection).await?;
    Ok(())
}

fn is_here(rows: &[PgRow]) -> Result<bool> {
    rows.first().map_or(Ok(true), |row| Ok(row.try_get("is_here")?))
}

fn read(rows: &[PgRow], after: i64, limit: i64) -> Result<EventRead> {
    let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let epoch = u32::try_from(first.try_get::<i64, _>("epoch")?).unwrap_or_default();
    let cursor = |position: i64| Cursor { epoch, position };
    let (mut events, mut read_to, mut count) = (vec![], after, 0);
    for row in rows {
        // A single row without an event: there is none.
        let Some(position) = row.try_get::<Option<i64>, _>("position")? else { break };
        (read_to, count) = (position, count + 1);
        events.extend(event(row, cursor(position))?);
    }
    Ok(EventRead {
        newest: cursor(first.try_get("newest")?),
        deleted_to: first.try_get("deleted_to")?,
        is_waiting: first.try_get("is_waiting")?,
        events,
        read_to: cursor(read_to),
        is_full: count >= limit,
    })
}

/// None: a later release wrote it, which has a kind or a type that this one doesn't know.
pub(crate) fn event(row: &PgRow, cursor: Cursor) -> Result<Option<RecordEvent>> {
    let (kind, event_type): (String, String) = (row.try_get("kind")?, row.try_get("type")?);
    let (Ok(kind), Ok(event_type)) = (kind.parse(), event_type.parse()) else { return Ok(None) };
    let status = row.try_get::<Option<String>, _>("condition_status")?.and_then(|status| status.parse().ok());
    let condition = match (row.try_get("condition_type")?, status, row.try_get("condition_reason")?) {
        (Some(condition_type), Some(status), Some(reason)) => Some(Flip { condition_type, status, reason }),
        _ => None,
    };
    Ok(Some(RecordEvent {
        cursor,
        event_type,
        kind,
        id: row.try_get("record_id")?,
        name: row.try_get("name")?,
        runtime: row.try_get("runtime_id")?,
        generation: row.try_get("generation")?,
        condition,
        time: row.try_get("time")?,
    }))
}
