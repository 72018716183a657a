//! Deletes what is older than it is to be kept. Part of `serve`; any number of processes may do it.

use causeway_store::{Result, Store};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rows that one statement deletes: it takes milliseconds, so that it holds up nobody.
const BATCH: i64 = 1000;
/// Longest time between two rounds; what is kept for less is looked for more often.
const ROUND: Duration = Duration::from_secs(3600);

/// What gets old.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purged {
    /// `--audit-keep`.
    AuditEvents,
    /// `--event-keep`.
    EventsOfRecords,
    /// `--webhook-delivery-keep`.
    WebhookDeliveries,
}

/// Deletes in rounds what is older than `keep`, until `stop`.
pub(super) async fn run(store: Store, what: Purged, keep: Duration, stop: CancellationToken) {
    if keep.is_zero() {
        return;
    }
    loop {
        match stop.run_until_cancelled(purge(&store, what, keep)).await {
            None => return,
            Some(Ok(0)) => {}
            Some(Ok(count)) => tracing::info!(count, ?what, "old enough to go"),
            Some(Err(error)) => tracing::warn!(%error, ?what, "what is old stays for now"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(keep.min(ROUND))).await.is_none() {
            return;
        }
    }
}

async fn purge(store: &Store, what: Purged, keep: Duration) -> Result<u64> {
    let mut count = 0;
    loop {
        let deleted = match what {
            Purged::AuditEvents => store.purge_audit_events(keep, BATCH).await?,
            Purged::EventsOfRecords => store.purge_event_log(keep, BATCH).await?,
            Purged::WebhookDeliveries => store.purge_webhook_deliveries(keep, BATCH).await?,
        };
        count += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(count);
        }
    }
}
