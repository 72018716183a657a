//! The work on one cluster: takes due records, so many at a time, what somebody waits for first.

use super::{
    hold::Hold,
    pass,
    passes::{Passes, Verdict},
    turns::Turns,
};
use crate::{context::Context, site::Site};
use causeway_failpoints::{WAKE_NEXT, reach};
use causeway_store::{
    StoreError,
    lease::{Lease, NO_CLUSTER},
    queue::{Due, Key},
};
use futures::FutureExt;
use std::{
    cell::Cell,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc},
    task::{JoinError, JoinSet},
};

/// Waking events of the watches are gathered for this long and written together.
const GATHER: Duration = Duration::from_millis(25);

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
        let passes = Arc::new(Passes::default());
        let waker = tokio::spawn(wake(context.clone(), woken, passes.clone(), hint.clone()));
        if scope != NO_CLUSTER {
            // Its pass connects, and a new connection has everything in the cluster looked at.
            site.look();
        }
        let mut work = Work { context, scope, site, passes, tasks: JoinSet::new(), turns: Turns::default() };
        let mut next_scan = Duration::ZERO;
        loop {
            tokio::select! {
                () = hold.lost() => break,
                () = hint.notified() => {}
                () = tokio::time::sleep(next_scan) => {}
                Some(done) = work.tasks.join_next() => work.end(done),
            }
            // One look at the queue for all that ended meanwhile.
            while let Some(done) = work.tasks.try_join_next() {
                work.end(done);
            }
            next_scan = match work.begin().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "no work could be looked for");
                    work.context.scan_interval
                }
            };
        }
        // A pass under way is dropped where it stands: whatever stops it, the next one goes on from what was written.
        work.tasks.shutdown().await;
        waker.abort();
    }
}

/// The passes of a cluster.
struct Work {
    context: Context,
    scope: i64,
    site: Arc<Site>,
    passes: Arc<Passes>,
    tasks: JoinSet<Key>,
    turns: Turns,
}

impl Work {
    /// Begins passes while there is room, and says when to look again at the latest.
    async fn begin(&mut self) -> Result<Duration, StoreError> {
        let Self { context, scope, site, passes, tasks, turns } = self;
        let room = context.concurrency.saturating_sub(tasks.len());
        if room == 0 {
            return Ok(context.scan_interval);
        }
        // Those under way may still be due: ask for so many more.
        let limit = i64::try_from(room + tasks.len()).unwrap_or(i64::MAX);
        let mut waiting = context.store.due(*scope, limit).await?;
        let held_back = Cell::new(false);
        while tasks.len() < context.concurrency {
            let may = |due: &Due| {
                let hold = *scope != NO_CLUSTER && site.holds_back(&due.key);
                held_back.set(held_back.get() || hold);
                !hold && !passes.is_under_way(&due.key)
            };
            let Some(due) = turns.next(&mut waiting, may) else { break };
            metrics::histogram!("causeway_workers_due_seconds").record(due.age.as_secs_f64());
            passes.begin(&due.key);
            tasks.spawn(guarded(context.clone(), site.clone(), passes.clone(), due.key));
        }
        if held_back.get() {
            return Ok(site.next_try().min(context.scan_interval));
        }
        if tasks.len() >= context.concurrency {
            // The first one to end looks again.
            return Ok(context.scan_interval);
        }
        let next = context.store.next_due(*scope).await?.unwrap_or(context.scan_interval);
        // What is due already and under way ends with a look at the queue of its own.
        let next = if next.is_zero() { context.scan_interval } else { next };
        Ok(next.min(context.scan_interval))
    }

    fn end(&mut self, done: Result<Key, JoinError>) {
        // Nothing cancels a pass but the end of the desk, and a panic is caught.
        if let Ok(key) = done {
            self.passes.end(&key);
        }
    }
}

/// A pass that panics is a bug of ours, and must cost only its own record.
async fn guarded(context: Context, site: Arc<Site>, passes: Arc<Passes>, key: Key) -> Key {
    if AssertUnwindSafe(pass::run(&context, &site, &passes, &key)).catch_unwind().await.is_err() {
        pass::park(&context, &site, &key).await;
    }
    key
}

/// Writes wakes of the watches into the queue, many at once, but for those that a pass has answered meanwhile: mostly echoes of its own writes.
async fn wake(context: Context, mut woken: mpsc::UnboundedReceiver<Key>, passes: Arc<Passes>, hint: Arc<Notify>) {
    let mut told: HashMap<Key, Instant> = HashMap::new();
    loop {
        tokio::select! {
            first = woken.recv() => {
                // Nobody is left to tell only when the cluster is somebody else's, who looks at everything.
                let Some(first) = first else { return };
                told.insert(first, Instant::now());
                let gathered = tokio::time::Instant::now() + GATHER;
                while let Ok(Some(key)) = tokio::time::timeout_at(gathered, woken.recv()).await {
                    told.insert(key, Instant::now());
                }
            }
            // What was told during a pass waits for its end.
            () = passes.ended(), if !told.is_empty() => {}
        }
        let mut unanswered = vec![];
        told.retain(|key, at| match passes.verdict(key, *at) {
            Verdict::Answered => false,
            Verdict::Open => true,
            Verdict::Unanswered => {
                unanswered.push(key.clone());
                false
            }
        });
        if unanswered.is_empty() {
            continue;
        }
        reach(&WAKE_NEXT);
        // Tried until it is written: a change in a cluster is told only once.
        while let Err(error) = context.store.wake(&unanswered).await {
            tracing::warn!(%error, "changes in a cluster could not be noted down yet");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        hint.notify_one();
    }
}
