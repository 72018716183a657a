//! Events of records, followed and passed on: `GET /v0/watch`.
//!
//! ```text
//!  Postgres ──▶ follower, one for each process ──▶ feed of each client ──▶ connection
//!                 reads what is new, makes texts      filters, goes on from a position
//! ```
//!
//! The follower asks Postgres once a second, and at once when NATS announces something. Each client's feed gets what the follower has read, already
//! written as text, so that a thousand clients cost one query. A feed that begins earlier, or that falls behind because its client reads slowly, reads the log
//! itself until it has caught up; nothing is kept for it in memory. While no client follows, the follower only sees to it that events get positions.

mod feed;
mod follower;
mod limits;
mod sendings;
mod text;

pub(crate) use feed::{Feed, Wanted};
pub(crate) use sendings::Sendings;
pub(crate) use text::StreamFormat;

use crate::config::WatchSettings;
use causeway_bus::Bus;
use causeway_records::watch::Cursor;
use causeway_store::{Result, Store};
use follower::{Follower, follow};
use limits::WatchLimits;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events of records, for those who follow them.
#[derive(Clone)]
pub struct Watch {
    follower: Follower,
    limits: WatchLimits,
}

impl Watch {
    /// Nothing is followed yet. `stop` ends all streams.
    #[must_use]
    pub fn new(store: Store, settings: &WatchSettings, stop: CancellationToken) -> Self {
        Self { follower: Follower::new(store, stop), limits: WatchLimits::new(settings) }
    }

    /// Follows the log of events until the process is asked to stop.
    pub async fn run(self, bus: Bus) {
        follow(self.follower, bus).await;
    }

    /// Whoever reads records now, and follows events from this position on, misses nothing.
    pub(crate) async fn position(&self) -> Result<Cursor> {
        self.follower.position().await
    }

    /// How long a page that was told of something is told nothing more: all pages together read anew at most a hundred times a second, however much
    /// happens, and each of few pages twice a second.
    pub(crate) fn rest(&self) -> Duration {
        rest(self.limits.open())
    }

    /// Changes when this process has read more events.
    pub(crate) fn positions(&self) -> tokio::sync::watch::Receiver<Option<Cursor>> {
        self.follower.positions()
    }

    /// A stream for a client. The error says which limit is reached.
    pub(crate) async fn stream(&self, caller: &str, wanted: Wanted) -> std::result::Result<Result<Feed>, String> {
        let permit = self.limits.take(caller)?;
        Ok(Feed::begin(self.follower.clone(), wanted, permit).await)
    }
}

fn rest(open: usize) -> Duration {
    Duration::from_millis(10).saturating_mul(u32::try_from(open).unwrap_or(u32::MAX)).max(Duration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_pages_are_each_told_less_often() {
        assert_eq!(rest(1), Duration::from_millis(500));
        assert_eq!(rest(50), Duration::from_millis(500));
        assert_eq!(rest(500), Duration::from_secs(5));
    }
}
