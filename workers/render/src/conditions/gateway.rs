//! Conditions of a gateway instance.

use super::{
    DNS_PUBLISHED, Obstacle, PENDING, listeners, routes, step,
    trouble::{Trouble, Troubled},
};
use crate::{
    gateway::{gateway_ref, listeners as listeners_of},
    k8s::cert_manager::{CERTIFICATE, CLUSTER_ISSUER},
    listeners::ListenerAt,
    names,
    observed::Seen,
    plan::Plan,
};
use causeway_records::{
    inputs::{DomainNameState, GatewayInputs, Protocol},
    inventory::ObjectRef,
    status::Finding,
};
use std::collections::BTreeMap;

/// GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady, RoutesAccepted, RefsResolved, DnsPublished. `plan`
/// is what [`crate::gateway::render`] made of the same inputs; without it (the inputs are invalid) the steps of routes are absent.
pub fn gateway_instance(inputs: &GatewayInputs, plan: &Plan, seen: &Seen) -> Vec<Finding> {
    let gateway = gateway_ref(inputs);
    let next = match &inputs.shared_gateway {
        Some(shared) => format!("shared gateway {} makes it, see its conditions", shared.gateway.record.spec.name),
        None => listeners::OWN_GATEWAY.to_owned(),
    };
    let mut findings = listeners::gateway(&gateway, seen, &next);
    if let Ok(own) = listeners_of(inputs) {
        let troubled: Vec<_> = own.iter().filter_map(|at| troubled(at, seen)).collect();
        findings.push(listeners::listeners(&gateway, own.len(), &troubled, seen, &next));
        let https = own.iter().filter(|listener| listener.key.protocol == Protocol::Https);
        let hostnames = https.filter_map(|listener| listener.key.hostname.as_deref());
        let certificates = hostnames.map(|hostname| (hostname, certificate(inputs, hostname))).collect();
        findings.extend(listeners::certificates(&certificates, issuer(inputs).into_iter(), seen));
    }
    findings.extend(routes::routes(plan, &gateway, seen, &next));
    findings.extend(dns_published(inputs));
    findings
}

fn troubled<'a>(ListenerAt { key, holder }: &'a ListenerAt, seen: &'a Seen) -> Option<Troubled<'a>> {
    let trouble = Trouble::of(key, seen.get(holder))?;
    Some(Troubled { key, holder, trouble })
}

/// Namespace and object name of the record that owns the Gateway.
fn carrier(inputs: &GatewayInputs) -> (&str, &str) {
    match &inputs.shared_gateway {
        Some(shared) => (&shared.gateway.object_name, &shared.gateway.object_name),
        None => (&inputs.workload.instance.object_name, &inputs.instance.object_name),
    }
}

/// A hostname's certificate stands beside its listener.
fn certificate(inputs: &GatewayInputs, hostname: &str) -> ObjectRef {
    let (namespace, object_name) = carrier(inputs);
    CERTIFICATE.at(namespace, &names::certificate(object_name, hostname))
}

/// The issuer of the domain. On a shared gateway an older definition of the same domain may sign instead; then this one is not there.
fn issuer(inputs: &GatewayInputs) -> Option<ObjectRef> {
    let domain = inputs.domain.as_ref()?;
    Some(CLUSTER_ISSUER.cluster(&names::cluster_issuer(carrier(inputs).1, domain.common.id)))
}

/// Absent when no domain name instance publishes the hostnames.
fn dns_published(inputs: &GatewayInputs) -> Option<Finding> {
    let publishers = |hostname: &str| -> Vec<&DomainNameState> {
        inputs.domain_names.iter().filter(|domain| publishes(domain, hostname)).collect()
    };
    let published: BTreeMap<&str, _> =
        inputs.hostnames.iter().map(|hostname| (hostname.as_str(), publishers(hostname))).collect();
    if published.values().all(Vec::is_empty) {
        return None;
    }
    let obstacles = published.iter().filter_map(|(hostname, domains)| unpublished(hostname, domains)).collect();
    Some(step(DNS_PUBLISHED, obstacles, inputs.hostnames.join(", ")))
}

/// Whether a domain name instance has to do with a hostname. Not if it is of another domain, and not if it is on its way out and has taken
/// the records out of the zone on purpose.
fn publishes(domain: &DomainNameState, hostname: &str) -> bool {
    match domain.published.hosts.get(hostname) {
        Some(record) => record.present || record.gone_since.is_none(),
        None => !domain.reconciled,
    }
}

fn unpublished(hostname: &str, domains: &[&DomainNameState]) -> Option<Obstacle> {
    let records = || domains.iter().filter_map(|domain| Some((domain, domain.published.hosts.get(hostname)?)));
    if domains.is_empty() || records().any(|(_, record)| record.present) {
        return None;
    }
    match records().next() {
        Some((domain, record)) if !record.message.is_empty() => {
            let message =
                format!("{hostname} is not published by domain name instance {}: {}", domain.name, record.message);
            Some(Obstacle::fails("NotPublished", message))
        }
        _ => {
            let names: Vec<&str> = domains.iter().map(|domain| domain.name.as_str()).collect();
            let message = format!(
                "domain name instance {} has not published {hostname} yet; see its conditions",
                names.join(" or ")
            );
            Some(Obstacle::unknown(PENDING, message))
        }
    }
}
