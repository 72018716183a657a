//! Conditions of a shared gateway, and what each of its listeners' users must hear of.

use super::{Obstacle, listeners};
use crate::{
    domain_name::gateway_addresses,
    k8s::cert_manager::{CERTIFICATE, CLUSTER_ISSUER},
    names,
    observed::Seen,
    plan::hash,
    shared_gateway::{gateway_ref, holder},
};
use causeway_records::{
    inputs::{Listener, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    status::Finding,
};
use serde_json::json;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady; nothing while nobody uses it.
pub fn shared_gateway(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<Finding> {
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let gateway = gateway_ref(&inputs.gateway.object_name);
    let mut findings = listeners::gateway(&gateway, seen, listeners::OWN_GATEWAY);
    findings.push(listeners::listeners(&gateway, obstacles(inputs, seen), seen, listeners::OWN_GATEWAY));
    findings.extend(certificates_ready(inputs, seen));
    findings
}

/// Listeners of which their users must hear, each with a short text that changes whenever they must look again: the Gateway's own state and
/// addresses, the listener's, and its certificate's.
pub fn changed_listeners<'a>(inputs: &'a SharedGatewayInputs, seen: &Seen) -> Vec<(&'a Listener, String)> {
    let gateway = gateway_ref(&inputs.gateway.object_name);
    let addresses = seen.get(&gateway).map(|observed| gateway_addresses(&observed.status)).unwrap_or_default();
    let findings = listeners::gateway(&gateway, seen, listeners::OWN_GATEWAY);
    let common: Vec<_> =
        findings.iter().map(|finding| json!([finding.status.as_str(), finding.reason, finding.message])).collect();
    let common = hash(&json!([common, addresses.ips, addresses.hostnames]));
    let healthy = hash(&json!([common, null, null]));
    let text = |obstacle: Option<Obstacle>| obstacle.map(|obstacle| json!([obstacle.reason, obstacle.message]));
    let state = |(listener, own): (&'a Listener, Option<Obstacle>)| {
        let own = text(own);
        let hostname = listener.key.hostname.as_deref().filter(|_| listener.key.protocol == Protocol::Https);
        let certificate = hostname
            .and_then(|hostname| text(listeners::certificate_obstacle(hostname, &certificate(inputs, hostname), seen)));
        // A thousand listeners of which nothing is to be told are hashed once.
        let state = match (own, certificate) {
            (None, None) => Cow::Borrowed(&healthy),
            (own, certificate) => Cow::Owned(hash(&json!([common, own, certificate]))),
        };
        (listener.state.as_ref() != Some(&*state)).then(|| (listener, state.into_owned()))
    };
    inputs.listeners.iter().zip(obstacles(inputs, seen)).filter_map(state).collect()
}

/// What is in the way of each listener.
fn obstacles(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<Option<Obstacle>> {
    let look = |slot| {
        let at = holder(&inputs.gateway.object_name, slot);
        let observed = seen.get(&at);
        (at, observed)
    };
    let mut holders = BTreeMap::new();
    let obstacle = |listener: &Listener| {
        let (at, observed) = holders.entry(listener.slot).or_insert_with_key(|slot| look(*slot));
        listeners::listener_obstacle(&listener.key, at, *observed)
    };
    inputs.listeners.iter().map(obstacle).collect()
}

fn certificate(inputs: &SharedGatewayInputs, hostname: &str) -> ObjectRef {
    let name = &inputs.gateway.object_name;
    CERTIFICATE.at(name, &names::certificate(name, hostname))
}

fn certificates_ready(inputs: &SharedGatewayInputs, seen: &Seen) -> Option<Finding> {
    let https = || inputs.listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https);
    let hostnames = https().filter_map(|listener| listener.key.hostname.as_deref());
    let certificates = hostnames.map(|hostname| (hostname, certificate(inputs, hostname))).collect();
    let domains: BTreeSet<i64> = https().filter_map(|listener| listener.domain_name_definition_id).collect();
    let issuer = |id| CLUSTER_ISSUER.cluster(&names::cluster_issuer(&inputs.gateway.object_name, id));
    listeners::certificates(&certificates, domains.into_iter().map(issuer), seen)
}
