//! Audit events are kept for a while, then they go.

use causeway_store::Store;
use clap::Args;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events that one statement deletes: it takes milliseconds, and holds up nobody.
const BATCH: i64 = 1000;
/// How often somebody looks for old ones, if they aren't kept shorter than that.
const LOOK: Duration = Duration::from_secs(3600);

/// Settings of audit events.
#[derive(Args, Clone, Debug)]
pub struct Audit {
    /// How long audit events are kept; 0s: for ever.
    #[arg(long, env = "CAUSEWAY_AUDIT_KEEP", default_value = "90days", value_parser = humantime::parse_duration)]
    pub audit_keep: Duration,
}

impl Audit {
    /// Deletes old audit events now and then, until it is told to stop. Any number of processes may do so.
    pub async fn purge(self, store: Store, stop: CancellationToken) {
        if self.audit_keep.is_zero() {
            return;
        }
        loop {
            match stop.run_until_cancelled(self.purge_once(&store)).await {
                None => return,
                Some(Ok(0)) => {}
                Some(Ok(count)) => tracing::info!(count, "audit events were old enough to go"),
                Some(Err(error)) => tracing::warn!(%error, "old audit events stay for now"),
            }
            if stop.run_until_cancelled(tokio::time::sleep(self.audit_keep.min(LOOK))).await.is_none() {
                return;
            }
        }
    }

    async fn purge_once(&self, store: &Store) -> causeway_store::Result<u64> {
        let mut count = 0;
        loop {
            let gone = store.purge_audit_events(self.audit_keep, BATCH).await?;
            count += gone;
            if gone < BATCH.unsigned_abs() {
                return Ok(count);
            }
        }
    }
}
