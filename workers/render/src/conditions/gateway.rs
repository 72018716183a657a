//! Conditions of a gateway instance.

use super::{
    DNS_PUBLISHED, NotReady, ROUTES_ACCEPTED,
    gateway_status::{GatewayStatus, certificates_ready},
    listener_status::FaultyListener,
    routes, summarize,
    supported::supported,
};
use crate::{
    gateway::{
        capabilities, certificates, driver, gateway_ref, listeners, not_allowed, not_granted, signing_domain,
        unsupported,
    },
    k8s::cert_manager::CLUSTER_ISSUER,
    names,
    observed::Seen,
    plan::Plan,
};
use causeway_records::{
    inputs::{DomainNameState, GatewayInputs},
    inventory::ObjectRef,
    status::NewCondition,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Supported, GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady, RoutesAccepted, RefsResolved, DnsPublished. `plan`
/// is what [`crate::gateway::render`] made of the same inputs; an empty one (the inputs are invalid) has no conditions of routes, unless they may not be attached.
pub fn gateway_instance(inputs: &GatewayInputs, plan: &Plan, seen: &Seen) -> Vec<NewCondition> {
    let mut gateway = GatewayStatus::find_own(driver(inputs), gateway_ref(inputs), seen);
    if let Some(shared) = &inputs.shared_gateway {
        let name = &shared.gateway.record.spec.name;
        gateway.if_missing = format!("shared gateway {name} makes it, see its conditions");
    }
    let supported = supported(&capabilities(inputs), unsupported(inputs));
    let mut conditions: Vec<_> = supported.into_iter().chain(gateway.conditions()).collect();
    if let Ok(used) = listeners(inputs) {
        let faulty = used.iter().filter_map(|at| FaultyListener::find(at, seen.get(&at.holder)));
        conditions.push(gateway.listeners_ready(used.len(), &faulty.collect::<Vec<_>>()));
        conditions.extend(certificates_ready(&certificates(inputs), issuer(inputs).into_iter(), seen));
    }
    if let Some(sentence) = not_allowed(inputs) {
        conditions.push(NewCondition::not_met(ROUTES_ACCEPTED, "NotAllowedByListeners", sentence));
    }
    conditions.extend(routes::conditions(plan, &gateway, not_granted(inputs), seen));
    conditions.extend(dns_published(inputs));
    conditions
}

/// Where clients reach the Gateway that carries its routes, as the Gateway's controller says: IP addresses, and names.
pub fn gateway_addresses(inputs: &GatewayInputs, seen: &Seen) -> Vec<String> {
    GatewayStatus::find_own(driver(inputs), gateway_ref(inputs), seen).addresses().texts()
}

/// What others read of a Gateway of its own: its addresses, and its conditions, which tell domain name instances that something of it has changed.
pub fn gateway_instance_state(inputs: &GatewayInputs, seen: &Seen) -> Value {
    let gateway = GatewayStatus::find_own(driver(inputs), gateway_ref(inputs), seen);
    let Some(observed) = gateway.observed else { return Value::Null };
    let conditions = observed.status["conditions"].as_array().into_iter().flatten();
    let conditions: BTreeMap<_, _> = conditions
        .map(|c| (c["type"].as_str().unwrap_or_default(), json!([c["status"], c["reason"], c["observedGeneration"]])))
        .collect();
    json!({"addresses": gateway.published_addresses(), "conditions": conditions})
}

/// Object name of the record that renders the Gateway.
fn gateway_owner(inputs: &GatewayInputs) -> &str {
    match &inputs.shared_gateway {
        Some(shared) => &shared.gateway.object_name,
        None => &inputs.instance.object_name,
    }
}

/// The issuer of the domain. On a shared gateway an older definition of the same domain may sign instead; then this issuer does not exist.
fn issuer(inputs: &GatewayInputs) -> Option<ObjectRef> {
    let domain = signing_domain(inputs)?;
    Some(CLUSTER_ISSUER.cluster(&names::cluster_issuer(gateway_owner(inputs), domain)))
}

/// DnsPublished; absent when no domain name instance publishes the hostnames.
fn dns_published(inputs: &GatewayInputs) -> Option<NewCondition> {
    let publishers = |hostname: &str| -> Vec<&DomainNameState> {
        inputs.domain_names.iter().filter(|domain| publishes(domain, hostname)).collect()
    };
    let published: BTreeMap<&str, _> =
        inputs.hostnames.iter().map(|hostname| (hostname.as_str(), publishers(hostname))).collect();
    if published.values().all(Vec::is_empty) {
        return None;
    }
    let not_ready = published.iter().filter_map(|(hostname, domains)| unpublished(hostname, domains)).collect();
    Some(summarize(DNS_PUBLISHED, not_ready, inputs.hostnames.join(", ")))
}

/// Whether a domain name instance is expected to publish a hostname. Not if it is of another domain, and not if it is being deleted and has
/// withdrawn the records from the zone on purpose.
fn publishes(domain: &DomainNameState, hostname: &str) -> bool {
    match domain.published.hosts.get(hostname) {
        Some(record) => record.present || record.gone_since.is_none(),
        None => !domain.reconciled,
    }
}

fn unpublished(hostname: &str, domains: &[&DomainNameState]) -> Option<NotReady> {
    let records = || domains.iter().filter_map(|domain| Some((domain, domain.published.hosts.get(hostname)?)));
    if domains.is_empty() || records().any(|(_, record)| record.present) {
        return None;
    }
    match records().next() {
        Some((domain, record)) if !record.message.is_empty() => {
            let message =
                format!("{hostname} is not published by domain name instance {}: {}", domain.name, record.message);
            Some(NotReady::failed("NotPublished", message))
        }
        _ => {
            let names: Vec<&str> = domains.iter().map(|domain| domain.name.as_str()).collect();
            let message = format!(
                "domain name instance {} has not published {hostname} yet; see its conditions",
                names.join(" or ")
            );
            Some(NotReady::pending(message))
        }
    }
}
