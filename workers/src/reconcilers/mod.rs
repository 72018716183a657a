//! The reconcilers, one file per noun. Each is a list of numbered steps, marked "pure" or "needs the cluster" (or Postgres, or the zone).
//!
//! ```text
//!  read inputs ─▶ decrypt ─▶ prerequisites ─▶ render ─▶ apply, prune ─▶ observe ─▶ conditions ─▶ Outcome
//!  (Postgres)      (pure)      (pure)         (pure)    (cluster)       (cache)     (pure)
//! ```
//!
//! What comes in: a [`Reconcile`], that is a claimed record and a connection to a cluster which is the right one and whose database is not an old
//! one. Everything else a reconciler reads for itself, whole; what woke the record is not known here.
//!
//! What may fail: a record that can't be rendered ends as `Invalid` and waits for a change; a step that can't be taken yet ends the reconcile
//! with the conditions up to there; an error of the cluster ends as a [`Failed`] condition and is retried; an error of Postgres or a lost lease
//! leaves the status as it is ([`Interrupted`]).
//!
//! What holds: a reconciler may be run again from any point, and at any time, with the same result.
//!
//! To add a noun: a file here, an arm in [`reconcile`], and what it needs of a cluster in `controller/decision.rs`.

mod account;
mod apply;
mod challenges;
mod definition;
mod delete;
mod domain_name;
mod endpoint;
mod failed;
mod gateway;
mod gateway_class;
mod issued_certificates;
mod kubernetes_runtime;
mod listener_set;
mod prerequisites;
mod requeue;
mod shared_gateway;
mod support_service;
mod tls_secrets;
mod touch;
mod workload;

pub(crate) use self::{
    definition::check as check_definition, delete::confirm as confirm_deletion, domain_name::without_cluster,
    failed::Failed, kubernetes_runtime::reconcile as runtime,
};
use crate::{
    context::Context,
    manifests::Held,
    session::{ClusterSession, Connection},
};
use causeway_records::{Kind, status::NewCondition};
use causeway_store::{
    StoreError,
    queue::{Action, Claimed, Outcome},
};
use std::sync::Arc;

/// To be raised when what is rendered changes, a bundle of a support service among it: an earlier release leaves alone what a later one has rendered.
pub(crate) const RENDER_REVISION: i32 = 2;

/// The first condition of everything that has objects in a cluster.
pub(crate) const CLUSTER_REACHABLE: &str = "ClusterReachable";
/// The support services that the record needs.
const SUPPORT_SERVICES_INSTALLED: &str = "SupportServicesInstalled";
/// The objects are in the cluster as they were rendered.
pub(crate) const APPLIED: &str = "Applied";
/// Its reason when the database is behind what the cluster has seen of it.
const DATABASE_RESTORED: &str = "DatabaseRestored";

/// A reconcile that ends without an outcome: the record's status stays as it is.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// Postgres failed; the record stays due.
    Store(StoreError),
    /// Another worker has the cluster now.
    LeaseLost,
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One reconcile in a cluster that answers.
pub(crate) struct Reconcile<'a> {
    pub(crate) context: &'a Context,
    pub(crate) session: &'a Arc<ClusterSession>,
    pub(crate) claimed: &'a Claimed,
    pub(crate) connection: Arc<Connection>,
}

/// One reconcile without its cluster: of what a record has elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    pub(crate) context: &'a Context,
    pub(crate) session: &'a ClusterSession,
    pub(crate) claimed: &'a Claimed,
}

/// Reconciles a record that has objects in a cluster.
pub(crate) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    match ctx.claimed.key.kind {
        Kind::SupportServiceInstance => support_service::reconcile(ctx).await,
        Kind::WorkloadInstance => workload::reconcile(ctx).await,
        Kind::SharedGateway => shared_gateway::reconcile(ctx).await,
        Kind::ListenerSet => listener_set::reconcile(ctx).await,
        Kind::GatewayInstance => gateway::reconcile(ctx).await,
        Kind::DomainNameInstance => domain_name::reconcile(ctx).await,
        // Reconciled without a connection: see `Needs`.
        kind @ (Kind::KubernetesRuntimeDefinition
        | Kind::KubernetesRuntimeInstance
        | Kind::WorkloadDefinition
        | Kind::GatewayDefinition
        // Never in the queue.
        | Kind::WorkloadResourceDefinition
        | Kind::WorkloadResourceInstance
        | Kind::WorkloadEvent
        | Kind::GatewayHttpPort
        | Kind::GatewayTcpPort
        | Kind::GatewayUdpPort
        | Kind::GatewayHttpRoute
        | Kind::GatewayGrpcRoute
        | Kind::GatewayGrant
        | Kind::DomainNameDefinition
        | Kind::AwsAccount
        | Kind::AttachedObjectReference
        | Kind::Event
        | Kind::AccessToken
        | Kind::AuditEvent
        | Kind::Certificate
        | Kind::Webhook
        | Kind::ApplySet
        | Kind::WebhookDelivery) => Ok(ctx.invalid(format!("a {kind} has no objects in a cluster"))),
    }
}

/// Prunes the objects that are still found of a record whose row is deleted, and returns when to check again.
pub(crate) async fn prune_orphans(ctx: &Reconcile<'_>) -> Result<Action, Interrupted> {
    match ctx.claimed.key.kind {
        Kind::DomainNameInstance => domain_name::prune_orphans(ctx).await,
        _ => delete::prune_orphans(ctx).await,
    }
}

impl Reconcile<'_> {
    fn turn(&self) -> Turn<'_> {
        Turn { context: self.context, session: self.session, claimed: self.claimed }
    }

    /// The first condition of every reconcile that gets so far.
    fn reachable(&self) -> NewCondition {
        let message = format!("the cluster answers and runs Kubernetes {}", self.connection.identity.version);
        NewCondition::met(CLUSTER_REACHABLE, "Reachable", message)
    }

    /// Room for the manifests of a workload, before they are read.
    async fn hold_manifests(&self) -> Held {
        self.context.manifests.hold(&self.session.manifests, self.claimed.manifest_bytes).await
    }

    /// Nothing is done, because the database is an old one. The runtime's record wakes this one when a person has accepted it.
    pub(crate) fn await_person(&self) -> Outcome {
        let sentence = self.session.restored_sentence().unwrap_or_default();
        Outcome::with(vec![self.reachable(), NewCondition::not_met(APPLIED, DATABASE_RESTORED, sentence)])
    }

    /// Nothing can be done until the record is changed.
    fn invalid(&self, message: impl Into<String>) -> Outcome {
        Outcome::with(vec![self.reachable(), NewCondition::not_met(APPLIED, "Invalid", message)])
    }
}
