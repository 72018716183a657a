//! What the reconcile of a gateway instance needs to know.

use super::{domain_name::DomainNameState, listener::ListenerKey, named::Named, workload::WorkloadInputs};
use crate::{
    nouns::{AwsAccount, DomainNameDefinition, GatewayDefinition, GatewayInstance, SharedGateway},
    record::Record,
};
use std::collections::BTreeMap;

/// The inputs of the reconcile of a gateway instance.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The gateway instance.
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
    /// The shared gateway that carries its routes; None with Placement Dedicated.
    pub shared_gateway: Option<SharedGatewayUse>,
    /// The domain name instances that publish its hostnames, those being deleted too.
    pub domain_names: Vec<DomainNameState>,
}

/// The part of a shared gateway that a gateway instance uses.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedGatewayUse {
    /// The shared gateway.
    pub gateway: Named<SharedGateway>,
    /// The listeners that the instance routes through, each with the ordinal of its ListenerSet as in [`Listener`](super::Listener).
    pub listener_sets: BTreeMap<ListenerKey, Option<i32>>,
}
