//! One file per noun. Each reads its inputs whole, renders (pure), has the plan applied, and says what it saw.

mod bring;
mod definition;
mod domain_name;
mod gateway;
mod kubernetes_runtime;
mod listener_sets;
mod overlooked;
mod remove;
mod services;
mod shared_gateway;
mod support_service;
mod workload;

use crate::{
    context::Context,
    site::{Connection, Down, Reach, Site},
};
use causeway_records::{Kind, inventory::Inventory, status::Finding};
use causeway_store::{
    StoreError,
    queue::{Key, Next, Work},
};
use serde_json::Value;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Goes up when what is rendered changes: an older release leaves alone what a newer one has rendered.
pub const RENDER_VERSION: i32 = 1;

/// First step of everything that stands in a cluster.
pub const CLUSTER_REACHABLE: &str = "ClusterReachable";
/// What the cluster needs first.
pub const SUPPORT_SERVICES_INSTALLED: &str = "SupportServicesInstalled";
/// The objects stand as asked for.
pub const APPLIED: &str = "Applied";
/// Its reason when the database is older than the cluster.
pub const DATABASE_RESTORED: &str = "DatabaseRestored";

/// How a pass that failed is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// With growing rests of up to a minute.
    #[default]
    Soon,
    /// The same at first; later seldom, because it is for a person to mend.
    Parked,
    /// Very seldom: the fault is in our code.
    Defect,
}

/// What a pass found.
#[derive(Debug, Default)]
pub struct Found {
    /// The steps, in order.
    pub findings: Vec<Finding>,
    /// When to look again.
    pub next: Next,
    /// What is asked for has been applied.
    pub applied: bool,
    /// What other records' passes read of this one.
    pub projection: Option<Value>,
    /// It differs from before in a way that they must hear of.
    pub wake_dependants: bool,
    /// Further records that must look again.
    pub wake: Vec<Key>,
    /// Why the pass has to be tried again.
    pub error: Option<String>,
    /// Not before this time.
    pub retry_after: Option<Duration>,
    /// Whether trying again soon may help.
    pub retry: Retry,
    /// Everything that the watches told of the record until then is in this; None: something isn't as it was left.
    pub looked: Option<Instant>,
    /// Only a part of the record was looked at: what is told of it stays as it is.
    pub in_part: bool,
    /// The record's row is gone.
    pub gone: bool,
    /// The record's objects in the cluster; None: as noted down before.
    pub inventory: Option<Inventory>,
}

impl Found {
    /// A pass that has to be tried again.
    pub fn again(reason: &str, message: String) -> Self {
        Self {
            findings: vec![Finding::fails(APPLIED, reason, message.clone())],
            error: Some(message),
            ..Self::default()
        }
    }

    /// A record that can't be brought about until somebody changes it.
    pub fn invalid(message: String) -> Self {
        Self { findings: vec![Finding::fails(APPLIED, "Invalid", message)], ..Self::default() }
    }

    /// In one word, for figures.
    pub fn outcome(&self) -> &'static str {
        match (self.gone, self.error.is_some(), self.applied) {
            (true, _, _) => "gone",
            (_, true, _) => "failed",
            (_, _, true) => "applied",
            _ => "waiting",
        }
    }
}

/// A pass that leaves the status as it is.
#[derive(Debug)]
pub enum Failure {
    /// Postgres.
    Store(StoreError),
    /// Another worker has the cluster now.
    Cancelled,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One pass in a cluster that answers.
pub(crate) struct Pass<'a> {
    pub(crate) context: &'a Context,
    pub(crate) site: &'a Arc<Site>,
    pub(crate) work: &'a Work,
    pub(crate) connection: Arc<Connection>,
}

/// Does whatever a record needs.
pub async fn reconcile(context: &Context, site: &Arc<Site>, work: &Work) -> Result<Found, Failure> {
    match work.key.kind {
        Kind::KubernetesRuntimeDefinition | Kind::WorkloadDefinition | Kind::GatewayDefinition => {
            return definition::reconcile(context, work).await;
        }
        Kind::KubernetesRuntimeInstance => return kubernetes_runtime::reconcile(context, site, work).await,
        _ => {}
    }
    let connection = match site.reach().await? {
        Reach::Up(connection) => connection,
        Reach::Down(down) => return unreachable(context, site, work, down).await,
    };
    let pass = Pass { context, site, work, connection };
    if let Some(sentence) = site.restored() {
        return Ok(pass.held(sentence));
    }
    if work.gone {
        return match work.key.kind {
            Kind::DomainNameInstance => domain_name::leftovers(&pass).await,
            _ => remove::leftovers(&pass).await,
        };
    }
    match work.key.kind {
        Kind::SupportServiceInstance => support_service::reconcile(&pass).await,
        Kind::WorkloadInstance => workload::reconcile(&pass).await,
        Kind::SharedGateway => shared_gateway::reconcile(&pass).await,
        Kind::GatewayInstance => gateway::reconcile(&pass).await,
        Kind::DomainNameInstance => domain_name::reconcile(&pass).await,
        other => Ok(Found::invalid(format!("this release of the workers can't bring about a {other}"))),
    }
}

/// The record waits for its cluster; one that is to go with force goes without it.
async fn unreachable(context: &Context, site: &Arc<Site>, work: &Work, down: Down) -> Result<Found, Failure> {
    if work.being_deleted && !work.gone {
        let forced = context.store.runtime(site.runtime_id()).await?.spec.force_delete == Some(true);
        if forced || (work.inventory.is_empty() && down.reason == "NoEndpoint") {
            return remove::confirm(context, work).await;
        }
    }
    if work.key.kind != Kind::KubernetesRuntimeInstance {
        site.told(&work.key);
    }
    Ok(Found {
        findings: vec![Finding::fails(CLUSTER_REACHABLE, &down.reason, down.message)],
        next: Next::In(site.next_try().max(Duration::from_secs(1))),
        ..Found::default()
    })
}

impl Pass<'_> {
    /// The first finding of every pass that gets so far.
    pub(crate) fn reachable(&self) -> Finding {
        let message = format!("the cluster answers and runs Kubernetes {}", self.connection.version);
        Finding::holds(CLUSTER_REACHABLE, "Reachable", message)
    }

    /// A pass that does nothing, because the database is an old one. The runtime wakes it when a person has looked.
    fn held(&self, sentence: String) -> Found {
        Found {
            findings: vec![self.reachable(), Finding::fails(APPLIED, DATABASE_RESTORED, sentence)],
            ..Found::default()
        }
    }

    /// A pass that can't go on until the record is changed.
    pub(crate) fn invalid(&self, message: String) -> Found {
        let mut found = Found::invalid(message);
        found.findings.insert(0, self.reachable());
        found
    }
}
