//! The session with one cluster, for as long as its lease is held: connection, cache, circuit breaker, restore guard.
//!
//! ```text
//!                connect                                              identity: uid of kube-system
//!  reconcile ────────────────▶ CircuitBreaker ── closed ──▶ Connection ───────────────────────────▶ cluster
//!            ◀── Unavailable ─── open, resting                 │  ├─ Cluster: reads and writes
//!                                                              │  └─ ObjectCache: our objects ── owner label ──▶ wake
//!            ◀── database restored ─── RestoreGuard ◀─ epochs ─┘
//! ```
//!
//! What comes in: the runtime's record, and errors of requests ([`ClusterSession::report_failure`]).
//!
//! What may fail: the cluster may not respond, refuse us, or be another one than before. Then every record of the cluster gets that result without a
//! request of its own, one attempt at a time is made at growing intervals, and the records whose status says so are woken when one succeeds.
//!
//! What holds: nothing is done over a connection before the cluster's identity was compared with the one on record, and the database's
//! epoch with the one that the cluster has seen; and the identity is compared again as soon as a connection broke.

mod access;
mod breaker;
mod connection;
mod endpoint_probes;
mod own_cluster;
mod restore_guard;
mod touch_budget;

use self::{
    breaker::CircuitBreaker, endpoint_probes::EndpointProbes, restore_guard::RestoreGuard, touch_budget::TouchBudget,
};
pub(crate) use self::{
    connection::Connection,
    endpoint_probes::{EndpointProber, EndpointSeen},
    own_cluster::OwnCluster,
    restore_guard::RestoreError,
};
use crate::{context::Context, controller::LeaseGuard, manifests::ClusterManifests};
use causeway_cluster::{Cluster, ClusterError};
use causeway_records::{Kind, inputs::GatewayFacts};
use causeway_store::{StoreError, lease::Lease, queue::Key};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// One cluster, under one lease.
pub(crate) struct ClusterSession {
    context: Context,
    lease: Lease,
    guard: LeaseGuard,
    wake: mpsc::UnboundedSender<Key>,
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    breaker: Mutex<CircuitBreaker>,
    restore_guard: RestoreGuard,
    touch_budget: TouchBudget,
    /// What it says of its gateway controllers, as it was published last.
    gateway_facts: Mutex<Option<GatewayFacts>>,
    /// What its gateways answer.
    pub(crate) endpoint_probes: EndpointProbes,
    /// What its reconciles hold of manifests.
    pub(crate) manifests: ClusterManifests,
}

/// Why nothing can be done in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable {
    /// The reason of condition `ClusterReachable`, in one word.
    pub(crate) reason: String,
    /// Its sentence.
    pub(crate) message: String,
}

impl Unavailable {
    const NO_ENDPOINT: &str = "NoEndpoint";
    const OWN_CLUSTER_NOT_ALLOWED: &str = "OwnClusterNotAllowed";

    fn refused(reason: &str, message: impl Into<String>) -> Self {
        Self { reason: reason.to_owned(), message: message.into() }
    }

    /// The runtime has no address, and none that the workers may take for it.
    pub(crate) fn is_without_endpoint(&self) -> bool {
        [Self::NO_ENDPOINT, Self::OWN_CLUSTER_NOT_ALLOWED].contains(&self.reason.as_str())
    }
}

impl From<&ClusterError> for Unavailable {
    fn from(error: &ClusterError) -> Self {
        let reason = match error {
            ClusterError::Access(_) => "InvalidAccess",
            ClusterError::Unreachable { cause, .. } => cause.as_str(),
            _ => "Unreachable",
        };
        Self { reason: reason.to_owned(), message: error.to_string() }
    }
}

/// What came of an attempt to reach a cluster.
pub(crate) enum Connectivity {
    Available(Arc<Connection>),
    Unavailable(Unavailable),
}

impl ClusterSession {
    /// Sends nothing yet. `wake` takes the records whose objects changed in the cluster.
    pub(crate) fn new(context: Context, lease: Lease, guard: LeaseGuard, wake: mpsc::UnboundedSender<Key>) -> Self {
        let (connection, breaker, restore_guard, touch_budget, gateway_facts, endpoint_probes, manifests) =
            Default::default();
        Self {
            context,
            lease,
            guard,
            wake,
            connection,
            breaker,
            restore_guard,
            touch_budget,
            gateway_facts,
            endpoint_probes,
            manifests,
        }
    }

    /// Id of the runtime instance.
    pub(crate) fn cluster_id(&self) -> i64 {
        self.lease.cluster_id
    }

