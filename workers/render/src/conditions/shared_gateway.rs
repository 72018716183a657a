//! Conditions of a shared gateway, and the states of its listeners, whose changes wake the gateway instances that use them.

use super::{
    gateway_status::{self, GatewayStatus, certificate_not_ready},
    listener_status::{FaultyListener, ListenerFault},
};
use crate::{
    observed::{Observed, Seen},
    plan::hash,
    shared_gateway::{certificate_ref, driver, gateway_ref, holder, issuer_ref},
};
use causeway_records::{
    inputs::{Listener, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    status::NewCondition,
};
use serde_json::json;
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

/// GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady; nothing while nobody uses it.
pub fn shared_gateway(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<NewCondition> {
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let gateway = find_gateway(inputs, seen);
    let mut conditions = gateway.conditions();
    let holders = Holders::find(inputs, seen);
    let faulty: Vec<_> = inputs.listeners.iter().filter_map(|listener| holders.judge(listener)).collect();
    conditions.push(gateway.listeners_ready(inputs.listeners.len(), &faulty));
    conditions.extend(certificates_ready(inputs, seen));
    conditions
}

fn find_gateway<'a>(inputs: &SharedGatewayInputs, seen: &'a Seen) -> GatewayStatus<'a> {
    GatewayStatus::find_own(driver(&inputs.gateway.record.spec), gateway_ref(&inputs.gateway.object_name), seen)
}

/// Listeners whose state differs from the stored one, each with its new state: a short text that changes whenever a condition of its users may
/// change. It covers the Gateway's own conditions and addresses, the listener, and its certificate.
pub fn changed_listeners<'a>(inputs: &'a SharedGatewayInputs, seen: &Seen) -> Vec<(&'a Listener, String)> {
    let gateway = find_gateway(inputs, seen);
    let addresses = gateway.addresses();
    let conditions = gateway.conditions();
    let common =
        conditions.iter().map(|condition| json!([condition.status.as_str(), condition.reason, condition.message]));
    let common = hash(&json!([common.collect::<Vec<_>>(), addresses.ips, addresses.hostnames]));
    let holders = Holders::find(inputs, seen);
    // Of a thousand listeners most are in the same state, which is hashed once.
    let mut without_certificate = HashMap::new();
    let state = |listener: &'a Listener| {
        let fault = holders.judge(listener).map(|faulty| faulty.fault);
        let state = match certificate_state(inputs, listener, seen) {
            None => {
                Cow::Borrowed(&*without_certificate.entry(fault).or_insert_with(|| hash(&json!([common, fault, null]))))
            }
            certificate => Cow::Owned(hash(&json!([common, fault, certificate]))),
        };
        (listener.state.as_ref() != Some(&*state)).then(|| (listener, state.into_owned()))
    };
    inputs.listeners.iter().filter_map(state).collect()
}

/// The Gateway and its ListenerSets as seen, by the ordinal of the ListenerSet; None: the Gateway itself.
struct Holders<'a>(HashMap<Option<i32>, (ObjectRef, Option<&'a Observed>)>);

impl<'a> Holders<'a> {
    fn find(inputs: &SharedGatewayInputs, seen: &'a Seen) -> Self {
        let mut holders = HashMap::new();
        for listener in &inputs.listeners {
            holders.entry(listener.listener_set).or_insert_with(|| {
                let at = holder(&inputs.gateway.object_name, listener.listener_set);
                let observed = seen.get(&at);
                (at, observed)
            });
        }
        Self(holders)
    }

    /// None if the listener works.
    fn judge(&'a self, listener: &'a Listener) -> Option<FaultyListener<'a>> {
        let (holder, observed) = self.0.get(&listener.listener_set)?;
        let fault = ListenerFault::find(&listener.key, *observed)?;
        Some(FaultyListener { key: &listener.key, holder, fault })
    }
}

/// Reason and message of the certificate of an HTTPS listener; None if it is valid.
fn certificate_state(inputs: &SharedGatewayInputs, listener: &Listener, seen: &Seen) -> Option<[String; 2]> {
    let hostname = listener.key.hostname.as_deref().filter(|_| listener.key.protocol == Protocol::Https)?;
    let at = certificate_ref(&inputs.gateway.object_name, hostname);
    let not_ready = certificate_not_ready(hostname, &at, seen)?;
    Some([not_ready.reason, not_ready.message])
}

fn certificates_ready(inputs: &SharedGatewayInputs, seen: &Seen) -> Option<NewCondition> {
    let name = &inputs.gateway.object_name;
    let https = || inputs.listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https);
    let hostnames = https().filter_map(|listener| listener.key.hostname.as_deref());
    let certificates = hostnames.map(|hostname| (hostname, certificate_ref(name, hostname))).collect();
    let domains: BTreeSet<i64> = https().filter_map(|listener| listener.domain_name_definition_id).collect();
    gateway_status::certificates_ready(&certificates, domains.into_iter().map(|id| issuer_ref(name, id)), seen)
}
