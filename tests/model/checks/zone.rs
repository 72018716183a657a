//! One address record for each hostname that a domain name instance publishes, with the record that says whose it is; nothing else in the zone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::{rows::Rows, snapshot::Snapshot};
use crate::{
    claims::Carrier,
    lane::Lane,
    sequence::Noun,
    world::{Handle, Record, World},
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

/// Returns the gateway instances to which a hostname of theirs doesn't lead: another domain name instance has it.
pub(super) fn check(lane: &Lane, main: &Snapshot, rows: &Rows) -> Result<BTreeSet<Handle>> {
    let holders = holders(lane, main)?;
    let leads = |host: &str, name: Handle| -> Result<Vec<String>> {
        let gateways = published(&lane.world, name).remove(host).unwrap_or_default();
        let gateway = gateways.into_iter().min().with_context(|| format!("nobody has {host}"))?;
        addresses(lane, main, rows, gateway)
    };
    let (mut asked, mut misled) = (BTreeMap::<String, Vec<String>>::new(), BTreeSet::new());
    for name in lane.world.of(Noun::Name) {
        for (host, gateways) in published(&lane.world, name) {
            let holder = *holders.get(&host).with_context(|| format!("nobody publishes {host}"))?;
            let there = leads(&host, holder)?;
            if there != leads(&host, name)? {
                misled.extend(gateways);
            }
            asked.insert(format!("{host}.{}.", lane.domain), there);
        }
    }
    let (mut found, mut owned) = (BTreeSet::new(), vec![]);
    for ((name, kind), entry) in &lane.zone.standing {
        if kind == "TXT" {
            owned.push((name.clone(), entry.values.join(" ")));
            continue;
        }
        let mut values = entry.values.clone();
        values.sort();
        let right = kind == "A" && asked.get(name) == Some(&values);
        ensure!(right, "{kind} {name} says {values:?}, and {:?} was asked for", asked.get(name));
        found.insert(name.clone());
    }
    let hosts: BTreeSet<String> = asked.into_keys().collect();
    ensure!(found == hosts, "the zone has {found:?}, and {hosts:?} were asked for");
    let owner = format!("external-dns/owner=causeway-{}-{}", lane.identity, lane.ways[0].runtime);
    let ours = |host: &String| {
        let is_of = |name: &String| ["a", "aaaa", "cname"].iter().any(|kind| *name == format!("_edns-{kind}.{host}"));
        owned.iter().filter(|(name, value)| is_of(name) && value.contains(&owner)).count() == 1
    };
    ensure!(owned.len() == hosts.len() && hosts.iter().all(ours), "{hosts:?} belong to {owned:?}");
    Ok(misled)
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
