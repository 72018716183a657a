//! What one reconcile needs to know, read whole before anything is decided: filled by the store, read by the renderer.

use crate::{
    nouns::{
        AwsAccount, DomainNameDefinition, DomainNameInstance, GatewayDefinition, GatewayInstance, SharedGateway,
        SupportServiceInstance, WorkloadDefinition, WorkloadInstance,
    },
    record::Record,
    status::Condition,
    text::choice,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A record with the name its objects bear in the cluster: `<slug of its name at creation>-<id>`. A rename changes nothing there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named<T> {
    /// The record as stored.
    pub record: Record<T>,
    /// At most 60 characters, valid as a DNS label, unique in a cluster.
    pub object_name: String,
}

choice! {
    /// The protocol of a listener, as Gateway API writes it.
    Protocol {
        /// Plain HTTP.
        Http = "HTTP",
        /// HTTP in TLS, which the gateway's proxy decrypts.
        Https = "HTTPS",
        /// A stream of bytes that the proxy does not look into.
        Tcp = "TCP",
        /// Datagrams that the proxy does not look into.
        Udp = "UDP",
    }
}

choice! {
    /// What carries a protocol. The ports of the two are independent: a proxy can bind the same number for both.
    Transport {
        /// Connections.
        Tcp = "TCP",
        /// Datagrams.
        Udp = "UDP",
    }
}

impl Protocol {
    /// What carries it.
    pub fn transport(self) -> Transport {
        match self {
            Self::Http | Self::Https | Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// Whether the proxy sees requests, which it can tell apart by hostname and path.
    pub fn has_requests(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// What tells one listener of a Gateway from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ListenerKey {
    /// The port that clients connect to; the proxy may bind another one.
    pub port: i32,
    /// It decides which kind of route may attach.
    pub protocol: Protocol,
    /// None: all hostnames (always so where the proxy sees no requests).
    pub hostname: Option<String>,
}

/// One listener of a shared gateway and who uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Unique in the shared gateway.
    pub key: ListenerKey,
    /// Ordinal of the ListenerSet that holds it, from 0, given once and kept. None: the Gateway itself holds it.
    pub listener_set: Option<i32>,
    /// The gateway instances that route through it, by id.
    pub users: Vec<ListenerUser>,
    /// The domain that its certificate is for (HTTPS only): the lowest id among the users' domains.
    pub domain_name_definition_id: Option<i64>,
}

/// A gateway instance that routes through a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerUser {
    /// Id of the gateway instance.
    pub gateway_instance_id: i64,
    /// The namespace of its routes.
    pub namespace: String,
}

/// The inputs of the reconcile of a workload instance.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The workload instance. Its object name is also the name of its namespace.
    pub instance: Named<WorkloadInstance>,
    /// The manifests to apply, as a YAML document.
    pub definition: Record<WorkloadDefinition>,
    /// Further manifests of the definition, as JSON.
    pub resources: Vec<Value>,
}

/// The inputs of the reconcile of a shared gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedGatewayInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The gateway.
    pub gateway: Named<SharedGateway>,
    /// The listeners on the Gateway itself, and all listeners of hostnames that have a certificate; by key.
    pub listeners: Vec<Listener>,
    /// Its ListenerSets, by ordinal.
    pub listener_sets: Vec<ListenerSetStatus>,
    /// The domains of the HTTPS listeners.
    pub domains: Vec<Record<DomainNameDefinition>>,
    /// Credentials for DNS-01, by the id of the account; only of accounts that the domains name.
    pub accounts: Vec<Record<AwsAccount>>,
}

impl SharedGatewayInputs {
    /// Whether a gateway instance claims a route. If not, the gateway has no object in the cluster.
    pub fn is_used(&self) -> bool {
        !self.listeners.is_empty() || self.listener_sets.iter().any(|set| set.listeners > 0)
    }
}

/// What a shared gateway reads of one of its ListenerSets.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSetStatus {
    /// Its number.
    pub ordinal: i32,
    /// How many listeners are placed in it.
    pub listeners: usize,
    /// Its condition `Applied`, if it was reconciled since it has listeners.
    pub applied: Option<Condition>,
    /// None until it was reconciled.
    pub state: Option<ListenerSetState>,
}

/// The inputs of the reconcile of a ListenerSet.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSetInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// Id of the ListenerSet.
    pub id: i64,
    /// Its number among those of the gateway.
    pub ordinal: i32,
    /// The shared gateway that it extends.
    pub gateway: Named<SharedGateway>,
    /// Its listeners, by key. All listeners of a hostname are in one set.
    pub listeners: Vec<Listener>,
    /// The domains of the HTTPS listeners.
    pub domains: Vec<Record<DomainNameDefinition>>,
}

/// What a ListenerSet publishes, for the shared gateway and for its own next reconcile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListenerSetState {
    /// By the listener's name: a text that changes whenever a condition of its users may change.
    pub users_see: BTreeMap<String, String>,
    /// How many of its listeners work.
    pub listeners: Readiness,
    /// How many of its certificates are valid.
    pub certificates: Readiness,
}

/// How many of some objects are ready, and what keeps the first that isn't.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// How many there are.
    pub number: usize,
    /// How many are not ready.
    pub not_ready: usize,
    /// The first that failed, or else the first that is pending.
    pub first: Option<Blocker>,
}

/// What keeps one object from being ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Blocker {
    /// It may become ready by itself.
    pub pending: bool,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

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
    /// The listeners that the instance routes through, each with the ordinal of its ListenerSet as in [`Listener`].
    pub listener_sets: BTreeMap<ListenerKey, Option<i32>>,
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

/// The inputs of the reconcile of a support service.
#[derive(Clone, Debug, PartialEq)]
pub struct SupportServiceInputs {
    /// Identity of this control plane, in every label.
    pub control_plane: String,
    /// The cluster, for owner ids in DNS.
    pub kubernetes_runtime_instance_id: i64,
    /// Which service, in which version.
    pub instance: Named<SupportServiceInstance>,
    /// external-dns only: the AWS account of the zones, with decrypted keys.
    pub account: Option<Record<AwsAccount>>,
    /// external-dns only: domains that it may write to, sorted.
    pub domains: Vec<String>,
    /// external-dns only: hosted zones that it may write to, sorted; empty: those that match the domains.
    pub zone_ids: Vec<String>,
}
