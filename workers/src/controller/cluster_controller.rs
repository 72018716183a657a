//! The controller of one cluster: takes due records from the queue and reconciles them, so many at a time. One that takes long doesn't count.

use super::{
    in_flight::InFlight, lease_guard::LeaseGuard, paced::Paced, reconcile, scheduler::FairScheduler,
    watch_events::wake_owners,
};
use crate::{context::Context, session::ClusterSession, waiting::until};
use causeway_bus::Bus;
use causeway_store::{
    StoreError,
    lease::{Lease, NO_CLUSTER},
    queue::{DueItem, Key},
};
use futures::{FutureExt, StreamExt};
use std::{
    cell::Cell,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc},
    task::{JoinError, JoinSet},
};

/// Hints have the queue queried once in this time in the long run.
const EARLY_QUERY: Duration = Duration::from_millis(10);
/// So many more times at once, so that nobody waits for it who changes some records.
const BURST: u32 = 50;

pub(super) struct ClusterController {
    context: Context,
    cluster_id: i64,
    guard: LeaseGuard,
    hint: Arc<Notify>,
    session: Arc<ClusterSession>,
    events: mpsc::UnboundedReceiver<Key>,
}

impl ClusterController {
    /// `hint`: asks for a query of the queue.
    pub(super) fn new(context: Context, lease: Lease, guard: LeaseGuard, hint: Arc<Notify>) -> Self {
        let (wake, events) = mpsc::unbounded_channel();
        let session = Arc::new(ClusterSession::new(context.clone(), lease, guard.clone(), wake));
        Self { context, cluster_id: lease.cluster_id, guard, hint, session, events }
    }

    /// Reconciles until the lease is lost.
    pub(super) async fn run(self) {
        let Self { context, cluster_id, guard, hint, session, events } = self;
        let in_flight = Arc::new(InFlight::default());
        let waker = tokio::spawn(wake_owners(context.clone(), events, in_flight.clone(), hint.clone()));
        if cluster_id != NO_CLUSTER {
            // Its reconcile connects, and a new connection wakes every record of the cluster.
            session.wake_runtime();
        }
        let checks = tokio::spawn({
            let session = session.clone();
            async move { session.check_identity().await }
        });
        let probes = tokio::spawn({
            let session = session.clone();
            async move { session.probe_endpoints().await }
        });
        let (tasks, scheduler) = (JoinSet::new(), FairScheduler::default());
        let mut dispatch = Dispatch { context, cluster_id, session, in_flight, tasks, scheduler };
        let hints = tokio::spawn(follow_hints(dispatch.context.bus.clone(), cluster_id, hint.clone()));
        let (mut next_look, mut early) = (Some(Instant::now()), Paced::new(EARLY_QUERY, BURST));
        loop {
            tokio::select! {
                () = guard.lost() => break,
                () = hint.notified() => {
                    early.ask(Instant::now());
                    continue;
                }
                () = early.due() => {}
                () = until(next_look) => {}
                Some(done) = dispatch.tasks.join_next() => dispatch.end(done),
            }
            // One query of the queue for all that ended meanwhile.
            while let Some(done) = dispatch.tasks.try_join_next() {
                dispatch.end(done);
            }
            early.done(Instant::now());
            let next = match dispatch.begin_due().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(%error, "the queue could not be read");
                    Some(dispatch.context.scan_interval)
                }
            };
            next_look = next.and_then(|time| Instant::now().checked_add(time));
        }
        // Reconciles under way are dropped wherever they are: the next holder goes on from what was written.
        dispatch.tasks.shutdown().await;
        waker.abort();
        hints.abort();
        checks.abort();
        probes.abort();
    }
}

/// Has the queue queried at each hint for the cluster. The subscription outlives every outage of the server.
async fn follow_hints(bus: Bus, cluster_id: i64, hint: Arc<Notify>) {
    match bus.hints_for(cluster_id).await {
        Ok(hints) => hints.for_each(async |_| hint.notify_one()).await,
        Err(error) => tracing::warn!(%error, cluster = cluster_id, "no hints; work is found by scans"),
    }
}

/// The reconciles of a cluster that are under way, and the means to begin more.
struct Dispatch {
    context: Context,
    cluster_id: i64,
    session: Arc<ClusterSession>,
    in_flight: Arc<InFlight>,
    tasks: JoinSet<Key>,
    scheduler: FairScheduler,
}

impl Dispatch {
    /// Begins reconciles of due records while there is room, and answers when to query the queue again if nobody asks for it before; None: not by
    /// itself. What others make due without a hint is found by the worker's scan of all its clusters.
    async fn begin_due(&mut self) -> Result<Option<Duration>, StoreError> {
        let Self { context, cluster_id, session, in_flight, tasks, scheduler } = self;
        let (mut room, next_place) = in_flight.room(context.concurrency, Instant::now());
        // The next one to end queries again, too.
        let no_room = next_place.unwrap_or(context.scan_interval).min(context.scan_interval);
        if room == 0 {
            return Ok(Some(no_room));
        }
        // Those in flight may still be due: ask for so many more.
        let limit = i64::try_from(room + tasks.len()).unwrap_or(i64::MAX);
        let mut items = context.store.due(*cluster_id, limit).await?;
        let any_suspended = Cell::new(false);
        while room > 0 {
            let may_begin = |item: &DueItem| {
                let suspended = *cluster_id != NO_CLUSTER && session.suspends(&item.key);
                any_suspended.set(any_suspended.get() || suspended);
                !suspended && !in_flight.contains(&item.key)
            };
            let Some(item) = scheduler.next(&mut items, may_begin) else { break };
            metrics::histogram!("causeway_workers_due_seconds").record(item.age.as_secs_f64());
            in_flight.begin(&item.key);
            room -= 1;
            tasks.spawn(caught(context.clone(), session.clone(), in_flight.clone(), item.key));
        }
        if any_suspended.get() {
            return Ok(Some(session.retry_in().min(context.scan_interval)));
        }
        if room == 0 {
            return Ok(Some(no_room));
        }
        // What is due already is in flight, and its end queries again.
        Ok(context.store.next_due(*cluster_id).await?.filter(|next| !next.is_zero()))
    }

    fn end(&mut self, done: Result<Key, JoinError>) {
        // A panic is caught, and nothing but the end of this controller cancels a task.
        if let Ok(key) = done {
            self.in_flight.end(&key);
        }
    }
}

/// A reconcile that panics is a defect of ours, and must cost only its own record.
async fn caught(context: Context, session: Arc<ClusterSession>, in_flight: Arc<InFlight>, key: Key) -> Key {
    if AssertUnwindSafe(reconcile::run(&context, &session, &in_flight, &key)).catch_unwind().await.is_err() {
        reconcile::park(&context, &session, &key).await;
    }
    key
}
