//! What one record becomes, in the clusters and in DNS.

use crate::{
    domain_name::{self, RecordSet, wanted},
    hostnames, manifests,
    plan::Object,
    targets::TargetsOf,
};
use causeway_records::{
    inputs::{AnyInputs, DomainNameInputs, PublishedZone},
    inventory::ObjectRef,
    nouns::ZoneType,
};
use std::collections::{BTreeMap, BTreeSet};

/// What one record becomes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// Its objects.
    pub objects: Vec<Object>,
    /// The records of each hostname that it publishes.
    pub hosts: BTreeMap<String, HostRecords>,
    /// What the cluster takes and will not work as it is written.
    pub warnings: Vec<String>,
    /// Its objects stay when it goes.
    pub stays: bool,
    /// Why it can't be rendered; the rest is empty then.
    pub invalid: Option<String>,
}

/// The DNS records of a hostname.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostRecords {
    /// Its hosted zone; None: it is looked for when the records are published.
    pub zone: Option<String>,
    /// By type; none while its Gateway has no address.
    pub sets: Vec<RecordSet>,
    /// How many hostnames of the domain may leave the zone at once, and how many of a hundred.
    pub may_leave: (usize, usize),
}

/// What a record becomes: what its worker would apply and publish.
#[must_use]
pub fn rendered(mut inputs: AnyInputs) -> Rendered {
    let (mut hosts, mut warnings) = (BTreeMap::new(), vec![]);
    if let AnyInputs::DomainName(inputs, states) = &mut inputs {
        let targets = domain_name::published_targets(inputs, states);
        place(inputs, &targets);
        (hosts, warnings) = hosts_of(inputs, &targets);
    }
    match manifests::render(&inputs) {
        Ok(plan) => {
            let taken = plan.objects.iter().filter(|object| object.take_over).map(|object| taken_over(&object.at));
            let warnings = warnings.into_iter().chain(taken).chain(plan.warnings).collect();
            Rendered { objects: plan.objects, hosts, warnings, stays: inputs.is_kept(), invalid: None }
        }
        Err(invalid) => Rendered { invalid: Some(invalid.to_string()), ..Rendered::default() },
    }
}

fn taken_over(at: &ObjectRef) -> String {
    format!("{at} is taken over as it stands, if it is there already and nobody has marked it as theirs")
}

/// Notes new hostnames in the zone of their domain, if that is known and still the one: where a worker would find a closer one, it is in the DNS of the
/// world that it is found.
fn place(inputs: &mut DomainNameInputs, targets: &TargetsOf) {
    let Some(zone) = inputs.published.domain_zone.clone().filter(|zone| is_of_domain(inputs, zone)) else { return };
    let records = wanted(inputs, targets);
    let new = records.keys().filter(|hostname| domain_name::zone_of(inputs, hostname).is_none());
    let zones = new.map(|hostname| (hostname.clone(), zone.clone())).collect();
    inputs.published = hostnames::intended(inputs, &records, &zones, None);
}

fn is_of_domain(inputs: &DomainNameInputs, zone: &PublishedZone) -> bool {
    let spec = &inputs.definition.spec;
    let domain = spec.domain.as_str();
    let is_above = domain == zone.name || domain.ends_with(&format!(".{}", zone.name));
    let is_named = spec.hosted_zone_id.as_ref().is_none_or(|id| *id == zone.id);
    is_above && is_named && zone.account == spec.aws_account_id && zone.private == (spec.zone == ZoneType::Private)
}

/// The records of each hostname, whoever writes them, and why some can't be there.
fn hosts_of(inputs: &DomainNameInputs, targets: &TargetsOf) -> (BTreeMap<String, HostRecords>, Vec<String>) {
    let (mut records, mut hosts, mut warnings) = (wanted(inputs, targets), BTreeMap::new(), vec![]);
    let asked = domain_name::staying(inputs).flat_map(|gateway| &gateway.hostnames);
    let domain = &inputs.definition.spec;
    let may_leave = (domain.max_deletions(), domain.max_deletions_percent());
    let own: BTreeSet<_> = asked.filter(|hostname| hostnames::holder(inputs, hostname).is_none()).collect();
    for hostname in own {
        let (zone, sets) = (domain_name::zone_of(inputs, hostname), records.remove(hostname).unwrap_or_default());
        match zone.and_then(|zone| domain_name::not_at_apex(zone, hostname, &sets)) {
            Some(why) => warnings.push(why),
            None => {
                let zone = zone.map(|zone| zone.name.clone());
                hosts.insert(hostname.clone(), HostRecords { zone, sets, may_leave });
            }
        }
    }
    (hosts, warnings)
}
