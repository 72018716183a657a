//! What becomes of a connection whose user came to no good end.

use super::Opener;
use deadpool::managed::{Manager, Object};
use sqlx::{Error, PgConnection, Row as _};
use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// A connection that leads to a server without writes is given up at this age: a new one would lead there, too, until the address leads elsewhere.
const READ_ONLY_FOR: Duration = Duration::from_secs(1);
/// How long Postgres may take to say in which state a connection is.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);

/// Has Postgres answer everything that was asked and undo a transaction that was left. What doesn't answer is not used again, nor is anything
/// that was opened before.
pub(super) async fn settle(mut object: Object<Opener>) {
    let why = match state(&mut object).await {
        Ok(state) if !state.is_at_rest => "it is still in a transaction".to_owned(),
        Ok(state) if !state.takes_writes && Object::metrics(&object).age() > READ_ONLY_FOR => {
            distrust(&object);
            "it leads to a server that takes no writes".to_owned()
        }
        Ok(_) => return put_back(object),
        Err(_) if is_busy(&object).await => "Postgres is still at work on what was asked there".to_owned(),
        Err(error) => {
            distrust(&object);
            error.to_string()
        }
    };
    tracing::warn!(why, "a connection to Postgres is given up");
    drop(Object::take(object));
}

/// Whether a connection is silent because its statement takes long or waits for a lock, for which nobody waits any more. That says nothing against the server,
/// nor against other connections to it.
async fn is_busy(object: &Object<Opener>) -> bool {
    let Some(pool) = Object::pool(object) else { return false };
    let asked = async { object.is_busy(&mut *pool.manager().create().await?).await };
    matches!(timeout(SETTLED_WITHIN, asked).await, Ok(Ok(true)))
}

/// What a connection can be used for.
pub(super) struct State {
    /// It is in no transaction.
    is_at_rest: bool,
    pub(super) takes_writes: bool,
}

/// Asks Postgres, within a deadline.
pub(super) async fn state(connection: &mut PgConnection) -> Result<State, Error> {
    // A statement that stands alone begins its transaction.
    let ask = sqlx::raw_sql("SELECT now() = statement_timestamp(), current_setting('transaction_read_only') = 'off'");
    let row = timeout(SETTLED_WITHIN, ask.fetch_one(connection)).await.map_err(|_| silent())??;
    Ok(State { is_at_rest: row.try_get(0)?, takes_writes: row.try_get(1)? })
}

/// Back into the pool, unless it was opened before the last distrust. That is looked up last: a distrust in between finds it in the pool.
pub(super) fn put_back(object: Object<Opener>) {
    let (pool, created) = (Object::pool(&object), Object::metrics(&object).created);
    drop(object);
    let Some(pool) = pool else { return };
    let trusted_from = *pool.manager().trusted_from();
    if let Some(from) = trusted_from.filter(|from| created < *from) {
        pool.retain(|_, metrics| metrics.created >= from);
    }
}

/// Closes all connections that were opened before now, those in use as soon as they are given back.
fn distrust(object: &Object<Opener>) {
    let Some(pool) = Object::pool(object) else { return };
    let now = Instant::now();
    *pool.manager().trusted_from() = Some(now);
    pool.retain(|_, metrics| metrics.created >= now);
}

pub(super) fn silent() -> Error {
    Error::Io(std::io::Error::new(ErrorKind::TimedOut, "Postgres doesn't answer"))
}
