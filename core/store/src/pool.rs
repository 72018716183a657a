//! Connections to Postgres, for whoever needs one next.
//!
//! A pool of its own, for sqlx's asks Postgres whether a connection still works each time one is given back, in a task made for that: a second
//! round trip for every statement. Here only a connection whose last user did not come to an end is asked.
//!
//! After a failover every connection leads to the old primary, which is gone or takes no writes any more. So the first one that shows it has all
//! the others closed that were opened before; new ones lead to where the address leads now.

use backon::{ExponentialBuilder, Retryable};
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Connection as _, Describe, Either, Error, Execute, Executor, PgConnection, Postgres, Row as _, SqlStr,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{
    io::ErrorKind,
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How old a connection gets: what Postgres remembers for it grows, and a database that moved is noticed.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
/// A connection that leads to a server without writes is given up at this age: a new one would lead there, too, until the address leads elsewhere.
const READ_ONLY_FOR: Duration = Duration::from_secs(1);
/// How long Postgres may take to say in which state a connection is.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// How long it may take to answer a statement. It ends each after 30 s itself, so one that says nothing for longer is gone.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);
/// Between the first two attempts to connect; then twice as long each time, up to a second.
const AGAIN: Duration = Duration::from_millis(10);

/// Connections to one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    connections: managed::Pool<Opener>,
    wait: Duration,
}

impl Pool {
    /// Nothing is opened yet. `wait`: how long a statement waits for a connection; after that it fails with [`Error::PoolTimedOut`].
    pub fn new(options: PgConnectOptions, connections: u32, wait: Duration) -> Self {
        let most = usize::try_from(connections).unwrap_or(usize::MAX);
        let built = managed::Pool::builder(Opener { options, trusted_from: Mutex::default() }).max_size(most).build();
        // Only timeouts could be refused, and none is set.
        Self { connections: built.unwrap_or_else(|error| unreachable!("{error}")), wait }
    }

    /// Where the connections lead.
    pub fn options(&self) -> &PgConnectOptions {
        &self.connections.manager().options
    }

    /// A connection for several statements.
    pub async fn acquire(&self) -> Result<Connection, Error> {
        match timeout(self.wait, self.connections.get()).await {
            Ok(Ok(object)) => Ok(Connection { object: Some(object), at_rest: false }),
            Ok(Err(PoolError::Backend(error))) => Err(error),
            Ok(Err(PoolError::Closed)) => Err(Error::PoolClosed),
            Ok(Err(_)) | Err(_) => Err(Error::PoolTimedOut),
        }
    }

    /// Whether Postgres answers and takes writes. A connection that leads to one that doesn't is closed.
    pub async fn takes_writes(&self) -> Result<bool, Error> {
        let mut connection = self.acquire().await?;
        let takes_writes = state(&mut connection).await?.takes_writes;
        if takes_writes {
            connection.give_back();
        }
        Ok(takes_writes)
    }

    /// Opens no connection any more, and lets each go that nobody uses.
    pub fn close(&self) {
        self.connections.close();
    }
}

/// A connection in somebody's hands.
#[derive(Debug)]
pub struct Connection {
    /// None only once it was let go.
    object: Option<Object<Opener>>,
    at_rest: bool,
}

impl Connection {
    /// Closed: what Postgres still has to say is of no use to anybody.
    pub fn close(mut self) {
        self.object.take().map(Object::take);
    }

    /// Back into the pool. One that is dropped instead is first asked whether it still works, and what it was in the middle of is undone.
    pub fn give_back(mut self) {
        self.at_rest = true;
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.object.as_deref().unwrap_or_else(|| unreachable!("it is taken only when it is dropped"))
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.object.as_deref_mut().unwrap_or_else(|| unreachable!("it is taken only when it is dropped"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(object) = self.object.take().filter(|_| !self.at_rest) else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(settle(object))),
            // Nobody is left to ask it.
            Err(_) => drop(Object::take(object)),
        }
    }
}

/// Has Postgres answer everything that was asked and undo a transaction that was left. What doesn't answer is not used again, nor is anything
/// that was opened before.
async fn settle(mut object: Object<Opener>) {
    let why = match state(&mut object).await {
        Ok(state) if !state.is_at_rest => "it is still in a transaction".to_owned(),
        Ok(state) if !state.takes_writes && Object::metrics(&object).age() > READ_ONLY_FOR => {
            distrust(&object);
            "it leads to a server that takes no writes".to_owned()
        }
        Ok(_) => return,
        Err(error) => {
            distrust(&object);
            error.to_string()
        }
    };
    tracing::warn!(why, "a connection to Postgres is given up");
    drop(Object::take(object));
}

