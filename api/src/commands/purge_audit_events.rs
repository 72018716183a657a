//! Deletes audit events that are older than `--audit-keep`. Part of `serve`; any number of processes may do it.

use causeway_store::{Result, Store};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events that one statement deletes: it takes milliseconds, so that it holds up nobody.
const BATCH: i64 = 1000;
/// Longest time between two rounds; events that are kept for less are looked for more often.
const ROUND: Duration = Duration::from_secs(3600);

/// Deletes old events in rounds, until `stop`.
pub(super) async fn run(store: Store, keep: Duration, stop: CancellationToken) {
    if keep.is_zero() {
        return;
    }
    loop {
        match stop.run_until_cancelled(purge(&store, keep)).await {
            None => return,
            Some(Ok(0)) => {}
            Some(Ok(count)) => tracing::info!(count, "audit events were old enough to go"),
            Some(Err(error)) => tracing::warn!(%error, "old audit events stay for now"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(keep.min(ROUND))).await.is_none() {
            return;
        }
    }
}

async fn purge(store: &Store, keep: Duration) -> Result<u64> {
    let mut count = 0;
    loop {
        let deleted = store.purge_audit_events(keep, BATCH).await?;
        count += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(count);
        }
    }
}
