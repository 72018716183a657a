//! Domain name instance: DNS records for the hostnames of its workload's gateways.

use crate::{
    hostnames::holder,
    k8s::{
        Ours,
        external_dns::{DNS_ENDPOINT, DnsEndpointSpec, Endpoint},
        gateway_api::GATEWAY,
    },
    labels::Owner,
    names,
    observed::Seen,
    plan::Plan,
    shared_gateway,
};
use causeway_records::{
    Kind,
    inputs::{DomainGateway, DomainNameInputs},
    inventory::ObjectRef,
    nouns::DomainNameInstance,
    record::Record,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// Where clients find a Gateway, each address once, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Its IP addresses.
    pub ips: Vec<IpAddr>,
    /// Its names, as a cloud's load balancer has them.
    pub hostnames: Vec<String>,
}

impl Targets {
    /// No address yet.
    pub fn is_empty(&self) -> bool {
        self.ips.is_empty() && self.hostnames.is_empty()
    }
}

/// The targets of gateway instances, by id. One without an address may be absent.
pub type TargetsOf = BTreeMap<i64, Targets>;

/// All records of one type that a hostname should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// `A`, `AAAA` or `CNAME`. A zone may hold an alias of type `A` instead of a `CNAME` (Route53 must, at the apex).
    pub record_type: &'static str,
    /// Sorted.
    pub values: Vec<String>,
    /// Seconds for which answers may be kept.
    pub ttl: i64,
}

/// Who owns the objects of a domain name instance.
pub fn owner(instance: &Record<DomainNameInstance>) -> Owner {
    Owner { kind: Kind::DomainNameInstance, id: instance.common.id }
}

/// The addresses in a Gateway's status.
pub fn gateway_addresses(status: &Value) -> Targets {
    let (mut ips, mut hostnames) = (BTreeSet::new(), BTreeSet::new());
    let addresses = status["addresses"].as_array().into_iter().flatten();
    for text in addresses.filter_map(|address| address["value"].as_str()).filter(|text| !text.is_empty()) {
        if let Ok(ip) = text.parse::<IpAddr>() {
            ips.insert(ip);
        } else {
            hostnames.insert(text.trim_end_matches('.').to_ascii_lowercase());
        }
    }
    Targets { ips: ips.into_iter().collect(), hostnames: hostnames.into_iter().collect() }
}

/// The Gateway that carries one of the gateways.
pub fn gateway_ref(inputs: &DomainNameInputs, gateway: &DomainGateway) -> ObjectRef {
    match &gateway.shared_gateway {
        Some(shared) => shared_gateway::gateway_ref(&shared.object_name),
        None => GATEWAY.at(&inputs.workload.object_name, &gateway.instance.object_name),
    }
}

/// The targets of every gateway, as the watch saw them.
pub fn targets(inputs: &DomainNameInputs, seen: &Seen) -> TargetsOf {
    let of = |gateway: &DomainGateway| {
        let status = seen.get(&gateway_ref(inputs, gateway)).map(|observed| &observed.status);
        (gateway.instance.record.common.id, status.map(gateway_addresses).unwrap_or_default())
    };
    inputs.gateways.iter().map(of).collect()
}

/// A DNSEndpoint for each gateway that has something to publish: hostnames that no other domain name instance holds.
pub fn render(inputs: &DomainNameInputs, targets: &TargetsOf) -> Plan {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let mut by_gateway: BTreeMap<i64, Vec<Endpoint>> = BTreeMap::new();
    let published = publishers(inputs, targets).into_iter().filter(|(hostname, _)| holder(inputs, hostname).is_none());
    for (hostname, (gateway, records)) in published {
        let endpoint = |set: RecordSet| Endpoint {
            dns_name: hostname.to_owned(),
            record_type: set.record_type.to_owned(),
            targets: set.values,
            record_ttl: set.ttl,
        };
        by_gateway.entry(gateway).or_default().extend(records.into_iter().map(endpoint));
    }
    let object = |(gateway, endpoints)| {
        let name = names::dns_endpoint(&inputs.instance.object_name, gateway);
        DNS_ENDPOINT.object(&ours, DNS_ENDPOINT.at(&inputs.workload.object_name, &name), &DnsEndpointSpec { endpoints })
    };
    by_gateway.into_iter().map(object).collect::<Vec<_>>().into()
}

/// The records that should stand in the zone, whoever publishes them, by hostname. Hostnames of gateways without an address are left out.
pub fn wanted(inputs: &DomainNameInputs, targets: &TargetsOf) -> BTreeMap<String, Vec<RecordSet>> {
    publishers(inputs, targets).into_iter().map(|(hostname, (_, records))| (hostname.to_owned(), records)).collect()
}

/// The gateways whose hostnames stay published: none once the domain name instance itself goes.
pub(crate) fn staying(inputs: &DomainNameInputs) -> impl Iterator<Item = &DomainGateway> {
    let gone = is_going(&inputs.instance.record.status);
    inputs.gateways.iter().filter(move |gateway| !gone && !is_going(&gateway.instance.record.status))
}

pub(crate) fn is_going(status: &causeway_records::status::Status) -> bool {
    status.deletion_scheduled.is_some()
}

/// For each hostname the gateway that publishes it and its records. Of several gateways with one hostname (HTTP here, TCP there) the one
/// with the lowest id does: two objects with one name would make external-dns choose between them.
fn publishers<'a>(inputs: &'a DomainNameInputs, targets: &TargetsOf) -> BTreeMap<&'a str, (i64, Vec<RecordSet>)> {
    let ttl = inputs.definition.spec.ttl_seconds();
    let mut by_hostname: BTreeMap<&str, (i64, Vec<RecordSet>)> = BTreeMap::new();
    for gateway in staying(inputs) {
        let id = gateway.instance.record.common.id;
        let records = targets.get(&id).map(|targets| record_sets(targets, ttl)).unwrap_or_default();
        if records.is_empty() {
            continue;
        }
        for hostname in &gateway.hostnames {
            let holder = by_hostname.entry(hostname).or_insert_with(|| (id, records.clone()));
            if id < holder.0 {
                *holder = (id, records.clone());
            }
        }
    }
    by_hostname
}

/// Addresses if there are any, else one name: a CNAME stands alone and has one value.
fn record_sets(targets: &Targets, ttl: i64) -> Vec<RecordSet> {
    let of = |record_type, wanted: fn(&IpAddr) -> bool| {
        let values: Vec<String> = targets.ips.iter().filter(|ip| wanted(ip)).map(ToString::to_string).collect();
        (!values.is_empty()).then_some(RecordSet { record_type, values, ttl })
    };
    let addresses: Vec<_> = [of("A", IpAddr::is_ipv4), of("AAAA", IpAddr::is_ipv6)].into_iter().flatten().collect();
    if !addresses.is_empty() {
        return addresses;
    }
    let name = targets.hostnames.first();
    name.map(|name| RecordSet { record_type: "CNAME", values: vec![name.clone()], ttl }).into_iter().collect()
}