/// What a connection can be used for.
struct State {
    /// It is in no transaction.
    is_at_rest: bool,
    takes_writes: bool,
}

/// Asks Postgres, within a deadline.
async fn state(connection: &mut PgConnection) -> Result<State, Error> {
    // A statement that stands alone begins its transaction.
    let ask = sqlx::raw_sql("SELECT now() = statement_timestamp(), current_setting('transaction_read_only') = 'off'");
    let row = timeout(SETTLED_WITHIN, ask.fetch_one(connection)).await.map_err(|_| silent())??;
    Ok(State { is_at_rest: row.try_get(0)?, takes_writes: row.try_get(1)? })
}

/// Closes all connections that were opened before now, those in use as soon as they are given back.
fn distrust(object: &Object<Opener>) {
    let Some(pool) = Object::pool(object) else { return };
    let now = Instant::now();
    *pool.manager().trusted_from() = Some(now);
    pool.retain(|_, metrics| metrics.created >= now);
}

fn silent() -> Error {
    Error::Io(std::io::Error::new(ErrorKind::TimedOut, "Postgres doesn't answer"))
}

/// Opens connections.
#[derive(Debug)]
struct Opener {
    options: PgConnectOptions,
    /// Connections that were opened before this instant are not used any more.
    trusted_from: Mutex<Option<Instant>>,
}

impl Opener {
    fn trusted_from(&self) -> MutexGuard<'_, Option<Instant>> {
        self.trusted_from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl managed::Manager for Opener {
    type Type = PgConnection;
    type Error = Error;

    /// Until Postgres lets us in; whoever waits for it has a deadline.
    async fn create(&self) -> Result<PgConnection, Error> {
        let again = ExponentialBuilder::default().with_min_delay(AGAIN).with_max_delay(Duration::from_secs(1));
        (|| PgConnection::connect_with(&self.options)).retry(again.without_max_times()).when(comes_up).await
    }

    async fn recycle(&self, _: &mut PgConnection, metrics: &Metrics) -> RecycleResult<Error> {
        let distrusted = self.trusted_from().is_some_and(|from| metrics.created < from);
        if distrusted || metrics.age() > LIFETIME { Err(RecycleError::message("old enough")) } else { Ok(()) }
    }
}

/// Whether Postgres may let us in in a moment: it is starting, or has too many connections just now.
fn comes_up(error: &Error) -> bool {
    match error {
        Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        Error::Database(refusal) => refusal.is_transient_in_connect_phase(),
        _ => false,
    }
}

/// One statement on any connection.
impl<'p> Executor<'p> for &'_ Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        // All at once: the connection is free before the first row is looked at.
        let answers = async move {
            let mut connection = match pool.acquire().await {
                Ok(connection) => connection,
                Err(error) => return vec![Err(error)],
            };
            let Ok(answers) = timeout(ANSWERED_WITHIN, connection.fetch_many(query).collect::<Vec<_>>()).await else {
                return vec![Err(silent())];
            };
            if answers.iter().all(|answer| answer.as_ref().err().is_none_or(leaves_at_rest)) {
                connection.give_back();
            }
            answers
        };
        answers.map(stream::iter).flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let pool = self.clone();
        let answer = async move {
            let mut connection = pool.acquire().await?;
            let answer = timeout(ANSWERED_WITHIN, connection.fetch_optional(query)).await.map_err(|_| silent())?;
            if answer.as_ref().err().is_none_or(leaves_at_rest) {
                connection.give_back();
            }
            answer
        };
        answer.boxed()
    }

    fn prepare_with<'e>(self, text: SqlStr, types: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move { pool.acquire().await?.prepare_with(text, types).await }.boxed()
    }

    fn describe<'e>(self, text: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move { pool.acquire().await?.describe(text).await }.boxed()
    }
}

/// Postgres refused a statement that stood alone: the connection is as good as before.
fn leaves_at_rest(error: &Error) -> bool {
    error.as_database_error().is_some_and(|refusal: &dyn DatabaseError| {
        // Class 57: it ends the connection, or the whole server. 25006: the server takes no writes, as an old primary after a failover.
        refusal.code().is_some_and(|code| !code.starts_with("57") && code != "25006")
    })
}
