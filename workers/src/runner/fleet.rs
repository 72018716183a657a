//! Keeps this worker's leases and a desk for each.

use super::{desk::Desk, hold::Hold};
use crate::context::Context;
use causeway_bus::{Bus, Hint};
use causeway_failpoints::{LEASE_TAKEN, reach};
use causeway_store::lease::Held;
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

/// One worker process.
pub struct Fleet {
    context: Context,
    bus: Bus,
    worker: Uuid,
    ttl: Duration,
    desks: HashMap<i64, Seat>,
    /// Desks that were told to stop, and what follows for their leases.
    closing: JoinSet<()>,
}

/// A desk at work.
struct Seat {
    epoch: i64,
    hold: Hold,
    hint: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Fleet {
    /// A worker with a name of its own.
    pub fn new(context: Context, bus: Bus, ttl: Duration) -> Self {
        Self { context, bus, worker: Uuid::new_v4(), ttl, desks: HashMap::new(), closing: JoinSet::new() }
    }

    /// Works until told to stop; then lets passes end, gives the leases up and leaves.
    pub async fn run(mut self, stop: CancellationToken) {
        let (hints, mut incoming) = tokio::sync::mpsc::channel(1024);
        let listener = tokio::spawn(listen(self.bus.clone(), hints));
        let mut renewal = tokio::time::interval(self.ttl / 4);
        renewal.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(hint) = incoming.recv() => self.pass_on(&hint).await,
                _ = renewal.tick() => self.keep_leases().await,
            }
        }
        listener.abort();
        let scopes: Vec<i64> = self.desks.keys().copied().collect();
        self.close(&scopes, true);
        while self.closing.join_next().await.is_some() {}
        if let Err(error) = self.context.store.leave(self.worker).await {
            tracing::warn!(%error, "left without saying so; the others notice when the leases end");
        }
    }

    async fn pass_on(&mut self, hint: &Hint) {
        for (scope, seat) in &self.desks {
            if hint.scope == 0 || hint.scope == *scope {
                seat.hint.notify_one();
            }
        }
        // Perhaps a new cluster, whose lease is free: somebody waits for it.
        if hint.kind == causeway_records::Kind::KubernetesRuntimeInstance && !self.desks.contains_key(&hint.scope) {
            self.keep_leases().await;
        }
    }

    async fn keep_leases(&mut self) {
        let asked = Instant::now();
        match self.context.store.keep_leases(self.worker, self.ttl).await {
            Ok(held) => self.take(held, asked),
            // Without Postgres nothing is renewed: every hold ends by itself.
            Err(error) => tracing::warn!(%error, "the leases could not be renewed"),
        }
        metrics::gauge!("causeway_workers_leases").set(self.desks.len() as f64);
    }

    fn take(&mut self, held: Held, asked: Instant) {
        while self.closing.try_join_next().is_some() {}
        let gone: Vec<i64> = self
            .desks
            .iter()
            .filter(|(scope, seat)| {
                let same = |lease: &&causeway_store::lease::Lease| lease.scope == **scope && lease.epoch == seat.epoch;
                seat.task.is_finished() || !held.leases.iter().any(|lease| same(&lease))
            })
            .map(|(scope, _)| *scope)
            .collect();
        self.close(&gone, false);
        for lease in &held.leases {
            if let Some(seat) = self.desks.get(&lease.scope) {
                seat.hold.renew(asked, self.ttl);
                continue;
            }
            let (hold, hint) = (Hold::new(asked, self.ttl), Arc::new(Notify::new()));
            let desk = Desk::new(self.context.clone(), *lease, hold.clone(), hint.clone());
            tracing::info!(cluster = lease.scope, epoch = lease.epoch, "took a cluster");
            reach(&LEASE_TAKEN);
            let task = tokio::spawn(desk.run());
            self.desks.insert(lease.scope, Seat { epoch: lease.epoch, hold, hint, task });
        }
        // Others have come: let them have their share.
        let surplus = self.desks.len().saturating_sub(held.share);
        let scopes: Vec<i64> = self.desks.keys().copied().take(surplus).collect();
        self.close(&scopes, true);
    }

    /// Stops the work on clusters, and frees their leases when it has stopped. Nobody waits for that here: the other leases must be renewed.
    fn close(&mut self, scopes: &[i64], release: bool) {
        for scope in scopes.iter().copied() {
            let Some(seat) = self.desks.remove(&scope) else { continue };
            seat.hold.lose();
            let (store, worker) = (self.context.store.clone(), self.worker);
            self.closing.spawn(async move {
                if let Err(error) = seat.task.await {
                    tracing::error!(%error, cluster = scope, "the work on a cluster ended badly; it begins anew");
                }
                if release && let Err(error) = store.release_leases(worker, &[scope]).await {
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
