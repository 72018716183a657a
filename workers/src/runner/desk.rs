//! The work on one cluster: takes due records, so many at a time, what somebody waits for first.

use super::{hold::Hold, pass};
use crate::{context::Context, site::Site};
use causeway_failpoints::{WAKE_NEXT, reach};
use causeway_store::{
    lease::{Lease, NO_CLUSTER},
    queue::Key,
};
use futures::FutureExt;
use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

/// Waking events of the watches are gathered for this long and written together.
const GATHER: Duration = Duration::from_millis(25);
/// How long a record rests whose pass panicked.
const AFTER_PANIC: Duration = Duration::from_secs(60);

pub(super) struct Desk {
    context: Context,
    scope: i64,
    hold: Hold,
    hint: Arc<Notify>,
    site: Arc<Site>,
    woken: mpsc::UnboundedReceiver<Key>,
}

impl Desk {
    pub(super) fn new(context: Context, lease: Lease, hold: Hold, hint: Arc<Notify>) -> Self {
        let (wake, woken) = mpsc::unbounded_channel();
        let site = Arc::new(Site::new(context.clone(), lease, hold.clone(), wake));
        Self { context, scope: lease.scope, hold, hint, site, woken }
    }

    /// Works until the lease is lost.
    pub(super) async fn run(self) {
        let Self { context, scope, hold, hint, site, woken } = self;
        let waker = tokio::spawn(wake(context.clone(), woken, hint.clone()));
        if scope != NO_CLUSTER {
            // Its pass connects, and a new connection has everything in the cluster looked at.
            site.look();
        }
        let (mut passes, mut under_way) = (JoinSet::new(), HashSet::new());
        let mut next_scan = Duration::ZERO;
        loop {
            tokio::select! {
                () = hold.lost() => break,
                () = hint.notified() => {}
                () = tokio::time::sleep(next_scan) => {}
                Some(done) = passes.join_next() => {
                    if let Ok(key) = done {
                        under_way.remove(&key);
                    }
                }
            }
            next_scan = match take(&context, scope, &site, &mut passes, &mut under_way).await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "no work could be looked for");
                    context.scan_interval
                }
            };
        }
        // A pass under way is dropped where it stands: whatever stops it, the next one goes on from what was written.
        passes.shutdown().await;
        waker.abort();
    }
}

/// Begins passes while there is room, and says when to look again at the latest.
async fn take(
    context: &Context,
    scope: i64,
    site: &Arc<Site>,
    passes: &mut JoinSet<Key>,
    under_way: &mut HashSet<Key>,
) -> Result<Duration, causeway_store::StoreError> {
    let room = context.concurrency.saturating_sub(under_way.len());
    if room == 0 {
        return Ok(context.scan_interval);
    }
    // Those under way may still be due: ask for so many more.
    let limit = i64::try_from(room + under_way.len()).unwrap_or(i64::MAX);
    let mut skipped = false;
    for due in context.store.due(&[scope], limit).await? {
        if under_way.len() >= context.concurrency || under_way.contains(&due.key) {
            continue;
        }
        if scope != NO_CLUSTER && site.holds_back(&due.key) {
            skipped = true;
            continue;
        }
        metrics::histogram!("causeway_workers_due_seconds").record(due.age.as_secs_f64());
        under_way.insert(due.key.clone());
        passes.spawn(guarded(context.clone(), site.clone(), due.key));
    }
    if skipped {
        return Ok(site.next_try().min(context.scan_interval));
    }
    let next = context.store.next_due(&[scope]).await?.unwrap_or(context.scan_interval);
    // What is due already and under way ends with a look at the queue of its own.
    let next = if next.is_zero() { context.scan_interval } else { next };
    Ok(next.min(context.scan_interval))
}

/// A pass that panics is a bug of ours, and must cost only its own record.
async fn guarded(context: Context, site: Arc<Site>, key: Key) -> Key {
    if AssertUnwindSafe(pass::run(&context, &site, &key)).catch_unwind().await.is_err() {
        tracing::error!(%key, "a pass panicked; the record rests for a while");
        tokio::time::sleep(AFTER_PANIC).await;
    }
    key
}

/// Writes wakes of the watches into the queue, many at once.
async fn wake(context: Context, mut woken: mpsc::UnboundedReceiver<Key>, hint: Arc<Notify>) {
    while let Some(first) = woken.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut keys = HashSet::from([first]);
        while let Ok(key) = woken.try_recv() {
            keys.insert(key);
        }
        let keys: Vec<Key> = keys.into_iter().collect();
        reach(&WAKE_NEXT);
        // Tried until it is written: a change in a cluster is told only once.
        while let Err(error) = context.store.wake(&keys).await {
            tracing::warn!(%error, "changes in a cluster could not be noted down yet");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        hint.notify_one();
    }
}
