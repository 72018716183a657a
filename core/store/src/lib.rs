//! The only crate with SQL. It reads and writes, under locks; what follows from a change is decided by `causeway-rules`.
//!
//! ```text
//!  API ──▶ Writer (writes/) ──▶ records, audit events ─┐
//!      ──▶ Store: get, list                            ├─ one transaction
//!                               queue items, claims ───┘
//!  workers ──▶ lease ──▶ queue: due, begin ──▶ inputs ──▶ queue: complete
//! ```
//!
//! - **Records** of every noun: one generic set of statements, generated from the nouns' tables. Callers' changes go through a [`Writer`], which
//!   leaves an audit event of each. `writes/` describes the steps of a change, what follows from it, and the lock order.
//! - **The queue** ([`queue`]): which records are due, and the outcomes of their reconciles. A record's row in `reconciliations` is its outbox too.
//! - **The event log** ([`event_log`]): what happened to records, for programs that follow it. Whoever changes a record writes the event in the same
//!   statement (`inbox`).
//! - **Webhooks** ([`webhooks`]): one more reader of that log; messages to be sent, and what became of them.
//! - **Trials** ([`trial`]): a write carried out and undone, with what every record that it concerns becomes.
//! - **The inputs** of a reconcile ([`inputs`]), read whole; the leases of clusters ([`lease`]); events; access tokens; the schema ([`migrate`]).
//!
//! What may fail: everything, as a [`StoreError`]. A refusal names the field and the remedy; what Postgres refuses because two transactions
//! met is tried again here.
//!
//! What holds: a write that was begun runs to its end, in a task of its own, even when the client hangs up. No wake is lost: dependants are
//! searched after the row that they depend on is locked. A statement of a reconcile matches no row when another worker has the lease.
//!
//! To add a noun, nothing is needed here, except: inputs, if workers reconcile it; a line in `depends/mod.rs`, if other records are reconciled again
//! when it changes; a step in `writes/consequences.rs`, if it has rules beyond its own fields.

mod audit;
mod children;
mod claimed_routes;
mod clusters;
mod config;
mod created;
mod depends;
mod documents;
pub mod epoch;
pub mod error;
pub mod event_log;
mod event_page;
pub mod events;
mod figures;
pub mod functions;
mod gateway_facts;
mod inbox;
pub mod inputs;
mod json_row;
pub mod keys;
pub mod lease;
mod list;
mod listeners;
pub mod migrate;
mod names;
mod on_the_way;
pub mod pool;
pub mod queue;
mod reach;
mod record;
pub mod resources;
mod route53_requests;
mod row;
mod search;
mod selects;
mod servers;
mod session;
mod statement;
pub mod tokens;
pub mod trial;
pub mod webhooks;
pub mod workload_events;
mod writes;
mod zone_deletions;

pub use audit::Period;
pub use config::Database;
pub use created::Created;
pub use documents::Unreadable;
pub use error::{Result, StoreError};
pub use event_page::{EventPage, EventSearch, LOOKED_AT};
pub use figures::{BlockedRecords, Figures};
pub use list::{Filter, MAX_PAGE_BYTES, Order, Page, Position, Start};
pub use on_the_way::{CertificateTerm, Publisher};
pub use search::{Blocked, Search};
pub use servers::Servers;
pub use writes::{Confirmed, Merge, Origin, Writer};

use causeway_records::secret::Keyring;
use documents::Documents;
use pool::Pool;
use reach::Reach;
use sqlx::migrate::MigrateError;
use std::{sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// The data of a control plane in Postgres, over a pool of connections that clones share.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: Pool,
    reach: Arc<Reach>,
    pub(crate) documents: Documents,
    control_plane: Arc<OnceCell<String>>,
    /// See [`Self::viewing`].
    pub(crate) is_view: bool,
}

impl Store {
    /// Connects lazily: a database that is down is found out by the first statement.
    ///
    /// `connections`: about eight for each core of Postgres; more only makes writes wait for each other. `wait`: how long a statement waits for one
    /// of them to come free.
    pub fn connect(url: &str, connections: u32, wait: Duration) -> Result<Self> {
        let pool = Pool::new(Servers::from_url(url)?, connections, wait);
        Ok(Self {
            pool,
            reach: Arc::default(),
            documents: Documents::default(),
            control_plane: Arc::default(),
            is_view: false,
        })
    }

    /// The same store for people who look: it reads [`inputs`] without a lock, so that nobody who looks keeps a writer waiting, or waits for one. What it shows
    /// may be about to change. A reconcile reads with locks, or it could miss the change.
    #[must_use]
    pub fn viewing(&self) -> Self {
        Self { is_view: true, ..self.clone() }
    }

    /// The same store, which can read and write the documents of nouns: manifests, and what became of them.
    #[must_use]
    pub fn with_documents(self, keys: Keyring, unreadable: Unreadable) -> Self {
        Self { documents: Documents::new(keys, unreadable), ..self }
    }

    /// Brings the schema up to date. Several processes may do so at once. Nothing is written, and no right to do so is needed, when it already is.
    /// Programs of the release before go on meanwhile: when one of their transactions locks tables in another order, and Postgres ends the migration,
    /// it is tried again.
    pub async fn migrate(&self) -> std::result::Result<(), MigrateError> {
        for _ in 1..writes::TRIES {
            match self.migrate_once().await {
                Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
                    if error::is_conflict(&error) => {}
                done => return done,
            }
        }
        self.migrate_once().await
    }

    async fn migrate_once(&self) -> std::result::Result<(), MigrateError> {
        let mut connection = self.pool.acquire().await?;
        // Who migrates at the same time waits for the first one for as long as a statement may take, which is longer than for other locks.
        sqlx::raw_sql("SET lock_timeout = 0").execute(&mut *connection).await?;
        let done = migrate::run(&mut connection).await;
        // Its settings are no others'. And a failed migration leaves sqlx's lock to the session: as long as that lives, nobody else can migrate.
        connection.close();
        done
    }

    /// Whether Postgres answers and takes writes.
    pub async fn ping(&self) -> Result<()> {
        match self.pool.takes_writes().await.map_err(StoreError::from) {
            // All connections are in use: that says nothing against Postgres.
            Err(StoreError::NoConnection) if self.is_reachable().await => Ok(()),
            Err(StoreError::NoConnection) => Err(StoreError::unreachable()),
            Ok(false) => Err(StoreError::ReadOnly),
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
