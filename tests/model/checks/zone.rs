//! For each hostname that a domain name instance publishes one record for each type of address, in the zone of its domain, with the record that says
//! whose it is; nothing else in either zone.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use anyhow::{Context, Result, ensure};

use super::{rows::Rows, snapshot::Snapshot};
use crate::{
    claims::Carrier,
    lane::Lane,
    sequence::Noun,
    world::{Handle, Record, World},
    zones::Zone,
};

/// The hostnames that a domain name instance publishes, each with the gateway instances that have it.
pub(crate) fn published(world: &World, name: Handle) -> BTreeMap<String, BTreeSet<Handle>> {
    let mut all = BTreeMap::<String, BTreeSet<Handle>>::new();
    let Some(Record::Name { domain, workload }) = world.records.get(&name) else { return all };
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

/// Which domain name instance publishes each hostname: one of those that ask for it, as the DNSEndpoints say.
pub(super) fn holders(lane: &Lane, snapshot: &Snapshot) -> Result<BTreeMap<String, Handle>> {
    let names: BTreeMap<i64, Handle> =
        lane.world.of(Noun::Name).into_iter().map(|name| Ok((lane.id(name)?, name))).collect::<Result<_>>()?;
    let mut holders = BTreeMap::new();
    for object in snapshot.applied("DNSEndpoint", &lane.identity) {
        let name = object.owner().and_then(|(_, id)| names.get(&id));
        let name = *name.with_context(|| format!("{} is nobody's", object.title()))?;
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

/// What a zone has to hold: values by name and type.
type Records = BTreeMap<(String, &'static str), Vec<String>>;

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
        let zone = if is_in_private(&lane.world, name) { &mut private } else { &mut public };
        for (host, gateways) in published(&lane.world, name) {
            let holder = *holders.get(&host).with_context(|| format!("nobody publishes {host}"))?;
            let there = leads(&host, holder)?;
            if there != leads(&host, name)? {
                misled.extend(gateways);
            }
            for address in there {
                let key = (format!("{host}.{}.", lane.domain), kind(&address));
                let values = zone.entry(key).or_default();
                if !values.contains(&address) {
                    values.push(address);
                }
            }
        }
    }
    holds(lane, &lane.zones.public, &public).context("the public one")?;
    holds(lane, &lane.zones.private, &private).context("the private one")?;
    Ok(misled)
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

/// A zone holds exactly these records, each with one that says that it is ours.
fn holds(lane: &Lane, zone: &Zone, asked: &Records) -> Result<()> {
    let (mut found, mut owned) = (Records::new(), vec![]);
    for ((name, kind), entry) in &zone.standing {
        let Some(kind) = ["A", "AAAA", "CNAME"].into_iter().find(|known| known == kind) else {
            owned.push((name.clone(), entry.values.join(" ")));
            continue;
        };
        let mut values: Vec<String> = entry.values.iter().map(|value| value.trim_end_matches('.').to_owned()).collect();
        values.sort();
        found.insert((name.clone(), kind), values);
    }
    ensure!(found == *asked, "it has {found:?}, and {asked:?} were asked for");
    let owner = format!("external-dns/owner=causeway-{}-{}", lane.identity, lane.ways[0].runtime);
    let is_ours = |(host, kind): &(String, &str)| {
        let is_of = format!("_edns-{}.{host}", kind.to_lowercase());
        owned.iter().filter(|(name, value)| *name == is_of && value.contains(&owner)).count() == 1
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
