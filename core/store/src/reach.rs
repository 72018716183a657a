//! Whether Postgres can be reached at all, when the pool has no connection to ask it over.

use crate::Store;
use sqlx::{Connection, Error, PgConnection, postgres::PgConnectOptions};
use std::time::Duration;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long an answer counts: however many ask, there is one try in this time.
const FRESH: Duration = Duration::from_secs(1);
/// How long Postgres may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last answer, and when it came.
pub(crate) type Reach = Mutex<Option<(Instant, bool)>>;

impl Store {
    /// Whether Postgres answers over a connection of its own, beside the pool's.
    pub async fn is_reachable(&self) -> bool {
        let mut last = self.reach.lock().await;
        match *last {
            Some((when, answer)) if when.elapsed() < FRESH => answer,
            _ => {
                let answer = answers(self.pool.options()).await;
                *last = Some((Instant::now(), answer));
                answer
            }
        }
    }
}

async fn answers(options: &PgConnectOptions) -> bool {
    match timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => {
            // It has answered; how this ends doesn't matter.
            let _ = connection.close().await;
            true
        }
        // "Too many connections" is an answer, too; "starting up" and "shutting down" are none.
        Ok(Err(Error::Database(refusal))) => refusal.code().is_some_and(|code| !code.starts_with("57P")),
        Ok(Err(_)) | Err(_) => false,
    }
}
