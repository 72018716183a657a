//! The connection to one cluster: who stands behind the address, what is watched there, and a circuit breaker that keeps a dead cluster
//! from costing anybody else time.

mod age;
mod looks;
mod reminders;

use self::{age::Age, looks::Looks, reminders::Reminders};
pub(crate) use self::{age::AgeError, looks::Look};
use crate::{context::Context, runner::Hold};
use causeway_cluster::{Cluster, ClusterAccess, ClusterAuth, ClusterError, ObjectCache};
use causeway_failpoints::{CLUSTER_BOUND, reach};
use causeway_records::nouns::KubernetesRuntimeInstance;
use causeway_render::labels::parse_owner;
use causeway_store::{
    StoreError,
    lease::{Bound, Lease},
    queue::Key,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// So long one look at who the cluster is counts. A cluster that is replaced breaks every connection, which ends the trust at once; a kind that
/// it doesn't serve says nothing about who it is.
const TRUST: Duration = Duration::from_secs(5);
/// Rests between attempts to reach a cluster.
const RESTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// One cluster.
pub struct Site {
    context: Context,
    lease: Lease,
    scope: i64,
    hold: Hold,
    wake: mpsc::UnboundedSender<Key>,
    connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    breaker: Mutex<Breaker>,
    age: Age,
    looks: Looks,
    reminders: Reminders,
}

/// A cluster that answers, and is the one it was.
pub struct Connection {
    /// For reading and writing.
    pub cluster: Cluster,
    /// What is known of our objects there.
    pub watches: ObjectCache,
    /// `v1.36.3`.
    pub version: String,
    access: ClusterAccess,
    verified: Mutex<Instant>,
}

/// Why nothing can be done in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// In one word.
    pub reason: String,
    /// The sentence of condition `ClusterReachable`.
    pub message: String,
}

#[derive(Default)]
struct Breaker {
    down: Option<(Down, Instant)>,
    failures: u32,
    /// Records that have been told.
    told: HashSet<Key>,
}

/// What came of trying to reach a cluster.
pub enum Reach {
    /// It answers.
    Up(Arc<Connection>),
    /// It doesn't.
    Down(Down),
}

impl Site {
    /// Nothing is sent yet. `wake` takes the records whose objects changed in the cluster.
    pub fn new(context: Context, lease: Lease, hold: Hold, wake: mpsc::UnboundedSender<Key>) -> Self {
        Self {
            context,
            lease,
            scope: lease.scope,
            hold,
            wake,
            connection: Default::default(),
            breaker: Mutex::default(),
            age: Age::default(),
            looks: Looks::default(),
            reminders: Reminders::default(),
        }
    }

    /// Id of the runtime instance.
    pub fn runtime_id(&self) -> i64 {
        self.scope
    }

    /// The lease under which the work is done: what Postgres is told is written only while it is the last one.
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// The right to write here.
    pub fn hold(&self) -> &Hold {
        &self.hold
    }

    /// Whether a record need not be tried now: the cluster is down, and the record says so already.
    pub fn holds_back(&self, key: &Key) -> bool {
        let breaker = self.breaker();
        breaker.down.as_ref().is_some_and(|(_, until)| Instant::now() < *until) && breaker.told.contains(key)
    }

    /// How long until the cluster is tried again.
    pub fn next_try(&self) -> Duration {
        self.breaker()
            .down
            .as_ref()
            .map_or(Duration::ZERO, |(_, until)| until.saturating_duration_since(Instant::now()))
    }

    /// Has the runtime's own record looked at, and the cluster thereby connected to.
    pub fn look(&self) {
        // The desk is gone only when the lease is.
        let _ = self.wake.send(Key { kind: causeway_records::Kind::KubernetesRuntimeInstance, id: self.scope });
    }

