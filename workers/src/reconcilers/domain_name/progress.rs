//! What a domain name instance has published and what has left its zones, from one look at the zones to the next. Pure.

use super::{
    work::is_theirs,
    zone::{Obstacle, ZoneState},
};
use causeway_records::inputs::{DomainNameInputs, Elsewhere, FormerZone, HostRecord, Published};
use causeway_render::hostnames;
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// When to look at a zone that records are leaving.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// When to look at the latest for records that don't appear: the zone may be large, and Route 53 answers five requests a second for everybody.
const SELDOM: Duration = Duration::from_secs(120);
/// When to look whether another domain name instance has let go of a hostname, or taken one on.
const OTHERS: Duration = Duration::from_secs(5);
/// When to look at one that is as asked for: nothing says when somebody changes it.
const RESYNC: Duration = Duration::from_secs(300);
/// external-dns may be in the middle of writing when its object goes: the zone counts as clean only when it still is after this time.
const SETTLED: Duration = Duration::from_secs(2);
/// After how many intervals of external-dns something must be wrong with it.
const INTERVALS: i64 = 6;

/// What is still to come.
pub(super) struct Schedule {
    /// Everything that has to leave a zone has left it for good.
    pub(super) clean: bool,
    /// When to look again.
    pub(super) next: Duration,
}

/// What is published after a look at the zones.
pub(super) fn note(
    inputs: &DomainNameInputs,
    zones: &ZoneState,
    leaving: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Published {
    let ttl = inputs.definition.spec.ttl_seconds();
    let mut hosts = BTreeMap::new();
    for (host, why) in &zones.hosts {
        let before = inputs.published.hosts.get(host);
        let elsewhere = hostnames::holder(inputs, host).is_some();
        let known_since = before.and_then(|before| before.missing_since);
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
            true => HostRecord { present: before.present && asked, former, ..before.clone() },
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

/// How far the leaving hostnames are, and when to look again.
pub(super) fn schedule(
    published: &Published,
    zones: &ZoneState,
    leaving: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Schedule {
    let age = |since: DateTime<Utc>| (now - since).to_std().unwrap_or_default();
    // Everything that leaves a zone: with its hostname, or because the hostname moved.
    let left = leaving.iter().filter_map(|host| published.hosts.get(host)).map(|record| record.gone_since);
    let moved = published.hosts.values().flat_map(|record| record.former.iter().map(|former| former.gone_since));
    let gone: Vec<Option<Duration>> = left.chain(moved).map(|gone| gone.map(age)).collect();
    let clean = gone.iter().all(|gone| gone.is_some_and(|age| age >= SETTLED));
    // external-dns may have read its objects long before it writes: what left the zone is searched again, at three times its age each time.
    let again = gone.iter().flatten().map(|age| 2 * *age.max(&SETTLED)).min();
    let absent: Vec<_> =
        published.hosts.iter().filter(|(host, record)| !record.present && !leaving.contains(*host)).collect();
    // The longer something is missing, the less likely it is there in the next moment.
    let missing = absent.iter().filter(|(host, record)| zones.hosts.contains_key(*host) && !record.elsewhere);
    let appears =
        missing.map(|(_, record)| (record.missing_since.map(age).unwrap_or_default() / 4).clamp(SOON, SELDOM));
    let rest = if absent.iter().any(|(_, record)| record.elsewhere) { OTHERS } else { RESYNC };
    let next = appears.chain(again).chain([rest]).min().unwrap_or(rest);
    Schedule { clean, next: if clean { next } else { SOON } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::{ExternalDnsState, PublishedZone};
    use causeway_render::samples;

    fn second(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn record(present: bool, gone: Option<i64>) -> HostRecord {
        HostRecord { present, gone_since: gone.map(second), ttl: 60, ..HostRecord::default() }
    }

    fn at(now: i64, published: &[(&str, HostRecord)], leaving: &[&str]) -> Schedule {
        let hosts: BTreeMap<_, _> =
            published.iter().map(|(host, record)| ((*host).to_owned(), record.clone())).collect();
        let zones =
            ZoneState { hosts: hosts.keys().map(|host| (host.clone(), None)).collect(), ..ZoneState::default() };
        let leaving = leaving.iter().map(|host| (*host).to_owned()).collect();
        schedule(&Published { hosts, ..Published::default() }, &zones, &leaving, second(now))
    }

    #[test]
    fn a_zone_that_is_as_asked_for_is_read_now_and_then() {
        let stable = at(100, &[("a.test", record(true, None))], &[]);
        assert_eq!((stable.clean, stable.next), (true, RESYNC));
    }

    #[test]
    fn what_does_not_appear_is_looked_for_ever_more_seldom() {
        let missing = HostRecord { missing_since: Some(second(0)), ..record(false, None) };
        let (mut now, mut looks) = (0, 0);
        while now < 300_000 {
            let next = at(now / 1000, &[("a.test", missing.clone())], &[]).next;
            assert!((SOON..=SELDOM).contains(&next));
            now += i64::try_from(next.as_millis()).unwrap();
            looks += 1;
        }
        assert!(
            (15..=30).contains(&looks),
            "{looks} looks in five minutes; a zone of ten pages is less than one request a second"
        );
        assert_eq!(at(100_000, &[("a.test", missing)], &[]).next, SELDOM);
    }

    #[test]
    fn what_leaves_is_clean_only_when_it_stays_away() {
        let present = at(100, &[("a.test", record(false, None))], &["a.test"]);
        assert_eq!((present.clean, present.next), (false, SOON));
        let just_gone = at(100, &[("a.test", record(false, Some(99)))], &["a.test"]);
        assert_eq!((just_gone.clean, just_gone.next), (false, SOON));
        let settled = at(110, &[("a.test", record(false, Some(100)))], &["a.test"]);
        assert_eq!(
            (settled.clean, settled.next),
            (true, Duration::from_secs(20)),
            "searched again at three times its age"
        );
    }

    #[test]
    fn what_moved_has_to_leave_its_former_zone_too() {
        let moved = |gone: Option<i64>| {
            let former = FormerZone { gone_since: gone.map(second), ttl: 60, ..FormerZone::default() };
            at(110, &[("a.test", HostRecord { former: vec![former], ..record(true, None) })], &[])
        };
        assert_eq!((moved(None).clean, moved(None).next), (false, SOON));
        assert_eq!((moved(Some(100)).clean, moved(Some(100)).next), (true, Duration::from_secs(20)));
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
