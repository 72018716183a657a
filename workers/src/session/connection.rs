//! The connection to a cluster: made with what the runtime's record says, and trusted only while nothing says that another cluster may answer.

use super::{ClusterSession, Connectivity, Unavailable, access, restore_guard::RestoreError};
use causeway_cluster::{Cluster, ClusterAccess, ClusterError, ClusterIdentity, ObjectCache};
use causeway_failpoints::{CLUSTER_BOUND, failpoint};
use causeway_render::labels::{Owner, parse_owner};
use causeway_store::{StoreError, lease::Bound, queue::Key};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long one answer of the cluster's identity counts. A cluster that is replaced breaks every connection, which ends the trust at once; a
/// kind that it doesn't serve says nothing about who it is.
const TRUST: Duration = Duration::from_secs(5);
/// How often a cluster in which nothing happens is asked who it is.
const CHECK: Duration = Duration::from_secs(300);

/// A cluster that answers, and is the one that it was.
pub(crate) struct Connection {
    /// Reads and writes.
    pub(crate) cluster: Cluster,
    /// Our objects there.
    pub(crate) cache: ObjectCache,
    /// Who it was when it was asked last.
    pub(crate) identity: ClusterIdentity,
    pub(super) access: ClusterAccess,
    verified: Mutex<Instant>,
}

impl Connection {
    pub(super) fn is_trusted(&self) -> bool {
        let verified = *self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.elapsed() < TRUST && !self.cache.lost_since(verified)
    }

    fn verified_at(self: Arc<Self>, asked: Instant, identity: ClusterIdentity) -> Arc<Self> {
        if self.identity != identity {
            let (cluster, cache, access) = (self.cluster.clone(), self.cache.clone(), self.access.clone());
            return Arc::new(Self { cluster, cache, identity, access, verified: Mutex::new(asked) });
        }
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        self
    }
}

impl ClusterSession {
    /// Opens the connection, or verifies the one that is open. The caller holds the lock on `slot`.
    pub(super) async fn establish(&self, slot: &mut Option<Arc<Connection>>) -> Result<Connectivity, StoreError> {
        let unavailable = |why: Unavailable| Ok(Connectivity::Unavailable(self.trip(why)));
        // 1. What the record says (needs Postgres).
        let runtime = self.context.store.runtime_access(self.cluster_id()).await?;
        let access = match access::access(runtime, &self.context) {
            Ok(access) => access,
            // Nothing says any more that it may be used, and its watches would go on.
            Err(why) => {
                *slot = None;
                return unavailable(why);
            }
        };
        // With other access than before, the old connection must not be used any more, even if the new access doesn't work.
        slot.take_if(|open| open.access != access);
        let is_new = slot.is_none();
        let open = match slot.as_ref() {
            Some(open) => open.clone(),
            None => match self.open(access) {
                Ok(open) => Arc::new(open),
                Err(error) => return unavailable(Unavailable::from(&error)),
            },
        };
        // 2. Which cluster answers (needs the cluster). What breaks after this instant may concern another one.
        let asked = Instant::now();
        let identity = match open.cluster.identity().await {
            Ok(identity) => identity,
            Err(error) => return unavailable(access::refused_there(&error, &open.access)),
        };
        if let Some(why) = other_cluster(
            self.context.store.bind_cluster(self.cluster_id(), &identity.uid).await?,
            &open.access.endpoint,
            &identity.uid,
        ) {
            *slot = None;
            return unavailable(why);
        }
        let open = open.verified_at(asked, identity);
        // 3. Before anything is done over a new connection: is the database the one that the cluster knows?
        if is_new {
            match self.compare_epochs(&open).await {
                Ok(()) => {}
                Err(RestoreError::Store(error)) => return Err(error),
                Err(RestoreError::Cluster(error)) => return unavailable(Unavailable::from(&error)),
            }
            failpoint(&CLUSTER_BOUND);
            // Nothing is watched over it until a reconcile of each record says what to watch, and nobody saw what happened meanwhile.
            self.context.store.wake_cluster(self.cluster_id()).await?;
        }
        *slot = Some(open.clone());
        self.close_breaker();
        Ok(Connectivity::Available(open))
    }

    /// Notices that a cluster fell silent, was upgraded or has other gateway controllers although nothing is done there. Only then is its runtime's record
    /// reconciled: clusters that are well cost Postgres nothing. Never ends.
    pub(crate) async fn check_identity(&self) {
        // The clusters of a worker are spread over the interval.
        let share = self.cluster_id().rem_euclid(100) as f64 / 100.0;
        tokio::time::sleep(CHECK.mul_f64(share)).await;
        loop {
            tokio::time::sleep(CHECK).await;
            // Without a connection the record says why, and somebody tries already.
            let Some(open) = self.connection.lock().await.clone() else { continue };
            let is_as_it_was = match open.cluster.identity().await {
                Ok(identity) => identity == open.identity && !self.has_other_gateway_facts(&open.cluster).await,
                Err(_) => false,
            };
            if !is_as_it_was {
                self.wake_runtime();
            }
        }
    }

    fn open(&self, access: ClusterAccess) -> Result<Connection, ClusterError> {
        let cluster = Cluster::connect(&access)?;
        let wake = self.wake.clone();
        let cache = ObjectCache::new(cluster.clone(), &*self.context.control_plane, move |owner| {
            if let Some(Owner { kind, id }) = parse_owner(owner) {
                // The receiver ends only with the lease: then the next holder reconciles everything.
                let _ = wake.send(Key { kind, id });
            }
        });
        let (identity, verified) = (ClusterIdentity::default(), Mutex::new(Instant::now()));
        Ok(Connection { cluster, cache, identity, access, verified })
    }
}

/// Why the cluster that answers is not the runtime's.
fn other_cluster(bound: Bound, endpoint: &str, uid: &str) -> Option<Unavailable> {
    let (reason, message) = match bound {
        Bound::Same => return None,
        Bound::Replaced { expected } => (
            "ClusterReplaced",
            format!(
                "another cluster answers at {endpoint} than before (kube-system has uid {uid}, not {expected}); nothing is done there. Correct the endpoint, or delete the runtime with ForceDelete and make a new one"
            ),
        ),
        Bound::Taken { by } => ("ClusterTaken", format!("runtime {by} stands for this cluster already; use that one")),
    };
    Some(Unavailable { reason: reason.into(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_cluster_behind_a_runtime_is_its_own() {
        assert_eq!(other_cluster(Bound::Same, "https://a", "u1"), None);
        let replaced = other_cluster(Bound::Replaced { expected: "u0".into() }, "https://a", "u1").unwrap();
        assert!(replaced.reason == "ClusterReplaced" && replaced.message.contains("uid u1, not u0"));
        assert_eq!(other_cluster(Bound::Taken { by: "b".into() }, "https://a", "u1").unwrap().reason, "ClusterTaken");
    }
}
