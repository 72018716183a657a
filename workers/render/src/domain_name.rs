//! Domain name instance: DNS records for the hostnames of its workload's gateways.

use crate::{
    driver::{self, Driver},
    hostnames::holder,
    k8s::{
        Ours,
        external_dns::{DNS_ENDPOINT, DnsEndpointSpec, DnsRecordSet, ProviderSpecific},
        gateway_api::GATEWAY,
    },
    labels::{AWS_ACCOUNT, HOSTED_ZONE, Owner, account_label},
    names,
    observed::Seen,
    plan::Plan,
    shared_gateway,
    support_service::dns_owner,
    targets::{Targets, TargetsOf},
};
use causeway_records::{
    Kind,
    inputs::{DomainGateway, DomainNameInputs, GatewayStates, PublishedZone},
    inventory::ObjectRef,
    nouns::{DnsDriver, DomainNameInstance},
    record::Record,
};
use causeway_rules::routing::{self, Weighted};
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
    /// Which of several clusters it is of; None: there is one.
    pub weighted: Option<Weighted>,
}

/// The name of the weight in a DNSEndpoint.
const AWS_WEIGHT: &str = "aws/weight";

/// The value of the owner label on the objects of a domain name instance.
pub fn owner(instance: &Record<DomainNameInstance>) -> Owner {
    Owner { kind: Kind::DomainNameInstance, id: instance.common.id }
}

/// The Gateway that carries a gateway instance: the shared one, or its own.
pub fn gateway_ref(inputs: &DomainNameInputs, gateway: &DomainGateway) -> ObjectRef {
    match &gateway.shared_gateway {
        Some(shared) => shared_gateway::gateway_ref(shared),
        None => GATEWAY.at(&inputs.workload.object_name, &gateway.instance.object_name),
    }
}

/// The driver of a gateway, by the name of its class. That of a dedicated Gateway is not among the inputs; it is taken for the default one. Every controller
/// says addresses in the same way.
fn driver(gateway: &DomainGateway) -> Driver {
    let class = gateway.shared_gateway.as_ref().and_then(|shared| shared.record.spec.gateway_class_name.as_ref());
    Driver::for_class(class.map(|class| class.as_str()))
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

/// The same, from what the Gateways have published.
pub fn published_targets(inputs: &DomainNameInputs, states: &GatewayStates) -> TargetsOf {
    let read = |gateway: &DomainGateway| {
        let id = gateway.instance.record.common.id;
        let targets = states.get(&id).map(|state| driver::addresses(driver(gateway), state));
        (id, targets.unwrap_or_default())
    };
    inputs.gateways.iter().map(read).collect()
}

/// For external-dns a DNSEndpoint for each gateway and zone, with the records of its hostnames. Left out are hostnames that another domain name instance holds,
/// those that are not noted down with their zone, and those that can't be in it.
pub fn render(inputs: &DomainNameInputs, targets: &TargetsOf) -> Plan {
    if inputs.definition.spec.dns_driver() == DnsDriver::Route53 {
        return Plan::default();
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let mut by_gateway: BTreeMap<(i64, &PublishedZone), Vec<DnsRecordSet>> = BTreeMap::new();
    let published = publishers(inputs, targets).into_iter().filter(|(hostname, _)| holder(inputs, hostname).is_none());
    for (hostname, (gateway, records)) in published {
        let Some(zone) = zone_of(inputs, hostname).filter(|zone| not_at_apex(zone, hostname, &records).is_none())
        else {
            continue;
        };
        let endpoint = |set: RecordSet| DnsRecordSet {
            dns_name: hostname.to_owned(),
            record_type: set.record_type.to_owned(),
            targets: set.values,
            record_ttl: set.ttl,
            provider_specific: set.weighted.iter().map(weight).collect(),
            set_identifier: set.weighted.map(|weighted| weighted.set_identifier),
        };
        by_gateway.entry((gateway, zone)).or_default().extend(records.into_iter().map(endpoint));
    }
    let object = |((gateway, zone), endpoints): ((i64, &PublishedZone), _)| {
        let name = names::dns_endpoint(&inputs.instance.object_name, gateway, &zone.id);
        let at = DNS_ENDPOINT.at(&inputs.workload.object_name, &name);
        let mut object = DNS_ENDPOINT.object(&ours, at, &DnsEndpointSpec { endpoints });
        let labels = &mut object.body["metadata"]["labels"];
        (labels[HOSTED_ZONE], labels[AWS_ACCOUNT]) = (zone.id.as_str().into(), account_label(zone.account).into());
        object
    };
    by_gateway.into_iter().map(object).collect::<Vec<_>>().into()
}

fn weight(weighted: &Weighted) -> ProviderSpecific {
    ProviderSpecific { name: AWS_WEIGHT, value: weighted.weight.to_string() }
}

/// How the records of a domain name instance are chosen among those of other clusters.
pub fn weighted(inputs: &DomainNameInputs) -> Option<Weighted> {
    let instance = &inputs.instance.record.spec;
    let owner = dns_owner(&inputs.control_plane, instance.kubernetes_runtime_instance_id);
    routing::weighted(&inputs.definition.spec, instance, inputs.drained, &owner)
}

/// What the ownership records of a hostname say that its records were made for: the DNSEndpoint that external-dns has, or would have.
pub fn resource(inputs: &DomainNameInputs, hostname: &str, zone: &PublishedZone) -> String {
    let has = |gateway: &&DomainGateway| gateway.hostnames.iter().any(|asked| asked == hostname);
    let gateway = staying(inputs).filter(has).map(|gateway| gateway.instance.record.common.id).min();
    let name = names::dns_endpoint(&inputs.instance.object_name, gateway.unwrap_or_default(), &zone.id);
    format!("crd/{}/{name}", inputs.workload.object_name)
}

/// The zone that a hostname is published in, as it was noted down.
pub fn zone_of<'a>(inputs: &'a DomainNameInputs, hostname: &str) -> Option<&'a PublishedZone> {
    inputs.published.hosts.get(hostname)?.zone.as_ref()
}

