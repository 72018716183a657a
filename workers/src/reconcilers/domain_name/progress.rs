//! What a domain name instance has published and what has left its zones, from one look at the zones to the next. Pure.

use super::{
    seen::{Obstacle, ZoneState},
    work::is_theirs,
};
use causeway_records::{
    inputs::{DomainNameInputs, Elsewhere, FormerZone, HostRecord, Published},
    nouns::DnsDriver,
};
use causeway_render::{domain_name, hostnames};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// After how many intervals of external-dns something must be wrong with it.
const INTERVALS: i64 = 6;

/// What is published after a look at the zones.
pub(super) fn note(
    inputs: &DomainNameInputs,
    zones: &ZoneState,
    leaving: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Published {
    let ttl = inputs.definition.spec.ttl_seconds();
    let weight = domain_name::weighted(inputs).map(|weighted| weighted.weight);
    let mut hosts = BTreeMap::new();
    for (host, why) in &zones.hosts {
        let before = inputs.published.hosts.get(host);
        let elsewhere = hostnames::holder(inputs, host).is_some();
        let known_since = before.and_then(|before| before.missing_since);
        let is_drained = why.is_none() && weight == Some(0);
        let missing_since = why.as_ref().filter(|_| !elsewhere).map(|_| known_since.unwrap_or(now));
        let record = HostRecord {
            present: why.is_none(),
            message: why.as_ref().map(|why| sentence(inputs, host, why, missing_since, now)).unwrap_or_default(),
            missing_since,
            gone_since: None,
            elsewhere,
            ttl,
            zone: before.and_then(|before| before.zone.clone()).filter(|_| !elsewhere),
            former: former(inputs, host, zones, now),
            change: zones.pending.get(host).cloned(),
            deletion: zones.deletion(host, before.and_then(|before| before.deletion)),
            drained_since: is_drained.then(|| before.and_then(|before| before.drained_since).unwrap_or(now)),
            other_weights: zones.other_weights.get(host).cloned().unwrap_or_default(),
            own_since: own_since(inputs, host, zones, now).filter(|_| !elsewhere),
        };
        hosts.insert(host.clone(), record);
    }
    for host in leaving {
        let Some(before) = inputs.published.hosts.get(host) else { continue };
        let remains = before.zone.as_ref().is_some_and(|zone| zones.remains(host, &zone.id));
        let gone = HostRecord {
            gone_since: (!remains).then(|| before.gone_since.unwrap_or(now)),
            ttl: before.ttl,
            zone: before.zone.clone(),
            former: former(inputs, host, zones, now),
            change: zones.pending.get(host).cloned(),
            deletion: zones.deletion(host, before.deletion),
            ..HostRecord::default()
        };
        hosts.insert(host.clone(), gone);
    }
    // A gateway that lost its address keeps its records; they are still ours to take away one day, as are those that another instance asks for and
    // hasn't taken on. What it has taken on is its matter.
    let is_noted = |host: &String| matches!(inputs.wanted_elsewhere.get(host), Some(Elsewhere::Noted { .. }));
    for (host, before) in &inputs.published.hosts {
        let (asked, former) = (hostnames::is_asked(inputs, host), former(inputs, host, zones, now));
        let kept = match asked || !(is_noted(host) || before.elsewhere) {
            true => {
                let unknown = before.change.as_ref().filter(|_| zones.failed_in(before.zone.as_ref()));
                let change = zones.pending.get(host).or(unknown).cloned();
                HostRecord { present: before.present && asked, former, change, ..before.clone() }
            }
            // What is left of it are the zones that it was in.
            false if !former.is_empty() => {
                HostRecord { elsewhere: true, ttl: before.ttl, former, ..HostRecord::default() }
            }
            false => continue,
        };
        hosts.entry(host.clone()).or_insert(kept);
    }
    hosts.retain(|_, record| !is_over(record, now));
    Published { hosts, domain_zone: inputs.published.domain_zone.clone(), unreadable: zones.unreadable() }
}

/// Since when the workers write a hostname's records themselves, or when they last did.
fn own_since(inputs: &DomainNameInputs, host: &str, zones: &ZoneState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let known = inputs.published.hosts.get(host).and_then(|record| record.own_since);
    match inputs.definition.spec.dns_driver() {
        DnsDriver::ExternalDns => None,
        DnsDriver::Route53 if zones.written.contains(host) => Some(now),
        DnsDriver::Route53 => known.or(Some(now)),
    }
}

/// The zones that a hostname's records have not left for so long that nobody needs to know of them.
fn former(inputs: &DomainNameInputs, host: &str, zones: &ZoneState, now: DateTime<Utc>) -> Vec<FormerZone> {
    let known = inputs.published.hosts.get(host).map(|record| record.former.as_slice()).unwrap_or_default();
    let seen = known.iter().filter(|former| !is_theirs(inputs, host, &former.zone)).map(|former| {
        let remains = zones.remains(host, &former.zone.id);
        FormerZone { gone_since: (!remains).then(|| former.gone_since.unwrap_or(now)), ..former.clone() }
    });
    seen.filter(|former| !is_past(former.gone_since, former.ttl, now)).collect()
}

/// Why a hostname isn't published. What external-dns should have written long ago it can't write, and only it knows why.
fn sentence(
    inputs: &DomainNameInputs,
    host: &str,
    why: &Obstacle,
    missing_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> String {
    let interval = i64::from(causeway_render::support_service::INTERVAL_SECONDS);
    let waited = missing_since.is_some_and(|since| now - since >= TimeDelta::seconds(INTERVALS * interval));
    let zone = inputs.published.hosts.get(host).and_then(|record| record.zone.as_ref());
    let (true, true, Some(zone), Some(external_dns)) = (why.awaited, waited, zone, &inputs.external_dns) else {
        return why.sentence.clone();
    };
    if !external_dns.zones.contains(&zone.id) {
        return format!("{}; external-dns is still to be told of hosted zone {}", why.sentence, zone.id);
    }
    let name = &external_dns.object_name;
    format!(
        "{}; external-dns has written nothing for {INTERVALS} of its intervals of {interval} s: look at the logs of the Deployments in namespace {name}; most often its AWS identity may not do route53:ListHostedZones, or route53:ListResourceRecordSets and route53:ChangeResourceRecordSets in hosted zone {}",
        why.sentence, zone.id
    )
}

/// Whether nobody needs to know of a hostname any more, whatever zone it was in.
pub(super) fn is_over(record: &HostRecord, now: DateTime<Utc>) -> bool {
    record.former.is_empty() && is_past(record.gone_since, record.ttl, now)
}

/// One TTL and the settling after records left a zone.
fn is_past(gone_since: Option<DateTime<Utc>>, ttl: i64, now: DateTime<Utc>) -> bool {
    gone_since.is_some_and(|gone| now - gone > TimeDelta::seconds(ttl.max(10) + 60))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use causeway_records::inputs::{ExternalDnsState, PublishedZone};
    use causeway_render::samples;

    pub(crate) fn second(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    pub(crate) fn record(present: bool, gone: Option<i64>) -> HostRecord {
        HostRecord { present, gone_since: gone.map(second), ttl: 60, ..HostRecord::default() }
    }

    #[test]
    fn a_hostname_is_forgotten_after_its_ttl() {
        assert!(!is_over(&record(false, Some(100)), second(220)));
        assert!(is_over(&record(false, Some(100)), second(221)));
        assert!(!is_over(&record(false, None), second(10_000)));
        let moved = HostRecord { former: vec![FormerZone::default()], ..record(false, Some(100)) };
        assert!(!is_over(&moved, second(10_000)), "it is still in another zone");
    }

    /// The sample with `shop.example.org` published in Z1, and before that in Z0.
    fn published() -> (DomainNameInputs, ZoneState) {
        let (mut inputs, _) = samples::domain_name();
        let zone = |id: &str| PublishedZone { id: id.into(), name: "example.org".into(), ..PublishedZone::default() };
        let mut shop = record(true, None);
        shop.move_to(&zone("Z0"));
        shop.move_to(&zone("Z1"));
        inputs.published.hosts = [("shop.example.org".to_owned(), shop)].into();
        let obstacle = Obstacle { sentence: "A is not in the zone yet".into(), awaited: true };
        let hosts = [("shop.example.org".to_owned(), Some(obstacle))].into();
        (inputs, ZoneState { hosts, ..ZoneState::default() })
    }

    fn shop(inputs: &DomainNameInputs, zones: &ZoneState, now: i64) -> HostRecord {
        note(inputs, zones, &BTreeSet::new(), second(now)).hosts.remove("shop.example.org").unwrap()
    }

    #[test]
    fn a_former_zone_is_forgotten_when_the_records_have_left_it_for_good() {
        let (mut inputs, mut zones) = published();
        zones.remaining = [("shop.example.org".to_owned(), "Z0".to_owned())].into();
        assert_eq!(shop(&inputs, &zones, 100).former[0].gone_since, None);
        zones.remaining.clear();
        let gone = shop(&inputs, &zones, 100);
        assert_eq!((gone.former[0].gone_since, gone.zone.as_ref().unwrap().id.as_str()), (Some(second(100)), "Z1"));
        inputs.published.hosts.insert("shop.example.org".into(), gone);
        assert_eq!(shop(&inputs, &zones, 220).former.len(), 1);
        assert!(shop(&inputs, &zones, 221).former.is_empty());
    }

    #[test]
    fn an_external_dns_that_writes_nothing_is_named_after_a_while() {
        let (mut inputs, zones) = published();
        let state = |zones: &[&str]| ExternalDnsState {
            id: 3,
            object_name: "external-dns-3".into(),
            zones: zones.iter().map(ToString::to_string).collect(),
        };
        inputs.external_dns = Some(state(&["Z1"]));
        let first = shop(&inputs, &zones, 100);
        assert_eq!((first.missing_since, first.message.as_str()), (Some(second(100)), "A is not in the zone yet"));
        inputs.published.hosts.insert("shop.example.org".into(), first);
        assert_eq!(shop(&inputs, &zones, 159).message, "A is not in the zone yet");
        let late = shop(&inputs, &zones, 160);
        assert_eq!(late.missing_since, Some(second(100)));
        for word in [
            "namespace external-dns-3",
            "6 of its intervals of 10 s",
            "route53:ChangeResourceRecordSets",
            "hosted zone Z1",
        ] {
            assert!(late.message.contains(word), "{word}: {}", late.message);
        }
        assert_eq!(shop(&inputs, &zones, 1000).message, late.message, "it doesn't change from look to look");
        inputs.external_dns = Some(state(&[]));
        assert!(shop(&inputs, &zones, 160).message.ends_with("still to be told of hosted zone Z1"));
    }
}
