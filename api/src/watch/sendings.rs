//! Whether something was sent to webhooks. No event tells of that, or receivers would be told of what they are told; so a page that shows deliveries has
//! its stream look, for as long as it is open.

use causeway_store::Store;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How often it is looked, at most.
const EVERY: Duration = Duration::from_secs(1);

/// What a page has seen of deliveries.
pub(crate) struct Sendings {
    store: Store,
    /// None: of all webhooks.
    webhook: Option<i64>,
    /// What [`Store::delivery_mark`] said.
    seen: String,
    looked: Instant,
}

impl Sendings {
    pub(crate) fn new(store: Store, webhook: Option<i64>, seen: String) -> Self {
        Self { store, webhook, seen, looked: Instant::now() }
    }

    /// Waits until something was sent. May be dropped at any time.
    async fn changed(&mut self, rest: Duration) {
        loop {
            sleep_until(self.looked + rest.max(EVERY)).await;
            self.looked = Instant::now();
            match self.store.delivery_mark(self.webhook).await {
                Ok(mark) if mark != self.seen => {
                    self.seen = mark;
                    return;
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "it can't be read what was sent to webhooks"),
            }
        }
    }
}

/// Waits until something was sent that a page shows, if it shows any of it.
pub(super) async fn sent(sendings: &mut Option<Sendings>, rest: Duration) {
    match sendings {
        Some(sendings) => sendings.changed(rest).await,
        None => std::future::pending().await,
    }
}
