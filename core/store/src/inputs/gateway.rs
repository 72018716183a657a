//! The inputs of the reconcile of a gateway instance.

use super::workload::{Manifests, WorkloadRead};
use crate::{
    Store, children,
    error::Result,
    json_row::{JsonRow, StatedRow},
    listeners::listener_key,
};
use causeway_records::{
    Record,
    inputs::{ClaimBeside, ClassInCluster, DomainNameState, GatewayInputs, GrantedWorkload, SharedGatewayUse},
    nouns::{DomainNameDefinition, GatewayDefinition, SupportServiceInstance},
    text::Hostname,
};
use causeway_rules::{
    hostnames::hostnames_of,
    signers::{DomainUse, wildcards},
};
use serde::Deserialize;
use std::collections::BTreeMap;

impl Store {
    /// For the reconcile of a gateway instance, with the support services of its cluster.
    pub async fn gateway_inputs(&self, id: i64) -> Result<(GatewayInputs, Vec<Record<SupportServiceInstance>>)> {
        let (mut read, manifests) = self.read_with_manifests::<GatewayRead>("gateway", id).await?;
        let services = std::mem::take(&mut read.services).into_iter().map(StatedRow::record).collect::<Result<_>>()?;
        let mut inputs = read.inputs(self.control_plane().await?, manifests)?;
        if inputs.shared_gateway.is_none() && inputs.domain.is_some() {
            let cluster = inputs.instance.record.spec.kubernetes_runtime_instance_id;
            inputs.cluster_resource_namespace = self.cluster_resource_namespace(cluster).await?;
        }
        Ok((inputs, services))
    }
}

/// The answer of `read_gateway`.
#[derive(Deserialize)]
struct GatewayRead {
    instance: StatedRow,
    definition: StatedRow,
    domain: Option<JsonRow>,
    account: Option<JsonRow>,
    workload: WorkloadRead,
    ports: children::Rows,
    granted: Vec<GrantedWorkload>,
    shared_gateway: Option<StatedRow>,
    is_granted: bool,
    listeners: Vec<ListenerRead>,
    domain_uses: Vec<DomainUseRead>,
    beside: Vec<ClaimRead>,
    below: Vec<ClaimRead>,
    domain_names: Vec<DomainNameState>,
    services: Vec<StatedRow>,
    class_in_cluster: ClassInCluster,
}

/// A row of `gateway_listeners`, with the ordinal of its ListenerSet.
#[derive(Deserialize)]
struct ListenerRead {
    port: i32,
    protocol: String,
    hostname: String,
    ordinal: Option<i32>,
}

/// A row of `route_claims`, with the name of its gateway instance.
#[derive(Deserialize)]
struct ClaimRead {
    port: i32,
    protocol: String,
    hostname: String,
    r#match: String,
    redirect: bool,
    id: i64,
    name: String,
}

/// A claim at a listener that ends TLS, with its domain.
#[derive(Deserialize)]
struct DomainUseRead {
    hostname: String,
    brought: bool,
    id: i64,
    domain: Hostname,
    wildcard: bool,
}

impl From<DomainUseRead> for DomainUse {
    fn from(read: DomainUseRead) -> Self {
        let DomainUseRead { hostname, brought, id, domain, wildcard } = read;
        Self { hostname, brought, id, domain, wildcard }
    }
}

impl ClaimRead {
    fn claim(self) -> Result<ClaimBeside> {
        Ok(ClaimBeside {
            listener: listener_key(self.port, &self.protocol, self.hostname)?,
            requests: self.r#match,
            redirect: self.redirect,
            gateway_instance_id: self.id,
            gateway_instance: self.name,
        })
    }
}

impl GatewayRead {
    fn inputs(self, control_plane: String, manifests: Manifests) -> Result<GatewayInputs> {
        let listeners =
            self.listeners.into_iter().map(|l| Ok((listener_key(l.port, &l.protocol, l.hostname)?, l.ordinal)));
        let listener_sets = listeners.collect::<Result<BTreeMap<_, _>>>()?;
        let uses: Vec<_> = self.domain_uses.into_iter().map(DomainUse::from).collect();
        let shared_gateway = match self.shared_gateway {
            Some(gateway) => Some(SharedGatewayUse {
                gateway: gateway.named()?,
                is_granted: self.is_granted,
                listener_sets,
                wildcards: wildcards(&uses),
            }),
            None => None,
        };
        let mut definition: Record<GatewayDefinition> = self.definition.record()?;
        children::fill(&mut definition.spec, self.ports)?;
        let domain: Option<Record<DomainNameDefinition>> = self.domain.map(JsonRow::record).transpose()?;
        Ok(GatewayInputs {
            instance: self.instance.named()?,
            hostnames: hostnames_of(&definition.spec, domain.as_ref().map(|domain| &domain.spec.domain))?,
            definition,
            domain,
            account: self.account.map(JsonRow::record).transpose()?,
            cluster_resource_namespace: None,
            workload: self.workload.inputs(control_plane.clone(), manifests)?,
            granted: self.granted,
            shared_gateway,
            beside: self.beside.into_iter().chain(self.below).map(ClaimRead::claim).collect::<Result<_>>()?,
            domain_names: self.domain_names,
            class_in_cluster: self.class_in_cluster,
            control_plane,
        })
    }
}
