//! Conditions of a shared gateway, and what each of its listeners' users must hear of.

use super::{
    listeners,
    trouble::{Trouble, Troubled},
};
use crate::{
    domain_name::gateway_addresses,
    k8s::cert_manager::CLUSTER_ISSUER,
    names,
    observed::{Observed, Seen},
    plan::hash,
    shared_gateway::{certificate_ref, gateway_ref, holder},
};
use causeway_records::{
    inputs::{Listener, Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    status::Finding,
};
use serde_json::json;
use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

/// GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady; nothing while nobody uses it.
pub fn shared_gateway(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<Finding> {
    if inputs.listeners.is_empty() {
        return Vec::new();
    }
    let gateway = gateway_ref(&inputs.gateway.object_name);
    let mut findings = listeners::gateway(&gateway, seen, listeners::OWN_GATEWAY);
    let holders = Holders::of(inputs, seen);
    let troubled: Vec<_> = inputs.listeners.iter().filter_map(|listener| holders.troubled(listener)).collect();
    findings.push(listeners::listeners(&gateway, inputs.listeners.len(), &troubled, seen, listeners::OWN_GATEWAY));
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
    let holders = Holders::of(inputs, seen);
    // Of a thousand listeners most are in the same state, which is hashed once.
    let mut without_certificate = HashMap::new();
    let state = |listener: &'a Listener| {
        let trouble = holders.troubled(listener).map(|troubled| troubled.trouble);
        let state = match certificate_trouble(inputs, listener, seen) {
            None => Cow::Borrowed(
                &*without_certificate.entry(trouble).or_insert_with(|| hash(&json!([common, trouble, null]))),
            ),
            certificate => Cow::Owned(hash(&json!([common, trouble, certificate]))),
        };
        (listener.state.as_ref() != Some(&*state)).then(|| (listener, state.into_owned()))
    };
    inputs.listeners.iter().filter_map(state).collect()
}

/// The Gateway and its ListenerSets, by slot, as they were seen.
struct Holders<'a>(HashMap<Option<i32>, (ObjectRef, Option<&'a Observed>)>);

impl<'a> Holders<'a> {
    fn of(inputs: &SharedGatewayInputs, seen: &'a Seen) -> Self {
        let mut holders = HashMap::new();
        for listener in &inputs.listeners {
            holders.entry(listener.slot).or_insert_with(|| {
                let at = holder(&inputs.gateway.object_name, listener.slot);
                let observed = seen.get(&at);
                (at, observed)
            });
        }
        Self(holders)
    }

    /// What keeps a listener from working.
    fn troubled(&'a self, listener: &'a Listener) -> Option<Troubled<'a>> {
        let (holder, observed) = self.0.get(&listener.slot)?;
        let trouble = Trouble::of(&listener.key, *observed)?;
        Some(Troubled { key: &listener.key, holder, trouble })
    }
}

/// What its users hear of the certificate of an HTTPS listener that isn't valid.
fn certificate_trouble(inputs: &SharedGatewayInputs, listener: &Listener, seen: &Seen) -> Option<[String; 2]> {
    let hostname = listener.key.hostname.as_deref().filter(|_| listener.key.protocol == Protocol::Https)?;
    let obstacle =
        listeners::certificate_obstacle(hostname, &certificate_ref(&inputs.gateway.object_name, hostname), seen)?;
    Some([obstacle.reason, obstacle.message])
}

fn certificates_ready(inputs: &SharedGatewayInputs, seen: &Seen) -> Option<Finding> {
    let name = &inputs.gateway.object_name;
    let https = || inputs.listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https);
    let hostnames = https().filter_map(|listener| listener.key.hostname.as_deref());
    let certificates = hostnames.map(|hostname| (hostname, certificate_ref(name, hostname))).collect();
    let domains: BTreeSet<i64> = https().filter_map(|listener| listener.domain_name_definition_id).collect();
    let issuer = |id| CLUSTER_ISSUER.cluster(&names::cluster_issuer(name, id));
    listeners::certificates(&certificates, domains.into_iter().map(issuer), seen)
}
