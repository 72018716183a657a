//! Connections to Postgres, for whoever needs one next.
//!
//! A pool of its own, for sqlx's asks Postgres whether a connection still works each time one is given back, in a task made for that: a second
//! round trip for every statement. Here only a connection whose last user did not come to an end is asked.
//!
//! After a failover every connection leads to the old primary, which is gone or takes no writes any more. So the first one that shows it has all
//! the others closed that were opened before; new ones lead to the primary, by the address or by which of several servers takes writes.

mod lent;
mod opened;
mod settle;

use self::{
    lent::{Held, Lent},
    opened::Opened,
    settle::{put_back, settle, silent, state},
};
use crate::servers::Servers;
use backon::{ExponentialBuilder, Retryable};
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr,
    error::DatabaseError,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
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
/// How long it may take to answer a statement. It ends each after 30 s itself, so one that says nothing for longer is gone.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);
/// Between the first two attempts to connect; then twice as long each time, up to a second.
const AGAIN: Duration = Duration::from_millis(10);

/// Connections to one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    connections: managed::Pool<Opener>,
    wait: Duration,
    /// The only connection that is given out, if there is one: see [`lent`].
    lent: Option<Lent>,
}

impl Pool {
    /// Nothing is opened yet. `wait`: how long a statement waits for a connection; after that it fails with [`Error::PoolTimedOut`].
    pub fn new(servers: impl Into<Servers>, connections: u32, wait: Duration) -> Self {
        let most = usize::try_from(connections).unwrap_or(usize::MAX);
        let built = managed::Pool::builder(Opener { servers: servers.into(), trusted_from: Mutex::default() });
        let built = built.max_size(most).build();
        // Only timeouts could be refused, and none is set.
        Self { connections: built.unwrap_or_else(|error| unreachable!("{error}")), wait, lent: None }
    }

    /// Where the connections lead.
    pub(crate) fn servers(&self) -> &Servers {
        &self.connections.manager().servers
    }

    /// A connection for several statements.
    pub async fn acquire(&self) -> Result<Connection, Error> {
        if let Some(lent) = &self.lent {
            let connection = timeout(self.wait, lent.take()).await.map_err(|_| Error::PoolTimedOut)?;
            return Ok(Connection { held: Some(Held::Lent(connection)), at_rest: false });
        }
        match timeout(self.wait, self.connections.get()).await {
            Ok(Ok(object)) => Ok(Connection { held: Some(Held::Own(object)), at_rest: false }),
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

    /// The same database over this connection alone, which is closed when nobody uses it any more.
    pub(crate) fn over(&self, connection: Connection) -> Self {
        Self { lent: Some(Lent::new(connection)), ..self.clone() }
    }

    /// Whether all statements go over one connection that has been lent.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// A connection beside the pool's.
    pub(crate) async fn open(&self) -> Result<PgConnection, Error> {
        let opened = timeout(self.wait, managed::Manager::create(self.connections.manager()));
        Ok(opened.await.map_err(|_| Error::PoolTimedOut)??.connection)
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
    held: Option<Held>,
    at_rest: bool,
}

impl Connection {
    /// Closed: what Postgres still has to say is of no use to anybody.
    pub fn close(mut self) {
        if let Some(Held::Own(object)) = self.held.take() {
            drop(Object::take(object));
        }
    }

    /// Back into the pool. One that is dropped instead is first asked whether it still works, and what it was in the middle of is undone.
    pub fn give_back(mut self) {
        self.at_rest = true;
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.held.as_deref().unwrap_or_else(|| unreachable!("it is taken only when it is dropped"))
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.held.as_deref_mut().unwrap_or_else(|| unreachable!("it is taken only when it is dropped"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // One that was lent goes back as it is: its transaction goes on.
        let Some(Held::Own(object)) = self.held.take() else { return };
        if self.at_rest {
            return put_back(object);
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(settle(object))),
            // Nobody is left to ask it.
            Err(_) => drop(Object::take(object)),
        }
    }
}

/// Opens connections for the pool, and knows which are too old to be trusted.
#[derive(Debug)]
struct Opener {
    servers: Servers,
    /// Connections that were opened before this instant are not used any more.
    trusted_from: Mutex<Option<Instant>>,
}

impl Opener {
    fn trusted_from(&self) -> MutexGuard<'_, Option<Instant>> {
        self.trusted_from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl managed::Manager for Opener {
    type Type = Opened;
    type Error = Error;

    /// Until Postgres lets us in; whoever waits for it has a deadline.
    async fn create(&self) -> Result<Opened, Error> {
        let again = ExponentialBuilder::default().with_min_delay(AGAIN).with_max_delay(Duration::from_secs(1));
        let connect = || self.servers.connect();
        Opened::new(connect.retry(again.without_max_times()).when(comes_up).await?).await
    }

    async fn recycle(&self, _: &mut Opened, metrics: &Metrics) -> RecycleResult<Error> {
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