    /// The connection, made when there is none, checked when the last check is old.
    pub async fn reach(&self) -> Result<Reach, StoreError> {
        if let Some(down) = self.resting() {
            return Ok(Reach::Down(down));
        }
        let mut connection = self.connection.lock().await;
        if let Some(open) = connection.as_ref().filter(|open| open.is_trusted()) {
            return Ok(Reach::Up(open.clone()));
        }
        // Somebody else may have tried while we waited for the lock.
        if let Some(down) = self.resting() {
            return Ok(Reach::Down(down));
        }
        self.connect(&mut connection).await
    }

    /// The same after the record of the runtime has changed: reads it anew, and tries even where the cluster was just found dead.
    pub async fn reach_anew(&self) -> Result<Reach, StoreError> {
        let mut connection = self.connection.lock().await;
        self.connect(&mut connection).await
    }

    /// A request to the cluster failed in a way that concerns all of them.
    pub fn report(&self, error: &ClusterError) {
        if let ClusterError::Unreachable { cause, .. } = error {
            self.fail(Down { reason: cause.as_str().to_owned(), message: error.to_string() });
        }
    }

    /// Remembers that a record's status says that the cluster is down.
    pub fn told(&self, key: &Key) {
        self.breaker().told.insert(key.clone());
    }

    async fn connect(&self, slot: &mut Option<Arc<Connection>>) -> Result<Reach, StoreError> {
        let runtime = self.context.store.runtime(self.scope).await?;
        let access = match access(&runtime.spec, &self.context) {
            Ok(access) => access,
            Err(down) => return Ok(Reach::Down(self.fail(down))),
        };
        // Other access than before: what was opened with the old one must not be used any more, even if the new one doesn't work.
        slot.take_if(|open| open.access != access);
        let anew = slot.is_none();
        let open = match slot.as_ref() {
            Some(open) => open.clone(),
            None => match self.open(access) {
                Ok(open) => Arc::new(open),
                Err(error) => return Ok(Reach::Down(self.fail(down(&error)))),
            },
        };
        // What breaks while we ask may be about whoever answers next.
        let asked = Instant::now();
        let identity = match open.cluster.identity().await {
            Ok(identity) => identity,
            Err(error) => return Ok(Reach::Down(self.fail(down(&error)))),
        };
        // It answers, but what it sends is more than may be taken from it.
        if let Some(error) = open.watches.over_limit() {
            return Ok(Reach::Down(self.fail(down(&error))));
        }
        match self.context.store.bind_cluster(self.scope, &identity.uid).await? {
            Bound::Same => {}
            Bound::Replaced { expected } => {
                *slot = None;
                return Ok(Reach::Down(self.fail(Down {
                    reason: "ClusterReplaced".into(),
                    message: format!(
                        "another cluster answers at {} than before (kube-system has uid {}, not {expected}); nothing is done there. Correct the endpoint, or delete the runtime with ForceDelete and make a new one",
                        open.access.endpoint, identity.uid
                    ),
                })));
            }
            Bound::Taken { by } => {
                *slot = None;
                return Ok(Reach::Down(self.fail(Down {
                    reason: "ClusterTaken".into(),
                    message: format!("runtime {by} stands for this cluster already; use that one"),
                })));
            }
        }
        *open.verified.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        let open = if open.version == identity.version {
            open
        } else {
            Arc::new(Connection {
                cluster: open.cluster.clone(),
                watches: open.watches.clone(),
                version: identity.version,
                access: open.access.clone(),
                verified: Mutex::new(asked),
            })
        };
        if anew {
            match self.look_at_age(&open).await {
                Ok(()) => {}
                Err(AgeError::Store(error)) => return Err(error),
                Err(AgeError::Cluster(error)) => return Ok(Reach::Down(self.fail(down(&error)))),
            }
            reach(&CLUSTER_BOUND);
            // Nothing is watched on it until a pass over each record says what to watch, and nobody saw what happened meanwhile.
            self.context.store.wake_cluster(self.scope).await?;
        }
        *slot = Some(open.clone());
        self.recover();
        Ok(Reach::Up(open))
    }

