//! What there is to do in each hosted zone. Pure.

use causeway_dns::DesiredRecord;
use causeway_records::inputs::{DomainNameInputs, PublishedZone};
use causeway_render::{
    domain_name::{RecordSet, not_at_apex, resource, weighted},
    hostnames::{ZonesOf, holder, is_asked},
};
use std::collections::{BTreeMap, BTreeSet};

/// Why nobody can say where a hostname leads now: the end of a sentence about records that aren't there.
const UNREACHABLE: &str = "the cluster can't be reached to say where it leads; they are written when it is";
const WITHOUT_ADDRESS: &str = "its gateway has no address to lead to; they are written when it has one";

/// What there is to do in one zone.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ZoneWork {
    pub(super) zone: PublishedZone,
    /// Records that should be there, whoever writes them.
    pub(super) wanted: Vec<DesiredRecord>,
    /// Of these hosts what is ours and is not wanted is deleted, and our own driver writes what is wanted: each with the resource that its ownership
    /// records name.
    pub(super) held: BTreeMap<String, String>,
    /// Of these hosts everything that is ours is deleted.
    pub(super) leaving: BTreeSet<String>,
    /// Where these hosts lead can't be said now, and why: their records stay as they are read, but for their weight.
    pub(super) as_read: BTreeMap<String, &'static str>,
}

impl ZoneWork {
    /// Whether nothing is to stay in the zone.
    pub(super) fn only_leaves(&self) -> bool {
        self.wanted.is_empty() && self.as_read.is_empty()
    }
}

/// The work in all zones that are concerned, each once. Hostnames whose records can't be in their zone are left out.
pub(super) fn work(
    inputs: &DomainNameInputs,
    zones: &ZonesOf,
    wanted: &BTreeMap<String, Vec<RecordSet>>,
    leaving: &BTreeSet<String>,
) -> Vec<ZoneWork> {
    let mut all: BTreeMap<PublishedZone, ZoneWork> = BTreeMap::new();
    for (hostname, records) in wanted {
        let Some(zone) = zones.get(hostname).filter(|zone| not_at_apex(zone, hostname, records).is_none()) else {
            continue;
        };
        let work = all.entry(zone.clone()).or_default();
        work.wanted.extend(DesiredRecord::of(hostname, records));
        if holder(inputs, hostname).is_none() {
            work.held.insert(hostname.clone(), resource(inputs, hostname, zone));
        }
    }
    // A gateway that lost its address keeps its records, and its cluster can be taken out all the same.
    if weighted(inputs).is_some() {
        let keeps = |hostname: &str| !wanted.contains_key(hostname) && is_asked(inputs, hostname);
        for (hostname, zone) in inputs.published.held().filter(|(hostname, _)| keeps(hostname)) {
            if holder(inputs, hostname).is_none() {
                all.entry(zone.clone()).or_default().as_read.insert(hostname.to_owned(), WITHOUT_ADDRESS);
            }
        }
    }
    leave(inputs, leaving, &mut all);
    by_zone(all)
}

/// The same while the cluster can't be reached.
pub(super) fn without_cluster(inputs: &DomainNameInputs, leaving: &BTreeSet<String>) -> Vec<ZoneWork> {
    let mut all: BTreeMap<PublishedZone, ZoneWork> = BTreeMap::new();
    for (hostname, zone) in inputs.published.held().filter(|(hostname, _)| !leaving.contains(*hostname)) {
        all.entry(zone.clone()).or_default().as_read.insert(hostname.to_owned(), UNREACHABLE);
    }
    leave(inputs, leaving, &mut all);
    by_zone(all)
}

fn by_zone(all: BTreeMap<PublishedZone, ZoneWork>) -> Vec<ZoneWork> {
    all.into_iter().map(|(zone, work)| ZoneWork { zone, ..work }).collect()
}

fn leave(inputs: &DomainNameInputs, leaving: &BTreeSet<String>, all: &mut BTreeMap<PublishedZone, ZoneWork>) {
    for (hostname, record) in &inputs.published.hosts {
        let left = record.zone.iter().filter(|_| leaving.contains(hostname));
        for zone in left.chain(record.former.iter().map(|former| &former.zone)) {
            if !is_theirs(inputs, hostname, zone) {
                all.entry(zone.clone()).or_default().leaving.insert(hostname.clone());
            }
        }
    }
}

/// The hostnames whose records can't be in their zone, and why.
pub(super) fn impossible(zones: &ZonesOf, wanted: &BTreeMap<String, Vec<RecordSet>>) -> BTreeMap<String, String> {
    let why = |(hostname, records): (&String, &Vec<RecordSet>)| {
        Some((hostname.clone(), not_at_apex(zones.get(hostname)?, hostname, records)?))
    };
    wanted.iter().filter_map(why).collect()
}