/// Why a hostname's records can't be in its zone: the zone's own name has records that exclude a CNAME (RFC 1034, 3.6.2).
pub fn not_at_apex(zone: &PublishedZone, hostname: &str, records: &[RecordSet]) -> Option<String> {
    let name = records.iter().filter(|set| set.record_type == "CNAME").find_map(|set| set.values.first())?;
    (hostname == zone.name && !is_alias_target(name)).then(|| {
        format!(
            "a CNAME can't be at {hostname}, the name of hosted zone {} itself, and its gateway is reached at {name}; give the gateway a SubDomain, or its load balancer an address",
            zone.id
        )
    })
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
    let (ttl, weighted) = (inputs.definition.spec.ttl_seconds(), weighted(inputs));
    let mut by_hostname: BTreeMap<&str, (i64, Vec<RecordSet>)> = BTreeMap::new();
    for gateway in staying(inputs) {
        let id = gateway.instance.record.common.id;
        let records = targets.get(&id).map(|targets| record_sets(targets, ttl, weighted.as_ref()));
        let records = records.unwrap_or_default();
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

/// Whether Route 53 can answer with the addresses of this name, so that external-dns makes an alias of it instead of a CNAME.
pub fn is_alias_target(name: &str) -> bool {
    const OF_AWS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".awsglobalaccelerator.com", ".cloudfront.net"];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    OF_AWS.iter().any(|suffix| name.ends_with(suffix))
}

/// A and AAAA records if there are addresses, else one CNAME: it excludes other records of its hostname and has one value.
fn record_sets(targets: &Targets, ttl: i64, weighted: Option<&Weighted>) -> Vec<RecordSet> {
    let set = |record_type, wanted: fn(&IpAddr) -> bool| {
        let values: Vec<String> = targets.ips.iter().filter(|ip| wanted(ip)).map(ToString::to_string).collect();
        (!values.is_empty()).then(|| RecordSet { record_type, values, ttl, weighted: weighted.cloned() })
    };
    let addresses: Vec<_> = [set("A", IpAddr::is_ipv4), set("AAAA", IpAddr::is_ipv6)].into_iter().flatten().collect();
    if !addresses.is_empty() {
        return addresses;
    }
    let name = targets.hostnames.first();
    let cname = |name: &String| {
        let values = vec![name.clone()];
        RecordSet { record_type: "CNAME", values, ttl, weighted: weighted.cloned() }
    };
    name.map(cname).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_name_of_its_zone_a_gateway_needs_an_address_or_a_load_balancer_of_aws() {
        let zone = PublishedZone { id: "Z1".into(), name: "example.org".into(), ..PublishedZone::default() };
        let to = |record_type, value: &str| {
            let values = vec![value.into()];
            vec![RecordSet { record_type, values, ttl: 60, weighted: None }]
        };
        let why = not_at_apex(&zone, "example.org", &to("CNAME", "lb.example.net")).unwrap();
        assert!(why.contains("hosted zone Z1") && why.contains("lb.example.net") && why.contains("SubDomain"), "{why}");
        for (hostname, records) in [
            ("www.example.org", to("CNAME", "lb.example.net")),
            ("example.org", to("A", "192.0.2.1")),
            ("example.org", to("CNAME", "lb-1.elb.eu-west-1.amazonaws.com")),
        ] {
            assert_eq!(not_at_apex(&zone, hostname, &records), None, "{hostname}");
        }
    }
}