    /// The lease under which everything is done here: statements to Postgres do nothing once it is not the last one.
    pub(crate) fn lease(&self) -> Lease {
        self.lease
    }

    /// Whether the lease is still held: asked before every write to the cluster.
    pub(crate) fn guard(&self) -> &LeaseGuard {
        &self.guard
    }

    /// Whether a record need not be reconciled now: the cluster is unavailable, and the record's status says so already.
    pub(crate) fn suspends(&self, key: &Key) -> bool {
        self.breaker().suspends(key, Instant::now())
    }

    /// Whether the last attempt to reach the cluster failed.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.breaker().is_open()
    }

    /// How long until the next attempt to reach the cluster.
    pub(crate) fn retry_in(&self) -> Duration {
        self.breaker().retry_in(Instant::now())
    }

    /// Has the runtime's own record reconciled, which connects.
    pub(crate) fn wake_runtime(&self) {
        // The receiver ends only with the lease.
        let _ = self.wake.send(Key { kind: Kind::KubernetesRuntimeInstance, id: self.cluster_id() });
    }

    /// The connection: opened when there is none, verified when the last check is old or an attempt failed since.
    pub(crate) async fn connect(&self) -> Result<Connectivity, StoreError> {
        if let Some(why) = self.resting() {
            return Ok(Connectivity::Unavailable(why));
        }
        let mut connection = self.connection.lock().await;
        if let Some(open) = connection.as_ref().filter(|open| open.is_trusted() && !self.is_unavailable()) {
            return Ok(Connectivity::Available(open.clone()));
        }
        // Another reconcile may have tried while this one waited for the lock.
        if let Some(why) = self.resting() {
            return Ok(Connectivity::Unavailable(why));
        }
        self.establish(&mut connection).await
    }

    /// The same after the runtime's record has changed: reads it anew, and tries even where the breaker is open.
    pub(crate) async fn reconnect(&self) -> Result<Connectivity, StoreError> {
        let mut connection = self.connection.lock().await;
        self.establish(&mut connection).await
    }

    /// Opens the breaker if the error concerns the whole cluster. An error about one object never does.
    pub(crate) fn report_failure(&self, error: &ClusterError) {
        if matches!(error, ClusterError::Unreachable { .. }) {
            self.trip(Unavailable::from(error));
        }
    }

    /// Notes that a record's status says that the cluster is unavailable.
    pub(crate) fn status_reported(&self, key: &Key) {
        self.breaker().report(*key);
    }

    /// Has a record woken when the cluster is available again; unlike one that [`Self::status_reported`] noted it is reconciled meanwhile, too.
    pub(crate) fn await_return(&self, key: &Key) {
        self.breaker().await_return(*key);
    }

    /// Whether one more object may be touched now; then it counts as touched.
    pub(crate) fn may_touch(&self) -> bool {
        self.touch_budget.take(Instant::now())
    }

    /// Keeps what was published of the cluster's gateway controllers.
    pub(crate) fn note_gateway_facts(&self, facts: GatewayFacts) {
        *self.gateway_facts.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }

    /// Whether the cluster says something else of them than was published. Not if it doesn't say it, or nothing was published.
    async fn has_other_gateway_facts(&self, cluster: &Cluster) -> bool {
        let Ok(facts) = cluster.gateway_facts().await else { return false };
        let published = self.gateway_facts.lock().unwrap_or_else(PoisonError::into_inner);
        published.as_ref().is_some_and(|published| *published != facts)
    }

    /// Connects to the cluster's gateways again and again, and has those reconciled that answer otherwise than before. Never ends.
    pub(crate) async fn probe_endpoints(&self) {
        let Some(prober) = &self.context.endpoint_prober else { return };
        let wake = |id| {
            let _ = self.wake.send(Key { kind: Kind::GatewayInstance, id });
        };
        self.endpoint_probes.run(prober, wake).await;
    }

    fn resting(&self) -> Option<Unavailable> {
        self.breaker().resting(Instant::now()).cloned()
    }

    fn trip(&self, why: Unavailable) -> Unavailable {
        if self.breaker().trip(why.clone(), Instant::now()) {
            tracing::warn!(cluster = self.cluster_id(), reason = why.reason, message = why.message, "unavailable");
        }
        why
    }

    fn close_breaker(&self) {
        let Some(reported) = self.breaker().close() else { return };
        tracing::info!(cluster = self.cluster_id(), "available again");
        for key in reported {
            let _ = self.wake.send(key);
        }
    }

    fn breaker(&self) -> MutexGuard<'_, CircuitBreaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
