//! Makes deliveries of events as they come.

use super::Due;
use crate::watch::Watch;
use causeway_store::{Result, Store};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Events that are made deliveries of at once.
const PAGE: i64 = 200;
/// How often it is looked for webhooks that are behind, such as one that was enabled again, while nothing happens.
const EVERY: Duration = Duration::from_secs(5);
/// While much happens, events are gathered for so long.
const GATHERED: Duration = Duration::from_millis(100);

/// Dispatches for as long as it is polled.
pub(super) async fn run(store: Store, watch: Watch, due: Due) {
    let (mut positions, mut was_away) = (watch.positions(), false);
    loop {
        match dispatch(&store, &due).await {
            Ok(()) => was_away = false,
            Err(error) if !was_away => {
                was_away = true;
                tracing::warn!(%error, "events can't be made deliveries of; webhooks wait");
            }
            Err(_) => {}
        }
        // Its other side lives as long as the process.
        let _ = timeout(EVERY, positions.changed()).await;
        sleep(GATHERED).await;
    }
}

/// Until nobody is behind, or another process is at it. In each round a webhook gets one page, so that who is far behind keeps nobody waiting.
async fn dispatch(store: &Store, due: &Due) -> Result<()> {
    loop {
        let newest = store.read_events(i64::MAX, 1).await?.newest;
        let mut moved = 0;
        for cursor in store.webhook_cursors(newest).await? {
            let read = store.read_events(cursor.position, PAGE).await?;
            let done = store.dispatch(cursor, read).await?;
            moved += done.webhooks;
            if done.deliveries > 0 {
                due.announce();
            }
        }
        if moved == 0 {
            return Ok(());
        }
    }
}
