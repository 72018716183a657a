//! Conditions of a domain name instance.

use super::{ADDRESS_ASSIGNED, DNS_PUBLISHED, NotReady, count, summarize};
use crate::{
    domain_name::{gateway_ref, staying, wanted},
    targets::TargetsOf,
};
use causeway_records::{inputs::DomainNameInputs, status::NewCondition};

/// AddressAssigned and DnsPublished. The caller has read the hosted zone into `inputs.published` before. Both are absent while no gateway has a
/// hostname under the domain.
pub fn domain_name_instance(inputs: &DomainNameInputs, targets: &TargetsOf) -> Vec<NewCondition> {
    let gateways: Vec<_> = staying(inputs).filter(|gateway| !gateway.hostnames.is_empty()).collect();
    if gateways.is_empty() {
        return Vec::new();
    }
    let without_address = gateways.iter().filter_map(|gateway| {
        let record = &gateway.instance.record;
        if targets.get(&record.common.id).is_some_and(|targets| !targets.is_empty()) {
            return None;
        }
        let message = format!(
            "{} has no address to point {} at yet; see the conditions of gateway instance {}",
            gateway_ref(inputs, gateway),
            gateway.hostnames.join(", "),
            record.spec.name
        );
        Some(NotReady::failed("AddressNotAssigned", message))
    });
    let wanted = wanted(inputs, targets);
    let mut hostnames: Vec<&str> = gateways.iter().flat_map(|gateway| &gateway.hostnames).map(String::as_str).collect();
    hostnames.sort_unstable();
    hostnames.dedup();
    let unpublished = hostnames.iter().filter_map(|hostname| {
        if !wanted.contains_key(*hostname) {
            return Some(NotReady::pending(format!("{hostname} waits for an address, see {ADDRESS_ASSIGNED}")));
        }
        unpublished(inputs, hostname)
    });
    vec![
        summarize(
            ADDRESS_ASSIGNED,
            without_address.collect(),
            format!("{} with an address", count(gateways.len(), "gateway")),
        ),
        summarize(DNS_PUBLISHED, unpublished.collect(), hostnames.join(", ")),
    ]
}

/// DnsPublished while the cluster can't be reached: what was published before, as the zone shows it. Absent where nothing was.
pub fn published_before(inputs: &DomainNameInputs) -> Vec<NewCondition> {
    let hostnames: Vec<&str> = inputs.published.held().map(|(hostname, _)| hostname).collect();
    let unpublished: Vec<_> = hostnames.iter().filter_map(|hostname| unpublished(inputs, hostname)).collect();
    let condition = || summarize(DNS_PUBLISHED, unpublished, hostnames.join(", "));
    (!hostnames.is_empty()).then(condition).into_iter().collect()
}

fn unpublished(inputs: &DomainNameInputs, hostname: &str) -> Option<NotReady> {
    let zone = inputs.definition.spec.domain.as_str();
    match inputs.published.hosts.get(hostname) {
        Some(record) if record.present => None,
        Some(record) if !record.message.is_empty() => {
            Some(NotReady::failed("NotPublished", format!("{hostname} is not published: {}", record.message)))
        }
        _ => Some(NotReady::pending(format!("the records of {hostname} were not seen in the zone of {zone} yet"))),
    }
}
