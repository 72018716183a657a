//! What the reconcile of a ListenerSet needs to know, and what others read of one.

use super::{gateway_facts::ClassInCluster, listener::Listener, named::Named};
use crate::{
    nouns::{DomainNameDefinition, SharedGateway},
    record::Record,
    status::Condition,
    text::Hostname,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    /// What the cluster says of the gateway's class.
    pub class_in_cluster: ClassInCluster,
}

/// What a shared gateway reads of one of its ListenerSets.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSetStatus {
    /// Its number among those of the gateway.
    pub ordinal: i32,
    /// How many listeners are placed in it.
    pub listeners: usize,
    /// Its condition `Applied`, if it was reconciled since it has listeners.
    pub applied: Option<Condition>,
    /// None until it was reconciled.
    pub state: Option<ListenerSetState>,
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
    /// Domains whose one certificate its listeners have: it stays until they have others.
    #[serde(default)]
    pub wildcards: BTreeSet<Hostname>,
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
