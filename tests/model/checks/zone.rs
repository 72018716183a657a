//! For each hostname that a domain name instance publishes one record for each type of address, in the zone of its domain, with the record that says
//! whose it is; nothing else in either zone.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anyhow::{Context, Result, ensure};
use causeway_rig::JournalEntry;

use super::{rows::Rows, snapshot::Snapshot};
use crate::{
    claims::Carrier,
    lane::Lane,
    publishing::Driver,
    sequence::Noun,
    world::{Handle, Record, World},
    zones::Zone,
};

/// The hostnames that a domain name instance publishes, each with the gateway instances that have it.
pub(crate) fn published(world: &World, name: Handle) -> BTreeMap<String, BTreeSet<Handle>> {
    let mut all = BTreeMap::<String, BTreeSet<Handle>>::new();
    let Some(Record::Name { domain, workload, .. }) = world.records.get(&name) else { return all };
    for (handle, record) in &world.records {
        let Record::Gateway { definition, workload: of } = record else { continue };
        let Some(Record::GatewayDefinition { domain: under, hosts, .. }) = world.records.get(definition) else {
            continue;
        };
        if of != workload || *under != Some(*domain) {
            continue;
        }
        for host in world.hosts(*under, hosts).unwrap_or_default() {
            all.entry(host).or_default().insert(*handle);
        }
    }
    all
}

/// Which domain name instance publishes each hostname by external-dns: one of those that ask for it, as the DNSEndpoints say.
pub(super) fn holders(lane: &Lane, snapshot: &Snapshot) -> Result<BTreeMap<String, Handle>> {
    let names: BTreeMap<i64, Handle> =
        lane.world.of(Noun::Name).into_iter().map(|name| Ok((lane.id(name)?, name))).collect::<Result<_>>()?;
    let mut holders = BTreeMap::new();
    for object in snapshot.applied("DNSEndpoint", &lane.identity) {
        let name = object.owner().and_then(|(_, id)| names.get(&id));
        let name = *name.with_context(|| format!("{} is nobody's", object.title()))?;
        let driver = lane.world.publishing_of(name).driver;
        ensure!(driver == Driver::ExternalDns, "{} is there, and workers publish it", object.title());
        for endpoint in object.at("/spec/endpoints").as_array().into_iter().flatten() {
            let fqdn = endpoint["dnsName"].as_str().unwrap_or_default();
            let host = fqdn.strip_suffix(&format!(".{}", lane.domain)).unwrap_or(fqdn).to_owned();
            ensure!(published(&lane.world, name).contains_key(&host), "{name} publishes {host}, which is not its own");
            let other = holders.insert(host, name).filter(|other| *other != name);
            ensure!(other.is_none(), "{fqdn} is published by {name} and {other:?}");
        }
    }
    Ok(holders)
}

