//! Keeps this worker's leases, and runs a controller for each cluster that it holds.
//!
//! Postgres gives every live worker an even share of the leases. A lease that could not be renewed ends by itself, here by [`LeaseGuard`] before
//! it ends in Postgres: so two workers never write to one cluster, whatever fails.

use super::{cluster_controller::ClusterController, lease_guard::LeaseGuard};
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

/// Hints about clusters that this worker doesn't hold have the leases asked for early, at most once in this time: whoever can publish on
/// NATS can send any number of them.
const EARLY_RENEWAL: Duration = Duration::from_millis(500);

/// One worker process.
pub(crate) struct LeaseManager {
    context: Context,
    bus: Bus,
    worker: Uuid,
    ttl: Duration,
    clusters: HashMap<i64, HeldCluster>,
    /// Controllers that are stopping, and then the release of their leases.
    closing: JoinSet<()>,
}

/// When the leases are asked for before their time: at once for the first hint, later for those that come soon after it.
#[derive(Debug, Default)]
struct EarlyRenewal {
    last: Option<Instant>,
    next: Option<Instant>,
}

impl EarlyRenewal {
    fn ask(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| now.max(last + EARLY_RENEWAL));
        self.next.get_or_insert(earliest);
    }

    fn done(&mut self, now: Instant) {
        *self = Self { last: Some(now), next: None };
    }

    /// Ends when it is time, never if nobody asked.
    async fn due(&self) {
        match self.next {
            Some(next) => tokio::time::sleep_until(next.into()).await,
            None => std::future::pending().await,
        }
    }
}

/// A cluster that this worker holds, and its controller.
struct HeldCluster {
    epoch: i64,
    guard: LeaseGuard,
    hint: Arc<Notify>,
    task: JoinHandle<()>,
}

impl LeaseManager {
    /// A worker with a new identity.
    pub(crate) fn new(context: Context, bus: Bus, ttl: Duration) -> Self {
        Self { context, bus, worker: Uuid::new_v4(), ttl, clusters: HashMap::new(), closing: JoinSet::new() }
    }

    /// Runs until `stop`; then stops the controllers, releases the leases and leaves.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let (hints, mut incoming) = tokio::sync::mpsc::channel(1024);
        let listener = tokio::spawn(listen(self.bus.clone(), hints));
        let mut renewal = tokio::time::interval(self.ttl / 4);
        renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut early = EarlyRenewal::default();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(hint) = incoming.recv() => {
                    if self.pass_on(&hint) {
                        early.ask(Instant::now());
                    }
                }
                () = early.due() => {
                    early.done(Instant::now());
                    self.keep_leases().await;
                }
                _ = renewal.tick() => self.keep_leases().await,
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

    /// Wakes the clusters that a hint is for. True: it may be about a new cluster, whose lease is free, and a person waits for it.
    fn pass_on(&self, hint: &Hint) -> bool {
        for (cluster_id, held) in &self.clusters {
            if hint.cluster_id == NO_CLUSTER || hint.cluster_id == *cluster_id {
                held.hint.notify_one();
            }
        }
        hint.kind == Kind::KubernetesRuntimeInstance && !self.clusters.contains_key(&hint.cluster_id)
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
        let surplus = self.clusters.len().saturating_sub(held.share);
        let surplus: Vec<i64> = self.clusters.keys().copied().take(surplus).collect();
        self.close(&surplus, true);
    }

    /// Begins the work on a cluster.
    fn open(&mut self, lease: Lease, asked: Instant) {
        let (guard, hint) = (LeaseGuard::new(asked, self.ttl), Arc::new(Notify::new()));
        let controller = ClusterController::new(self.context.clone(), lease, guard.clone(), hint.clone());
        tracing::info!(cluster = lease.cluster_id, epoch = lease.epoch, "took a cluster");
        failpoint(&LEASE_TAKEN);
        let task = tokio::spawn(controller.run());
        self.clusters.insert(lease.cluster_id, HeldCluster { epoch: lease.epoch, guard, hint, task });
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

/// Hints for as long as the process runs; the subscription outlives every outage of the server.
async fn listen(bus: Bus, to: tokio::sync::mpsc::Sender<Hint>) {
    match bus.hints().await {
        Ok(hints) => {
            let mut hints = std::pin::pin!(hints);
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
    fn a_flood_of_hints_costs_two_renewals_a_second() {
        let (start, mut early, mut renewals) = (Instant::now(), EarlyRenewal::default(), vec![]);
        for millisecond in 0..2000 {
            let now = start + Duration::from_millis(millisecond);
            early.ask(now);
            if early.next.is_some_and(|next| next <= now) {
                early.done(now);
                renewals.push(millisecond);
            }
        }
        assert_eq!(renewals, [0, 500, 1000, 1500]);
        // After a quiet time the first hint counts at once.
        let late = start + Duration::from_secs(60);
        early.done(start + Duration::from_secs(2));
        early.ask(late);
        assert_eq!(early.next, Some(late));
    }

    #[tokio::test]
    async fn nothing_is_due_that_nobody_asked_for() {
        let early = EarlyRenewal::default();
        assert!(tokio::time::timeout(Duration::from_millis(20), early.due()).await.is_err());
    }
}
