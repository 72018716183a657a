//! What the reconcile of a domain name instance needs to know, and what others read of one.

use super::named::Named;
use crate::published::Published;
use crate::{
    nouns::{AwsAccount, DomainNameDefinition, DomainNameInstance, GatewayInstance, SharedGateway, WorkloadInstance},
    record::Record,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The inputs of the reconcile of a domain name instance.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainNameInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The record that is reconciled.
    pub instance: Named<DomainNameInstance>,
    /// The cluster is to be taken out of DNS.
    pub drained: bool,
    /// The domain and its hosted zone.
    pub definition: Record<DomainNameDefinition>,
    /// The accounts of the zones: the one that the domain names, and those that it named when records were written.
    pub accounts: Vec<Record<AwsAccount>>,
    /// What publishes the records, where external-dns does.
    pub external_dns: Option<ExternalDnsState>,
    /// The workload whose gateways get records. Its object name is the namespace.
    pub workload: Named<WorkloadInstance>,
    /// The workload's gateways with hostnames under the domain, by id.
    pub gateways: Vec<DomainGateway>,
    /// Hostnames that other domain name instances of the cluster ask for: they have the same owner in the zone, so one of all publishes each.
    pub wanted_elsewhere: BTreeMap<String, Elsewhere>,
    /// Hostnames that other domain name instances of the cluster publish, each with the ids of the zones: those records are not ours to delete.
    pub held_elsewhere: BTreeMap<String, BTreeSet<String>>,
    /// What its last reconcile found in the zone.
    pub published: Published,
}

/// What a domain name instance has published, as its last reconcile found it in the zone.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DomainNameState {
    /// Id of the domain name instance.
    pub id: i64,
    /// Name of the record, for messages.
    pub name: String,
    /// Whether its current generation has been applied.
    pub reconciled: bool,
    /// The records that it found in the zone.
    pub published: Published,
}

impl DomainNameInputs {
    /// The account that the domain names.
    pub fn account(&self) -> Option<&Record<AwsAccount>> {
        self.account_of(self.definition.spec.aws_account_id?)
    }

    /// One of the accounts of the zones.
    pub fn account_of(&self, id: i64) -> Option<&Record<AwsAccount>> {
        self.accounts.iter().find(|account| account.id() == id)
    }
}

/// The external-dns of a cluster and AWS account, as its last reconcile left it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExternalDnsState {
    /// Id of the support service instance.
    pub id: i64,
    /// The name of its Deployment and of its namespace.
    pub object_name: String,
    /// Ids of the hosted zones that it was told of.
    pub zones: Vec<String>,
}

/// How far other domain name instances are with a hostname.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// They ask for it and have not stored it as published.
    Asked {
        /// Ids of all domain name instances that do.
        by: Vec<i64>,
    },
    /// An instance has stored it as published: it publishes the records, and deletes them one day. Of several the one with the lowest id.
    Noted {
        /// Id of the domain name instance.
        id: i64,
        /// Name of the record, for messages.
        name: String,
    },
}

/// A gateway whose hostnames get records.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainGateway {
    /// A gateway instance of the workload.
    pub instance: Named<GatewayInstance>,
    /// Its hostnames under the domain.
    pub hostnames: Vec<String>,
    /// The shared gateway that carries its routes; None: a Gateway of its own does.
    pub shared_gateway: Option<Named<SharedGateway>>,
}