/// What a zone has to hold: values by name, type and weight.
type Records = BTreeMap<(String, &'static str, Option<i64>), Vec<String>>;

/// Returns the gateway instances to which a hostname of theirs doesn't lead: another domain name instance has it.
pub(super) fn check(lane: &Lane, main: &Snapshot, rows: &Rows) -> Result<BTreeSet<Handle>> {
    let holders = holders(lane, main)?;
    let leads = |host: &str, name: Handle| -> Result<Vec<String>> {
        let gateways = published(&lane.world, name).remove(host).unwrap_or_default();
        let gateway = gateways.into_iter().min().with_context(|| format!("nobody has {host}"))?;
        addresses(lane, main, rows, gateway)
    };
    let (mut public, mut private, mut misled) = (Records::new(), Records::new(), BTreeSet::new());
    for name in lane.world.of(Noun::Name) {
        let (zone, asked) = match is_in_private(&lane.world, name) {
            true => (&lane.zones.private, &mut private),
            false => (&lane.zones.public, &mut public),
        };
        let driver = lane.world.publishing_of(name).driver;
        for (host, gateways) in published(&lane.world, name) {
            let wanted = |name| -> Result<Records> {
                Ok(records(&format!("{host}.{}.", lane.domain), lane.world.weight_of(name), leads(&host, name)?))
            };
            let holder = match driver {
                Driver::ExternalDns => holders.get(&host).copied(),
                Driver::Route53 => holder_by_zone(&lane.world, &found(zone), &host, wanted)?,
            };
            let holder = holder.with_context(|| format!("nobody publishes {host}"))?;
            if leads(&host, holder)? != leads(&host, name)? {
                misled.extend(gateways);
            }
            asked.extend(wanted(holder)?);
        }
    }
    holds(lane, &lane.zones.public, &public).context("the public one")?;
    holds(lane, &lane.zones.private, &private).context("the private one")?;
    Ok(misled)
}

/// Where workers publish, no object says which domain name instance has a hostname: it is one whose records the zone has.
fn holder_by_zone(
    world: &World,
    found: &Records,
    host: &str,
    wanted: impl Fn(Handle) -> Result<Records>,
) -> Result<Option<Handle>> {
    for name in world.of(Noun::Name) {
        if published(world, name).contains_key(host)
            && wanted(name)?.iter().all(|(key, values)| found.get(key) == Some(values))
        {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The records that lead a name to these addresses.
fn records(name: &str, weight: Option<i64>, addresses: Vec<String>) -> Records {
    let mut all = Records::new();
    for address in addresses {
        let values = all.entry((name.to_owned(), kind(&address), weight)).or_default();
        if !values.contains(&address) {
            values.push(address);
        }
    }
    all
}

fn is_in_private(world: &World, name: Handle) -> bool {
    let Some(Record::Name { domain, .. }) = world.records.get(&name) else { return false };
    matches!(world.records.get(domain), Some(Record::Domain { zone, .. }) if zone.is_private())
}

/// The type of the record that leads to an address.
fn kind(address: &str) -> &'static str {
    match address.parse() {
        Ok(IpAddr::V4(_)) => "A",
        Ok(IpAddr::V6(_)) => "AAAA",
        Err(_) => "CNAME",
    }
}

/// The types of records that lead somewhere.
const ADDRESSES: [&str; 3] = ["A", "AAAA", "CNAME"];

/// The records of a zone that lead somewhere.
fn found(zone: &Zone) -> Records {
    let mut found = Records::new();
    for entry in zone.standing.values() {
        let Some(kind) = ADDRESSES.into_iter().find(|known| *known == entry.kind) else { continue };
        let mut values: Vec<String> = entry.values.iter().map(|value| value.trim_end_matches('.').to_owned()).collect();
        values.sort();
        found.insert((entry.name.clone(), kind, entry.weight), values);
    }
    found
}

/// A zone holds exactly these records, each with one that says that it is ours. What tells weighted ones from those of other clusters is their owner.
fn holds(lane: &Lane, zone: &Zone, asked: &Records) -> Result<()> {
    let found = found(zone);
    ensure!(found == *asked, "it has {found:?}, and {asked:?} were asked for");
    let owner = format!("causeway-{}-{}", lane.identity, lane.ways[0].runtime);
    let is_told_apart = |entry: &&JournalEntry| entry.set_identifier == entry.weight.map(|_| owner.clone());
    let strange = zone.standing.values().find(|entry| !is_told_apart(entry));
    ensure!(strange.is_none(), "{owner} is not the set identifier of {strange:?}, or it has no weight");
    let owned: Vec<&JournalEntry> =
        zone.standing.values().filter(|entry| !ADDRESSES.contains(&entry.kind.as_str())).collect();
    let says = format!("external-dns/owner={owner}");
    let is_ours = |(host, kind, weight): &(String, &str, Option<i64>)| {
        let is_of = format!("_edns-{}.{host}", kind.to_lowercase());
        let of = owned.iter().filter(|entry| entry.name == is_of && entry.weight.is_some() == weight.is_some());
        of.filter(|entry| entry.values.join(" ").contains(&says)).count() == 1
    };
    ensure!(owned.len() == asked.len() && asked.keys().all(is_ours), "{:?} belong to {owned:?}", asked.keys());
    Ok(())
}

/// Where a gateway instance answers, as its Gateway's status says.
fn addresses(lane: &Lane, main: &Snapshot, rows: &Rows, gateway: Handle) -> Result<Vec<String>> {
    let claims = lane.world.claims().map_err(anyhow::Error::msg)?;
    let carrier = claims.iter().find(|claim| claim.by == gateway).map_or(Carrier::Own(gateway), |claim| claim.carrier);
    let id = rows.carrier(lane, carrier)?;
    let of = |object: &&super::snapshot::Object| object.owner().is_some_and(|(_, owner)| owner == id);
    let found = main.applied("Gateway", &lane.identity).find(of);
    let list = found.map(|object| object.at("/status/addresses").as_array().cloned().unwrap_or_default());
    let mut values: Vec<String> =
        list.unwrap_or_default().iter().filter_map(|address| address["value"].as_str().map(str::to_owned)).collect();
    values.sort();
    ensure!(!values.is_empty(), "the Gateway of gateway instance {id} has no address");
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        publishing::Publishing,
        world::{Hosts, Request},
        zones::InZone,
    };

    /// A domain (0) whose hostname `d0` two domain name instances have: 3 by gateway 2, and 6 by gateway 5.
    fn world() -> World {
        let publishing = Publishing { driver: Driver::Route53, weighted: true };
        let definition = Record::GatewayDefinition {
            domain: Some(0),
            hosts: Hosts::Sub(None),
            dedicated: true,
            http: vec![],
            layer4: vec![],
        };
        let all = [
            (0, Record::Domain { label: "d0".into(), zone: InZone::Public, publishing }),
            (1, definition),
            (2, Record::Gateway { definition: 1, workload: 8 }),
            (3, Record::Name { domain: 0, workload: 8, weight: Some(7) }),
            (5, Record::Gateway { definition: 1, workload: 9 }),
            (6, Record::Name { domain: 0, workload: 9, weight: None }),
        ];
        all.into_iter().fold(World::default(), |world, (handle, record)| world.after(&Request::Put(handle, record)))
    }

    fn wanted(name: Handle) -> Result<Records> {
        Ok(records("d0.example.", world().weight_of(name), vec!["192.0.2.1".into(), "2001:db8::1".into()]))
    }

    fn holder(found: &Records) -> Option<Handle> {
        holder_by_zone(&world(), found, "d0", wanted).unwrap()
    }

    #[test]
    fn a_hostname_is_held_by_the_one_whose_records_the_zone_has() {
        assert_eq!([3, 6].map(|name| holder(&wanted(name).unwrap())), [Some(3), Some(6)]);
    }

    #[test]
    fn a_hostname_of_which_a_record_or_the_weight_is_missing_is_nobodys() {
        let mut some = wanted(3).unwrap();
        some.pop_first();
        let simple = records("d0.example.", None, vec!["192.0.2.1".into(), "2001:db8::1".into()]);
        assert_eq!([some, simple].map(|found| holder(&found)), [None, None]);
    }
}
