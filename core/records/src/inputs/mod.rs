//! What one reconcile needs to know, read whole before anything is decided: filled by the store, read by the renderer. One file for each noun.

mod any;
mod domain_name;
mod gateway;
mod gateway_facts;
mod listener;
mod listener_set;
mod named;
mod runtime_access;
mod shared_gateway;
mod support_service;
mod workload;

pub use crate::published::{DeletionState, FormerZone, HostRecord, Published, PublishedZone};

pub use self::{
    any::{AnyInputs, GatewayStates, KnownScopes},
    domain_name::{DomainGateway, DomainNameInputs, DomainNameState, Elsewhere, ExternalDnsState},
    gateway::{ClaimBeside, GatewayInputs, GrantedWorkload, SharedGatewayUse},
    gateway_facts::{ClassInCluster, GatewayApiFacts, GatewayClassFacts, GatewayFacts},
    listener::{Listener, ListenerKey, ListenerUser, Protocol, Transport},
    listener_set::{Blocker, ListenerSetInputs, ListenerSetState, ListenerSetStatus, Readiness},
    named::Named,
    runtime_access::{EksAccess, RuntimeAccess},
    shared_gateway::SharedGatewayInputs,
    support_service::SupportServiceInputs,
    workload::WorkloadInputs,
};
