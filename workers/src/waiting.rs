//! Waits for what may never come.

use std::time::Instant;

/// Ends at a time, or never.
pub(crate) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
