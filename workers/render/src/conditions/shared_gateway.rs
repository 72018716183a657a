//! Conditions of a shared gateway, and what each of its listeners' users must hear of.

use super::{Obstacle, listeners};
use crate::{
    domain_name::gateway_addresses,
    k8s::cert_manager::{CERTIFICATE, CLUSTER_ISSUER},
    listeners::ListenerAt,
    names,
    observed::Seen,
    plan::hash,
    shared_gateway::{gateway_ref, holder},
};
use causeway_records::{
    inputs::{ListenerKey, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    status::Finding,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady; nothing while nobody uses it.
pub fn shared_gateway(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<Finding> {
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let gateway = gateway_ref(&inputs.gateway.object_name);
    let mut findings = listeners::gateway(&gateway, seen, listeners::OWN_GATEWAY);
    findings.push(listeners::listeners(&gateway, &all_listeners(inputs), seen, listeners::OWN_GATEWAY));
    findings.extend(certificates_ready(inputs, seen));
    findings
}

/// `HTTPS/443/shop.example.org`: a listener's key in [`listener_states`].
pub fn listener_key(key: &ListenerKey) -> String {
    format!("{}/{}/{}", key.protocol, key.port, key.hostname.as_deref().unwrap_or("*"))
}

/// For each listener a short text that changes whenever its users must look again: the Gateway's own state and addresses, the listener's, and
/// its certificate's.
pub fn listener_states(inputs: &SharedGatewayInputs, seen: &Seen) -> BTreeMap<String, String> {
    let gateway = gateway_ref(&inputs.gateway.object_name);
    let addresses = seen.get(&gateway).map(|observed| gateway_addresses(&observed.status)).unwrap_or_default();
    let findings = listeners::gateway(&gateway, seen, listeners::OWN_GATEWAY);
    let common: Vec<_> =
        findings.iter().map(|finding| json!([finding.status.as_str(), finding.reason, finding.message])).collect();
    let common = hash(&json!([common, addresses.ips, addresses.hostnames]));
    let healthy = hash(&json!([common, null, null]));
    let text = |obstacle: Option<Obstacle>| obstacle.map(|obstacle| json!([obstacle.reason, obstacle.message]));
    let state = |listener: &ListenerAt| {
        let own = text(listeners::listener_obstacle(listener, seen));
        let hostname = listener.key.hostname.as_deref().filter(|_| listener.key.protocol == Protocol::Https);
        let certificate = hostname
            .map(|hostname| text(listeners::certificate_obstacle(hostname, &certificate(inputs, hostname), seen)));
        // A thousand listeners of which nothing is to be told are hashed once.
        let state = match (own, certificate.flatten()) {
            (None, None) => healthy.clone(),
            (own, certificate) => hash(&json!([common, own, certificate])),
        };
        (listener_key(&listener.key), state)
    };
    all_listeners(inputs).iter().map(state).collect()
}

fn all_listeners(inputs: &SharedGatewayInputs) -> Vec<ListenerAt> {
    let at = |listener: &causeway_records::inputs::Listener| ListenerAt {
        key: listener.key.clone(),
        holder: holder(&inputs.gateway.object_name, listener.slot),
    };
    let mut all: Vec<_> = inputs.listeners.iter().map(at).collect();
    all.sort_by(|a, b| a.key.cmp(&b.key));
    all
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
