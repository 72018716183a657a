//! What the reconcile of a domain name instance needs to know, and what others read of one.

use super::named::Named;
use crate::{
    nouns::{AwsAccount, DomainNameDefinition, DomainNameInstance, GatewayInstance, SharedGateway, WorkloadInstance},
    record::Record,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The inputs of the reconcile of a domain name instance.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainNameInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The domain name instance.
    pub instance: Named<DomainNameInstance>,
    /// The domain and its hosted zone.
    pub definition: Record<DomainNameDefinition>,
    /// The account that the zone is in.
    pub account: Option<Record<AwsAccount>>,
    /// The workload whose gateways get records. Its object name is the namespace.
    pub workload: Named<WorkloadInstance>,
    /// The workload's gateways with hostnames under the domain, by id.
    pub gateways: Vec<DomainGateway>,
    /// Hostnames that other domain name instances of the cluster ask for: they have the same owner in the zone, so one of all publishes each.
    pub wanted_elsewhere: BTreeMap<String, Elsewhere>,
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

/// The state of each hostname in the zone. Written when a domain name instance is reconciled, read when gateway instances are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Hostnames that were published, or are about to be.
    pub hosts: BTreeMap<String, HostRecord>,
}

/// A hostname's records as last seen in the zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostRecord {
    /// Whether the zone holds the wanted records.
    pub present: bool,
    /// If not, the reason as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the zone was first seen without records of this control plane after it had some: resolvers may keep answers for one TTL from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<DateTime<Utc>>,
    /// Another domain name instance publishes it: this one has written nothing, and reports whether the records are as it wants them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elsewhere: bool,
    /// Seconds for which answers given out may still be kept after `gone_since`.
    pub ttl: i64,
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
    /// The gateway instance.
    pub instance: Named<GatewayInstance>,
    /// Its hostnames under the domain.
    pub hostnames: Vec<String>,
    /// The shared gateway that carries its routes; None: a Gateway of its own does.
    pub shared_gateway: Option<Named<SharedGateway>>,
}
