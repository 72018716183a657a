//! Keeps this worker's leases, and runs a controller for each cluster that it holds.
//!
//! Postgres gives every live worker an even share of the leases. A lease that could not be renewed ends by itself, here by [`LeaseGuard`] before
//! it ends in Postgres: so two workers never write to one cluster, whatever fails.
//!
//! What costs something while nothing happens is the worker's: one row that says it lives, and one query of the queue for all its clusters.

use super::{cluster_controller::ClusterController, lease_guard::LeaseGuard, paced::Paced};
use crate::context::Context;
use causeway_bus::{Bus, Hint};
use causeway_failpoints::{LEASE_TAKEN, failpoint};
use causeway_records::Kind;
use causeway_store::lease::{Held, Lease, NO_CLUSTER};
use futures::StreamExt;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Hints about clusters that this worker doesn't hold have the leases asked for early, at most once in this time.
const EARLY_RENEWAL: Duration = Duration::from_millis(500);
/// Hints for no cluster have the queue of all clusters scanned, in the long run once in this time.
const EARLY_SCAN: Duration = Duration::from_millis(20);
/// So many more times at once, so that a person who changes some records waits for nothing.
const BURST: u32 = 20;
/// Hints that are taken from the subscriptions at once.
const MOST_HINTS: usize = 1024;

/// One worker process.
pub(crate) struct LeaseManager {
    context: Context,
    worker: Uuid,
    ttl: Duration,
    clusters: HashMap<i64, HeldCluster>,
    /// Controllers that are stopping, and then the release of their leases.
    closing: JoinSet<()>,
}

/// A cluster that this worker holds, and its controller.
struct HeldCluster {
    epoch: i64,
    since: Instant,
    guard: LeaseGuard,
    hint: Arc<Notify>,
    task: JoinHandle<()>,
}

impl LeaseManager {
    /// A worker with a new identity.
    pub(crate) fn new(context: Context, ttl: Duration) -> Self {
        Self { context, worker: Uuid::new_v4(), ttl, clusters: HashMap::new(), closing: JoinSet::new() }
    }

