//! One target cluster: reading it, applying plans to it, pruning, watching. The only place with a Kubernetes client.
//!
//! ```text
//! Access ──connect──▶ Cluster ──apply(Writer, Plan, Inventory)──▶ Outcome
//!                        │    ──prune(Writer, entries)─────────▶ Outcome
//!                        └──▶ Watches: projections of what is labelled as ours, and whom to wake
//! ```
//!
//! The caller stores `inventory::union(old, plan)` before it applies, and prunes `inventory::difference(old, plan)` afterwards.
//! What may be written is decided by pure functions ([`ownership`]) on what was read; the write itself carries the uid and
//! resourceVersion of that, so the API server refuses it when the object has changed in between.

mod access;
mod apply;
mod contents;
mod discovery;
mod error;
mod facts;
pub mod inventory;
pub mod live;
mod mark;
mod outcome;
pub mod ownership;
mod prune;
mod rest;
pub mod watch;

use causeway_records::inventory::ObjectRef;
use kube::Client;

pub use self::{
    access::{Access, Auth},
    apply::is_settled,
    discovery::{Discovery, Kind},
    error::{Cause, ClusterError},
    facts::definition_ref,
    live::Live,
    outcome::{Change, Outcome},
    ownership::Writer,
    rest::{Lookup, REQUEST_TIMEOUT},
    watch::{Projection, Watches},
};

/// A cluster that can be spoken to. Cheap to clone: clones share connections and the discovery cache.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    discovery: Discovery,
}

/// Which cluster this is, and what runs there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The uid of namespace kube-system: the same for the life of a cluster, and no two clusters share it.
    pub uid: String,
    /// `v1.36.3`.
    pub version: String,
}

impl Cluster {
    /// Prepares a client. Nothing is sent yet: [`Self::identity`] is the first proof that the cluster can be reached.
    ///
    /// Must be called within a tokio runtime, and the process must have installed rustls's ring provider before.
    ///
    /// # Errors
    /// Access, when the data cannot be used.
    pub fn connect(access: &Access) -> Result<Self, ClusterError> {
        Ok(Self::from_client(access.client()?))
    }

    /// Wraps a client that was made otherwise.
    pub fn from_client(client: Client) -> Self {
        Self { discovery: Discovery::new(client.clone()), client }
    }

    /// What the cluster serves.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks the cluster who it is.
    ///
    /// # Errors
    /// Unreachable, also when our credentials are not accepted; Refused when we may not read namespace kube-system.
    pub async fn identity(&self) -> Result<Identity, ClusterError> {
        let version = async {
            let version = tokio::time::timeout(REQUEST_TIMEOUT, self.client.apiserver_version());
            version
                .await
                .map_err(|_| ClusterError::unreachable(Cause::Timeout, "its version was not answered in time"))?
                .map_err(|error| ClusterError::of_client(&error))
        };
        let system = ObjectRef {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: "kube-system".to_owned(),
        };
        let (version, system) = tokio::try_join!(version, self.get_builtin(&system))?;
        match system {
            Some(live) => Ok(Identity { uid: live.uid().to_owned(), version: version.git_version }),
            None => Err(ClusterError::unreachable(
                Cause::ServerError,
                "it has no namespace kube-system, which tells clusters apart",
            )),
        }
    }
}