    fn open(&self, access: ClusterAccess) -> Result<Connection, ClusterError> {
        let cluster = Cluster::connect(&access)?;
        let wake = self.wake.clone();
        let watches = ObjectCache::new(cluster.clone(), &*self.context.control_plane, move |owner| {
            if let Some(key) = record_of(owner) {
                // The desk is gone only when the lease is: then the next holder looks at everything.
                let _ = wake.send(key);
            }
        });
        Ok(Connection { cluster, watches, version: String::new(), access, verified: Mutex::new(Instant::now()) })
    }

    fn resting(&self) -> Option<Down> {
        self.breaker().down.as_ref().filter(|(_, until)| Instant::now() < *until).map(|(down, _)| down.clone())
    }

    fn fail(&self, down: Down) -> Down {
        let mut breaker = self.breaker();
        let known = breaker.down.as_ref().is_some_and(|(before, _)| before.reason == down.reason);
        if !known {
            tracing::warn!(cluster = self.scope, reason = down.reason, message = down.message, "a cluster is down");
        }
        let rest = RESTS.0.saturating_mul(1 << breaker.failures.min(5)).min(RESTS.1);
        breaker.failures += 1;
        breaker.down = Some((down.clone(), Instant::now() + rest));
        down
    }

    fn recover(&self) {
        let mut breaker = self.breaker();
        breaker.failures = 0;
        if breaker.down.take().is_some() {
            tracing::info!(cluster = self.scope, "a cluster is back");
        }
        for key in std::mem::take(&mut breaker.told) {
            let _ = self.wake.send(key);
        }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn is_trusted(&self) -> bool {
        let verified = *self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        verified.elapsed() < TRUST && !self.watches.lost_since(verified)
    }
}

fn down(error: &ClusterError) -> Down {
    let reason = match error {
        ClusterError::Access(_) => "InvalidAccess",
        ClusterError::Unreachable { cause, .. } => cause.as_str(),
        _ => "Unreachable",
    };
    Down { reason: reason.to_owned(), message: error.to_string() }
}

fn access(runtime: &KubernetesRuntimeInstance, context: &Context) -> Result<ClusterAccess, Down> {
    let down = |reason: &str, message: String| Down { reason: reason.into(), message };
    let Some(endpoint) = &runtime.api_endpoint else {
        return Err(down("NoEndpoint", "the runtime has no APIEndpoint yet; send it with its credentials".into()));
    };
    let plain = |name: &str, sealed: &str| {
        context.key.decrypt(sealed).map_err(|error| down("UnreadableSecret", format!("{name}: {error}")))
    };
    let auth = match (&runtime.certificate, &runtime.certificate_key, &runtime.connection_token) {
        (Some(cert), Some(key), _) => {
            ClusterAuth::ClientCert { cert_pem: cert.clone(), key_pem: plain("CertificateKey", key)? }
        }
        (_, _, Some(token)) => ClusterAuth::Token(plain("ConnectionToken", token)?),
        _ => {
            return Err(down(
                "NoCredentials",
                "the runtime has no credentials; send Certificate and CertificateKey, or ConnectionToken".into(),
            ));
        }
    };
    Ok(ClusterAccess {
        endpoint: endpoint.to_string(),
        ca_pem: runtime.ca_certificate.clone(),
        auth,
        server_name: None,
    })
}

/// The record that an owner label names: `gateway-instance-42` → GatewayInstance 42.
fn record_of(owner: &str) -> Option<Key> {
    parse_owner(owner).map(|owner| Key { kind: owner.kind, id: owner.id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_labels_name_records() {
        let key = record_of("gateway-instance-42").unwrap();
        assert_eq!((key.kind, key.id), (causeway_records::Kind::GatewayInstance, 42));
        assert_eq!(
            record_of("kubernetes-runtime-instance-7").unwrap().kind,
            causeway_records::Kind::KubernetesRuntimeInstance
        );
        assert!(record_of("nobody-1").is_none() && record_of("gateway-instance").is_none());
    }
}
