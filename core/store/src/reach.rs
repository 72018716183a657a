//! Whether Postgres can be reached at all, when the pool has no connection to ask it over.

use crate::Store;
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

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
                let answer = self.pool.servers().any_answers(PATIENCE).await;
                *last = Some((Instant::now(), answer));
                answer
            }
        }
    }
}
