//! What the reconcile of a gateway instance needs to know.

use super::{
    domain_name::DomainNameState, gateway_facts::ClassInCluster, listener::ListenerKey, named::Named,
    workload::WorkloadInputs,
};
use crate::{
    nouns::{AwsAccount, DomainNameDefinition, GatewayDefinition, GatewayInstance, SharedGateway},
    record::Record,
    text::Hostname,
};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The inputs of the reconcile of a gateway instance.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The record that is reconciled.
    pub instance: Named<GatewayInstance>,
    /// Its placement, class, Service and hostnames, with all of its ports, each kind by id.
    pub definition: Record<GatewayDefinition>,
    /// The domain its hostnames are under.
    pub domain: Option<Record<DomainNameDefinition>>,
    /// Credentials for DNS-01 of the domain (Dedicated placement needs them itself).
    pub account: Option<Record<AwsAccount>>,
    /// Where cert-manager looks for the Secrets of ClusterIssuers (with Placement Dedicated); None: where our own does.
    pub cluster_resource_namespace: Option<String>,
    /// The hostnames it answers to, sorted; empty: all.
    pub hostnames: Vec<String>,
    /// The workload that traffic goes to.
    pub workload: WorkloadInputs,
    /// Other workloads of the cluster whose Services it may send to, by the grant's id.
    pub granted: Vec<GrantedWorkload>,
    /// The shared gateway that carries its routes; None with Placement Dedicated.
    pub shared_gateway: Option<SharedGatewayUse>,
    /// What others claim at its listeners, and one claim of each who has a hostname below one of its wildcards: some of the first ones, where they are very many.
    pub beside: Vec<ClaimBeside>,
    /// The domain name instances that publish its hostnames, those being deleted too.
    pub domain_names: Vec<DomainNameState>,
    /// What the cluster says of the class of the Gateway that carries its routes.
    pub class_in_cluster: ClassInCluster,
}

/// A workload that lets a gateway instance send to its Services.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GrantedWorkload {
    /// Name of the workload definition.
    pub workload: String,
    /// Its namespace in the cluster.
    pub namespace: String,
    /// The Services that are granted; None: all of them.
    pub services: Option<Vec<String>>,
    /// The kinds of routes that may send to them; None: all.
    pub kinds: Option<Vec<String>>,
}

/// What another gateway instance claims at a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimBeside {
    /// The listener: one at which both claim, or one for a hostname below a wildcard.
    pub listener: ListenerKey,
    /// Which requests, as on record.
    pub requests: String,
    /// It only leads to HTTPS.
    pub redirect: bool,
    /// Id of the other gateway instance.
    pub gateway_instance_id: i64,
    /// Name of the other gateway instance, for messages.
    pub gateway_instance: String,
}

/// The part of a shared gateway that a gateway instance uses.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedGatewayUse {
    /// The record, whose object name is that of the Gateway and of its namespace.
    pub gateway: Named<SharedGateway>,
    /// A gateway grant lets the instance's workload attach to it.
    pub is_granted: bool,
    /// The listeners that the instance routes through, each with the ordinal of its ListenerSet as in [`Listener`](super::Listener).
    pub listener_sets: BTreeMap<ListenerKey, Option<i32>>,
    /// Of the instance's hostnames on which TLS ends those whose certificates are signed for a domain with one for all, and that domain: an older definition
    /// of the domain may sign than the instance's own.
    pub wildcards: BTreeMap<String, Hostname>,
}
