//! The only crate that speaks SQL.
//!
//! - [`records`](crate::Store) of every noun: one generic set of statements, generated from the nouns' tables. Clients' changes go through a
//!   [`Writer`], which leaves an audit event of each.
//! - The queue ([`queue`]): which records are due, and what a pass found. A record's row is its own outbox.
//! - What a pass reads ([`inputs`]), who holds which cluster ([`lease`]), events.
//!
//! Two rules keep acknowledged writes safe. On the request path every write is one statement in a task of its own, because a client that hangs
//! up cancels the request's future, and sqlx 0.9 loses track of a transaction whose `begin()` was dropped. And whoever changes a row that
//! others depend on wakes them by a function that is called after the row's lock is held, so that it sees every committed dependant.
//!
//! To add a noun nothing is needed here, but a line in [`depends`] where others must look again when it changes.

mod audit;
mod config;
mod created;
pub mod depends;
pub mod epoch;
pub mod error;
pub mod events;
pub mod inputs;
mod json_row;
pub mod keys;
pub mod lease;
mod list;
mod listeners;
pub mod migrate;
pub mod pool;
pub mod queue;
mod reach;
mod record;
pub mod resources;
mod row;
mod sql;
mod statement;
pub mod tokens;
mod writes;

pub use audit::Period;
pub use config::Database;
pub use created::Created;
pub use error::{Result, StoreError};
pub use list::{Filter, Start};
pub use writes::{Confirmed, Merge, Origin, Writer};

use pool::Pool;
use reach::Reach;
use sqlx::postgres::PgConnectOptions;
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// Postgres, behind a pool.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: Pool,
    reach: Arc<Reach>,
    control_plane: Arc<OnceCell<String>>,
}

/// How each connection is opened: what Postgres is to know of our statements.
///
/// # Errors
/// When it is no URL of a database.
pub fn connect_options(url: &str) -> Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(url)?.options([
        // A net under the rules above: no connection stays inside a transaction that nobody continues.
        ("idle_in_transaction_session_timeout", "10s"),
        ("statement_timeout", "30s"),
        // Statements are fixed texts that look up by keys: planning them anew for their values costs more than it can save.
        ("plan_cache_mode", "force_generic_plan"),
        // What is asked for is in memory or on disks without heads. By the default, 4, all of a table of thousands is read for ten keys.
        ("random_page_cost", "1.1"),
        // A connection plans a function's statements when it first needs them. In a new installation the tables are empty then, and to read all
        // of them looks cheapest; it isn't for long.
        ("enable_seqscan", "off"),
        // Compiling pays for statements that take seconds, of which there is none.
        ("jit", "off"),
    ]))
}

impl Store {
    /// Connects lazily: a database that is down is found out by the first statement.
    ///
    /// `connections`: about eight for each core of Postgres; more only makes writes wait for each other. `wait`: how long a statement waits for one
    /// of them to come free.
    pub fn connect(url: &str, connections: u32, wait: Duration) -> Result<Self> {
        let pool = Pool::new(connect_options(url)?, connections, wait);
        Ok(Self { pool, reach: Arc::default(), control_plane: Arc::default() })
    }

    /// Brings the schema up to date. Several processes may do so at once. Nothing is written, and no right to do so is needed, when it already is.
    pub async fn migrate(&self) -> std::result::Result<(), sqlx::migrate::MigrateError> {
        let mut connection = self.pool.acquire().await?;
        migrate::run(&mut connection).await
    }

    /// Whether Postgres answers.
    pub async fn ping(&self) -> Result<()> {
        match sqlx::query("SELECT 1").execute(&self.pool).await.map_err(StoreError::from) {
            // All connections are in use: that says nothing against Postgres.
            Err(StoreError::NoConnection) if self.is_reachable().await => Ok(()),
            Err(StoreError::NoConnection) => Err(StoreError::unreachable()),
            done => done.map(|_| ()),
        }
    }

    /// Identity of this control plane: in labels, field managers and DNS owner ids. It never changes, so it is asked for once.
    pub async fn control_plane(&self) -> Result<String> {
        let ask = || async { Ok(sqlx::query_scalar!("SELECT id FROM control_plane").fetch_one(&self.pool).await?) };
        self.control_plane.get_or_try_init(ask).await.cloned()
    }

    /// Ends all connections, as they come free.
    pub fn close(&self) {
        self.pool.close();
    }
}