/// Whether another domain name instance publishes the hostname in this zone.
pub(super) fn is_theirs(inputs: &DomainNameInputs, hostname: &str, zone: &PublishedZone) -> bool {
    inputs.held_elsewhere.get(hostname).is_some_and(|zones| zones.contains(&zone.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{
        inputs::{Elsewhere, FormerZone, HostRecord},
        nouns::RoutingPolicy,
    };
    use causeway_render::{domain_name, samples};

    const SHOP: &str = "shop.example.org";

    fn zone(id: &str, account: Option<i64>) -> PublishedZone {
        PublishedZone { id: id.into(), name: "org".into(), private: false, account }
    }

    fn one(work: &ZoneWork) -> (&str, usize, Vec<&str>) {
        (&work.zone.id, work.wanted.len(), work.leaving.iter().map(String::as_str).collect())
    }

    fn of(work: &[ZoneWork]) -> Vec<(&str, usize, Vec<&str>)> {
        work.iter().map(one).collect()
    }

    #[test]
    fn each_zone_is_worked_on_once_with_the_account_that_it_was_written_with() {
        let (mut inputs, targets) = samples::domain_name();
        let wanted = domain_name::wanted(&inputs, &targets);
        let mut zones = samples::zones();
        zones.insert(SHOP.into(), zone("Z2", Some(5)));
        let mut record = HostRecord { zone: Some(zone("Z2", Some(5))), ..HostRecord::default() };
        record.former = vec![FormerZone { zone: zone("Z1", Some(4)), ..FormerZone::default() }];
        let old = HostRecord { zone: Some(zone("Z1", Some(4))), ..HostRecord::default() };
        let never = HostRecord::default();
        inputs.published.hosts = [(SHOP, record), ("old.example.org", old), ("never.example.org", never)]
            .map(|(h, r)| (h.to_owned(), r))
            .into();
        let leaving = ["old.example.org", "never.example.org"].map(str::to_owned).into();
        let found = work(&inputs, &zones, &wanted, &leaving);
        assert_eq!(
            of(&found),
            [("Z0123456789", 1, vec![]), ("Z1", 0, vec!["old.example.org", SHOP]), ("Z2", 2, vec![])]
        );
        assert_eq!(found[1].zone.account, Some(4));

        inputs.held_elsewhere = [(SHOP.to_owned(), ["Z1".to_owned()].into())].into();
        let found = work(&inputs, &zones, &wanted, &leaving);
        assert_eq!(of(&found)[1], ("Z1", 0, vec!["old.example.org"]), "another instance publishes it there");
    }

    #[test]
    fn a_gateway_without_an_address_keeps_its_records_and_their_weight_alone_is_changed() {
        let (mut inputs, _) = samples::domain_name();
        let record = HostRecord { zone: Some(zone("Z1", None)), ..HostRecord::default() };
        inputs.published.hosts = [(SHOP.to_owned(), record)].into();
        let found = |inputs: &DomainNameInputs| work(inputs, &ZonesOf::new(), &BTreeMap::new(), &BTreeSet::new());
        assert_eq!(found(&inputs), [], "a plain record has none");
        inputs.definition.spec.routing_policy = Some(RoutingPolicy::Weighted);
        let all = found(&inputs);
        assert_eq!(all.iter().flat_map(|work| work.as_read.keys()).collect::<Vec<_>>(), [SHOP]);
        assert!(all[0].leaving.is_empty() && all[0].held.is_empty() && !all[0].only_leaves());
        let other = Elsewhere::Noted { id: 400, name: "first".into() };
        inputs.wanted_elsewhere = [(SHOP.to_owned(), other)].into();
        assert_eq!(found(&inputs), [], "another instance of the cluster publishes it");
    }

    #[test]
    fn what_cannot_be_in_its_zone_is_neither_wanted_nor_deleted_there() {
        let (mut inputs, targets) = samples::domain_name();
        let wanted = domain_name::wanted(&inputs, &targets);
        let apex = PublishedZone { name: "example.org".into(), ..zone("Z1", None) };
        let zones: ZonesOf = [("example.org".to_owned(), apex.clone())].into();
        let record = HostRecord { zone: Some(apex), ..HostRecord::default() };
        inputs.published.hosts = [("example.org".to_owned(), record)].into();
        assert_eq!(work(&inputs, &zones, &wanted, &BTreeSet::new()), []);
        assert_eq!(impossible(&zones, &wanted).into_keys().collect::<Vec<_>>(), ["example.org"]);
    }
}
