//! What the reconcile of a shared gateway needs to know.

use super::{gateway_facts::ClassInCluster, listener::Listener, listener_set::ListenerSetStatus, named::Named};
use crate::{
    nouns::{AwsAccount, DomainNameDefinition, SharedGateway},
    record::Record,
};

/// The inputs of the reconcile of a shared gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedGatewayInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The record that is reconciled.
    pub gateway: Named<SharedGateway>,
    /// The listeners on the Gateway itself, and all listeners of hostnames that have a certificate; by key. Of a gateway with listeners of its own what
    /// gateway instances that may attach claim on them, as if each had a listener for itself.
    pub listeners: Vec<Listener>,
    /// Its ListenerSets, by ordinal.
    pub listener_sets: Vec<ListenerSetStatus>,
    /// The domains of the HTTPS listeners. Of a gateway with listeners of its own the one that it names, if certificates are ordered: each listener has its own,
    /// whatever the domain says of one for all.
    pub domains: Vec<Record<DomainNameDefinition>>,
    /// Credentials for DNS-01, by the id of the account; only of accounts that the domains name.
    pub accounts: Vec<Record<AwsAccount>>,
    /// Where cert-manager looks for the Secrets of ClusterIssuers; None: where our own does.
    pub cluster_resource_namespace: Option<String>,
    /// What the cluster says of its class.
    pub class_in_cluster: ClassInCluster,
}

impl SharedGatewayInputs {
    /// Whether a gateway instance claims a route, or its record gives it listeners. If not, the gateway has no object in the cluster.
    pub fn is_used(&self) -> bool {
        self.gateway.record.spec.listeners.is_some()
            || !self.listeners.is_empty()
            || self.listener_sets.iter().any(|set| set.listeners > 0)
    }
}
