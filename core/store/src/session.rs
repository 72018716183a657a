//! Whether each connection is a session of Postgres for itself. Behind a pooler that gives sessions to transactions or to statements it isn't, and then
//! prepared statements, settings and locks of a session are lost or somebody else's between two statements.

use crate::{
    Store,
    error::{Result, StoreError},
};
use sqlx::{Connection as _, Error, PgConnection};
use std::time::Duration;
use tokio::time::timeout;

/// A pooler that takes turns with its sessions may look right a few times.
const ROUNDS: usize = 5;
/// For all rounds together.
const WITHIN: Duration = Duration::from_secs(20);

impl Store {
    /// Fails where connections share sessions. For the start of a program, before anything else is asked.
    pub async fn check_sessions(&self) -> Result<()> {
        let looked = async {
            let (mut one, mut other) = (self.pool.open().await?, self.pool.open().await?);
            let shared = share(&mut one, &mut other).await?;
            for connection in [one, other] {
                // It has answered; how this ends doesn't matter.
                let _ = connection.close().await;
            }
            Ok::<_, Error>(shared)
        };
        match timeout(WITHIN, looked).await.map_err(|_| StoreError::unreachable())?? {
            true => Err(StoreError::SharedSessions),
            false => Ok(()),
        }
    }
}

/// Whether the two are answered by sessions that are not theirs alone.
async fn share(one: &mut PgConnection, other: &mut PgConnection) -> std::result::Result<bool, Error> {
    let own = backend(one).await?;
    for _ in 0..ROUNDS {
        // A pooler gives the session that has just come free to the next one that begins a transaction, or refuses transactions.
        let mut transaction = match other.begin().await {
            Ok(transaction) => transaction,
            Err(Error::Database(refusal)) if refusal.message().contains("pooling") => return Ok(true),
            Err(error) => return Err(error),
        };
        let (held, again) = (backend(&mut transaction).await?, backend(one).await?);
        transaction.rollback().await?;
        if held == own || again != own {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The process of Postgres that answers. Not prepared: that alone would fail behind some poolers.
async fn backend(connection: &mut PgConnection) -> std::result::Result<i32, Error> {
    use sqlx::Row as _;
    sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)
}