    /// Runs until `stop`; then stops the controllers, releases the leases and leaves.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let (hints, mut incoming) = tokio::sync::mpsc::channel(1024);
        let listener = tokio::spawn(listen(self.context.bus.clone(), hints));
        let mut renewal = tokio::time::interval(self.ttl / 4);
        renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut scan = tokio::time::interval(self.context.scan_interval);
        scan.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut early_renewal, mut early_scan) = (Paced::new(EARLY_RENEWAL, 0), Paced::new(EARLY_SCAN, BURST));
        let mut hints = vec![];
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                1.. = incoming.recv_many(&mut hints, MOST_HINTS) => for hint in hints.drain(..) {
                    if self.is_new(&hint) {
                        early_renewal.ask(Instant::now());
                    }
                    // A record of no cluster may have dependants in any of them.
                    if hint.cluster_id == NO_CLUSTER {
                        early_scan.ask(Instant::now());
                    }
                },
                () = early_renewal.due() => {
                    early_renewal.done(Instant::now());
                    self.keep_leases().await;
                }
                () = early_scan.due() => {
                    early_scan.done(Instant::now());
                    self.scan().await;
                }
                _ = renewal.tick() => self.keep_leases().await,
                _ = scan.tick() => self.scan().await,
            }
        }
        listener.abort();
        let all: Vec<i64> = self.clusters.keys().copied().collect();
        self.close(&all, true);
        while self.closing.join_next().await.is_some() {}
        if let Err(error) = self.context.store.leave(self.worker).await {
            tracing::warn!(%error, "left without saying so; the others notice when the leases end");
        }
    }

    /// Whether a hint is about a cluster that others hold or nobody does: then a person waits for it.
    fn is_new(&self, hint: &Hint) -> bool {
        hint.kind == Kind::KubernetesRuntimeInstance && !self.clusters.contains_key(&hint.cluster_id)
    }

    /// Has the queue queried by the controllers of those clusters that have due records: one query finds them all.
    async fn scan(&self) {
        let held: Vec<i64> = self.clusters.keys().copied().collect();
        match self.context.store.clusters_with_due_records(&held).await {
            Ok(due) => due.iter().filter_map(|id| self.clusters.get(id)).for_each(|held| held.hint.notify_one()),
            Err(error) => tracing::warn!(%error, "the queue could not be scanned"),
        }
    }

    async fn keep_leases(&mut self) {
        let asked = Instant::now();
        match self.context.store.keep_leases(self.worker, self.ttl).await {
            Ok(held) => self.take(held, asked),
            // Without Postgres nothing is renewed: every guard ends by itself.
            Err(error) => tracing::warn!(%error, "the leases could not be renewed"),
        }
        metrics::gauge!("causeway_workers_leases").set(self.clusters.len() as f64);
    }

    fn take(&mut self, held: Held, asked: Instant) {
        while self.closing.try_join_next().is_some() {}
        let gone: Vec<i64> = self
            .clusters
            .iter()
            .filter(|(cluster_id, cluster)| {
                let same = |lease: &Lease| lease.cluster_id == **cluster_id && lease.epoch == cluster.epoch;
                cluster.task.is_finished() || !held.leases.iter().any(same)
            })
            .map(|(cluster_id, _)| *cluster_id)
            .collect();
        self.close(&gone, false);
        for lease in &held.leases {
            match self.clusters.get(&lease.cluster_id) {
                Some(cluster) => cluster.guard.renew(asked, self.ttl),
                None => self.open(*lease, asked),
            }
        }
        // Others have come: let them have their share.
        let since = self.clusters.iter().map(|(cluster_id, cluster)| (*cluster_id, cluster.since)).collect();
        self.close(&surplus(since, held.share), true);
    }

    /// Begins the work on a cluster.
    fn open(&mut self, lease: Lease, asked: Instant) {
        let (guard, hint) = (LeaseGuard::new(asked, self.ttl), Arc::new(Notify::new()));
        let controller = ClusterController::new(self.context.clone(), lease, guard.clone(), hint.clone());
        tracing::info!(cluster = lease.cluster_id, epoch = lease.epoch, "took a cluster");
        failpoint(&LEASE_TAKEN);
        let task = tokio::spawn(controller.run());
        self.clusters.insert(lease.cluster_id, HeldCluster { epoch: lease.epoch, since: asked, guard, hint, task });
    }

    /// Stops the work on clusters, and frees their leases when it has stopped. Doesn't wait for that: the other leases must be renewed.
    fn close(&mut self, cluster_ids: &[i64], release: bool) {
        for cluster_id in cluster_ids.iter().copied() {
            let Some(cluster) = self.clusters.remove(&cluster_id) else { continue };
            cluster.guard.lose();
            let (store, worker) = (self.context.store.clone(), self.worker);
            self.closing.spawn(async move {
                if let Err(error) = cluster.task.await {
                    tracing::error!(%error, cluster = cluster_id, "the work on a cluster ended badly; it begins anew");
                }
                if release && let Err(error) = store.release_leases(worker, &[cluster_id]).await {
                    tracing::warn!(%error, "a lease could not be given up; it ends by itself");
                }
            });
        }
    }
}

/// What to give up of what is held since when. A new holder connects, fills a cache and looks at each record, so what was taken last goes first: least
/// has been done there. Before all clusters goes what belongs to none.
fn surplus(mut held: Vec<(i64, Instant)>, share: usize) -> Vec<i64> {
    held.sort_by_key(|(cluster_id, since)| (*cluster_id == NO_CLUSTER, *since, *cluster_id));
    held.into_iter().skip(share).map(|(cluster_id, _)| cluster_id).collect()
}

/// Hints for no cluster and about clusters, for as long as the process runs; the subscriptions outlive every outage of the server.
async fn listen(bus: Bus, to: tokio::sync::mpsc::Sender<Hint>) {
    match tokio::try_join!(bus.hints_for(NO_CLUSTER), bus.hints_about_clusters()) {
        Ok((for_none, about_clusters)) => {
            let mut hints = std::pin::pin!(futures::stream::select(for_none, about_clusters));
            while let Some(hint) = hints.next().await {
                if to.send(hint).await.is_err() {
                    return;
                }
            }
        }
        Err(error) => tracing::warn!(%error, "no hints; work is found by scans"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cost_least_is_given_up_first() {
        let at = |second| Instant::now() + Duration::from_secs(second);
        let held = || vec![(NO_CLUSTER, at(1)), (7, at(5)), (8, at(2)), (9, at(9))];
        assert_eq!(surplus(held(), 3), [NO_CLUSTER]);
        assert_eq!(surplus(held(), 1), [7, 9, NO_CLUSTER]);
        assert!(surplus(held(), 4).is_empty());
        assert!(surplus(vec![], 0).is_empty());
    }
}
