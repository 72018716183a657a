//! Domain name instance: DNS records for the hostnames of its workload's gateways.

use crate::{
    driver::{self, Driver},
    hostnames::holder,
    k8s::{
        Ours,
        external_dns::{DNS_ENDPOINT, DnsEndpointSpec, DnsRecordSet},
        gateway_api::GATEWAY,
    },
    labels::Owner,
    names,
    observed::Seen,
    plan::Plan,
    shared_gateway,
    targets::{Targets, TargetsOf},
};
use causeway_records::{
    Kind,
    inputs::{DomainGateway, DomainNameInputs},
    inventory::ObjectRef,
    nouns::DomainNameInstance,
    record::Record,
};
use std::{collections::BTreeMap, net::IpAddr};

/// All records of one type that a hostname should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// `A`, `AAAA` or `CNAME`. A zone may hold an alias of type `A` instead of a `CNAME` (Route53 must, at the apex).
    pub record_type: &'static str,
    /// Addresses or one name, sorted.
    pub values: Vec<String>,
    /// Seconds for which resolvers may keep the answer.
    pub ttl: i64,
}

/// The value of the owner label on the objects of a domain name instance.
pub fn owner(instance: &Record<DomainNameInstance>) -> Owner {
    Owner { kind: Kind::DomainNameInstance, id: instance.common.id }
}

/// The Gateway that carries a gateway instance: the shared one, or its own.
pub fn gateway_ref(inputs: &DomainNameInputs, gateway: &DomainGateway) -> ObjectRef {
    match &gateway.shared_gateway {
        Some(shared) => shared_gateway::gateway_ref(&shared.object_name),
        None => GATEWAY.at(&inputs.workload.object_name, &gateway.instance.object_name),
    }
}

/// The driver of a gateway, by its class. The class of a dedicated Gateway is not among the inputs; it is taken for the default one.
fn driver(gateway: &DomainGateway) -> Driver {
    let shared = gateway.shared_gateway.as_ref();
    shared.map_or(Driver::for_class(None), |shared| shared_gateway::driver(&shared.record.spec))
}

/// The targets of every gateway, from the addresses of its Gateway.
pub fn targets(inputs: &DomainNameInputs, seen: &Seen) -> TargetsOf {
    let read = |gateway: &DomainGateway| {
        let observed = seen.get(&gateway_ref(inputs, gateway));
        let targets = observed.map(|observed| driver::addresses(driver(gateway), &observed.status));
        (gateway.instance.record.common.id, targets.unwrap_or_default())
    };
    inputs.gateways.iter().map(read).collect()
}

/// A DNSEndpoint for each gateway, with the records of its hostnames. Hostnames that another domain name instance holds are left out.
pub fn render(inputs: &DomainNameInputs, targets: &TargetsOf) -> Plan {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let mut by_gateway: BTreeMap<i64, Vec<DnsRecordSet>> = BTreeMap::new();
    let published = publishers(inputs, targets).into_iter().filter(|(hostname, _)| holder(inputs, hostname).is_none());
    for (hostname, (gateway, records)) in published {
        let endpoint = |set: RecordSet| DnsRecordSet {
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

/// The records that should be in the hosted zone, whoever publishes them, by hostname. Hostnames of gateways without an address are left out.
pub fn wanted(inputs: &DomainNameInputs, targets: &TargetsOf) -> BTreeMap<String, Vec<RecordSet>> {
    publishers(inputs, targets).into_iter().map(|(hostname, (_, records))| (hostname.to_owned(), records)).collect()
}

/// The gateways whose hostnames stay published: none once the domain name instance itself is being deleted.
pub(crate) fn staying(inputs: &DomainNameInputs) -> impl Iterator<Item = &DomainGateway> {
    let deleting = is_being_deleted(&inputs.instance.record.status);
    inputs.gateways.iter().filter(move |gateway| !deleting && !is_being_deleted(&gateway.instance.record.status))
}

/// Whether a DELETE was asked for.
pub(crate) fn is_being_deleted(status: &causeway_records::status::Status) -> bool {
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

/// A and AAAA records if there are addresses, else one CNAME: it excludes other records of its hostname and has one value.
fn record_sets(targets: &Targets, ttl: i64) -> Vec<RecordSet> {
    let set = |record_type, wanted: fn(&IpAddr) -> bool| {
        let values: Vec<String> = targets.ips.iter().filter(|ip| wanted(ip)).map(ToString::to_string).collect();
        (!values.is_empty()).then_some(RecordSet { record_type, values, ttl })
    };
    let addresses: Vec<_> = [set("A", IpAddr::is_ipv4), set("AAAA", IpAddr::is_ipv6)].into_iter().flatten().collect();
    if !addresses.is_empty() {
        return addresses;
    }
    let name = targets.hostnames.first();
    name.map(|name| RecordSet { record_type: "CNAME", values: vec![name.clone()], ttl }).into_iter().collect()
}
