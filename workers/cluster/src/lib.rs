//! One target cluster: reading, applying plans, pruning, a cache of what is ours there. The only crate with a Kubernetes client.
//!
//! ```text
//! ClusterAccess ──connect──▶ Cluster ──apply(FieldOwner, Plan, Inventory, ObjectCache)──▶ WriteOutcome
//!                               │    ──prune(FieldOwner, entries)─────────────────────▶ WriteOutcome
//!                               └──▶ ObjectCache: our objects by name and by owner, and whom to wake when one changes
//! ```
//!
//! - **In**: plans of the render crate, inventories of the store, answers of an API server that belongs to somebody else. Answers are
//!   claims: they are bounded where they come in (`bounds/`).
//! - **May fail**: everything, as a [`ClusterError`]. Its variants say whether one object is concerned or the whole cluster.
//! - **Invariant**: nothing is changed or deleted that isn't proven to be ours. Pure functions ([`ownership`]) decide on what was read; the
//!   write carries uid and resourceVersion of it, so the API server refuses it when the object has changed in between. The caller
//!   stores `inventory::union(old, plan)` before it applies, and prunes `inventory::difference(old, plan)` afterwards: what we create is
//!   always written down first.
//!
//! To add a request: a method of [`Cluster`] beside those of `rest.rs`; what its answer means goes to `reply.rs`, with tests.

mod access;
mod apply;
mod apply_patch;
pub mod backoff;
mod bounds;
mod cache;
mod challenges;
mod contents;
mod corrections;
mod cost;
mod database_epoch;
mod discovery;
mod error;
mod events;
mod exchange;
mod exclusive;
mod facts;
#[cfg(test)]
mod fake;
mod gateway_facts;
mod give_back;
mod gone;
mod handover;
pub mod inventory;
mod lists;
pub mod live;
mod object_backoff;
mod outcome;
pub mod ownership;
mod prune;
mod reachability;
mod release;
mod replace;
mod reply;
mod rest;
#[cfg(test)]
mod samples;
mod settled;
mod share;
mod shared_lists;
mod sign_in;
mod state;
mod tls_error;
mod tls_secret;
mod transport;
mod trust;
mod wave;
mod weigh;

use kube::Client;

pub use self::{
    access::{ClusterAccess, ClusterAuth},
    cache::{CachedObject, ObjectCache, UnsyncedKind, limit_cache},
    discovery::{Discovery, ServedKind},
    error::{ClusterError, UnreachableCause},
    exchange::REQUEST_TIMEOUT,
    facts::definition_ref,
    live::LiveObject,
    outcome::{ObjectChange, WriteOutcome},
    ownership::FieldOwner,
    rest::Lookup,
};
use self::{
    corrections::Corrections,
    object_backoff::ObjectBackoff,
    reachability::{Reachability, system_ref},
};

/// A client of one cluster. Clones share connections, the discovery cache, and what is known of objects that fail or are contested.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    discovery: Discovery,
    reachability: Reachability,
    backoff: ObjectBackoff,
    corrections: Corrections,
}

/// Which cluster this is, and what runs there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterIdentity {
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
    /// `Access`, when the data cannot be used.
    pub fn connect(access: &ClusterAccess) -> Result<Self, ClusterError> {
        Ok(Self::from_client(access.client()?))
    }

    /// For a client that was built otherwise.
    pub fn from_client(client: Client) -> Self {
        let (reachability, backoff, corrections) = Default::default();
        Self { discovery: Discovery::new(client.clone()), client, reachability, backoff, corrections }
    }

    /// The kinds that the cluster serves.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads which cluster answers.
    ///
    /// # Errors
    /// Unreachable, also when our credentials are not accepted; Refused when we may not read namespace kube-system.
    pub async fn identity(&self) -> Result<ClusterIdentity, ClusterError> {
        let version = async {
            let version = tokio::time::timeout(REQUEST_TIMEOUT, self.client.apiserver_version());
            version
                .await
                .map_err(|_| {
                    ClusterError::unreachable(UnreachableCause::Timeout, "its version was not answered in time")
                })?
                .map_err(|error| ClusterError::from_client(&error))
        };
        let system = system_ref();
        let (version, system) = tokio::try_join!(version, self.read_builtin(&system))?;
        match system {
            Some(live) => {
                self.reachability.is_same(&live);
                Ok(ClusterIdentity { uid: live.uid().to_owned(), version: bounds::cut(version.git_version) })
            }
            None => Err(ClusterError::unreachable(
                UnreachableCause::ServerError,
                "it has no namespace kube-system, which tells clusters apart",
            )),
        }
    }
}
