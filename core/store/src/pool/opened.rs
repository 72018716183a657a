//! A connection as the pool opens it: what Postgres knows of our statements, and what we know of the process that answers.

use sqlx::{AssertSqlSafe, Error, PgConnection, Row as _};
use std::ops::{Deref, DerefMut};

/// What Postgres is to know of our statements. Not sent with the first message of a connection, where a pooler may drop it.
const SETTINGS: &str = "
    -- A net under the rules above: no connection stays inside a transaction that nobody continues.
    SET idle_in_transaction_session_timeout = '10s';
    SET statement_timeout = '30s';
    -- Less than the time of a request, so that there is some left to try again and to say why.
    SET lock_timeout = '10s';
    -- Statements are fixed texts that look up by keys: planning them anew for their values costs more than it can save.
    SET plan_cache_mode = force_generic_plan;
    -- What is asked for is in memory or on disks without heads. By the default, 4, all of a table of thousands is read for ten keys.
    SET random_page_cost = 1.1;
    -- A connection plans a function's statements when it first needs them. In a new installation the tables are empty then, and to read all of
    -- them looks cheapest; it isn't for long.
    SET enable_seqscan = off;
    -- Compiling pays for statements that take seconds, of which there is none.
    SET jit = off";
/// A process of Postgres that answers, told from all others of all servers.
const BACKEND: &str = "pid || ' ' || extract(epoch FROM backend_start) FROM pg_stat_activity";

/// A connection with the process that answers there.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) connection: PgConnection,
    backend: String,
}

impl Opened {
    pub(super) async fn new(mut connection: PgConnection) -> Result<Self, Error> {
        let text = format!("{SETTINGS}; SELECT {BACKEND} WHERE pid = pg_backend_pid()");
        let backend = sqlx::raw_sql(AssertSqlSafe(text)).fetch_one(&mut connection).await?.try_get(0)?;
        Ok(Self { connection, backend })
    }

    /// Whether the server to which another connection leads is at work on what was sent over this one, be it that it waits for a lock.
    pub(super) async fn is_busy(&self, other: &mut PgConnection) -> Result<bool, Error> {
        let text = format!("SELECT $1 IN (SELECT {BACKEND} WHERE state = 'active')");
        sqlx::query_scalar(AssertSqlSafe(text)).bind(&self.backend).fetch_one(other).await
    }
}

impl Deref for Opened {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Opened {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
