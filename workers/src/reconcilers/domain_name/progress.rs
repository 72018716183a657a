//! What a domain name instance has published and what has left its zone, from one look at the zone to the next. Pure.

use super::zone::ZoneState;
use causeway_records::inputs::{DomainNameInputs, Elsewhere, HostRecord, Published};
use causeway_render::hostnames;
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// When to look at a zone that isn't as asked for.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// When to look whether another domain name instance has let go of a hostname, or taken one on.
const OTHERS: Duration = Duration::from_secs(5);
/// When to look at one that is: nothing says when somebody changes it.
const RESYNC: Duration = Duration::from_secs(300);
/// external-dns may be in the middle of writing when its object goes: the zone counts as clean only when it still is after this time.
const SETTLED: Duration = Duration::from_secs(2);

/// What is still to come.
pub(super) struct Schedule {
    /// Everything that has to leave the zone has left it for good.
    pub(super) clean: bool,
    /// When to look again.
    pub(super) next: Duration,
}

/// What is published after a look at the zone.
pub(super) fn note(
    inputs: &DomainNameInputs,
    zone: &ZoneState,
    leaving: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Published {
    let ttl = inputs.definition.spec.ttl_seconds();
    let mut hosts = BTreeMap::new();
    for (host, why) in &zone.hosts {
        let (present, message) = (why.is_none(), why.clone().unwrap_or_default());
        let elsewhere = hostnames::holder(inputs, host).is_some();
        let record = HostRecord { present, message, gone_since: None, elsewhere, ttl };
        hosts.insert(host.clone(), record);
    }
    for host in leaving {
        let Some(before) = inputs.published.hosts.get(host) else { continue };
        let gone_since = (!zone.remaining.contains(host)).then(|| before.gone_since.unwrap_or(now));
        let gone = HostRecord { gone_since, ttl: before.ttl, ..HostRecord::default() };
        hosts.insert(host.clone(), gone);
    }
    // A gateway that lost its address keeps its records; they are still ours to take away one day, as are those that another instance asks for and
    // hasn't taken on. What it has taken on is its matter.
    let is_theirs = |host: &String| matches!(inputs.wanted_elsewhere.get(host), Some(Elsewhere::Noted { .. }));
    for (host, before) in &inputs.published.hosts {
        let asked = hostnames::is_asked(inputs, host);
        if asked || !(is_theirs(host) || before.elsewhere) {
            let kept = || HostRecord { present: before.present && asked, ..before.clone() };
            hosts.entry(host.clone()).or_insert_with(kept);
        }
    }
    hosts.retain(|_, record| !is_over(record, now));
    Published { hosts }
}

/// One TTL and the settling after it left the zone nobody needs to know of a hostname any more.
pub(super) fn is_over(record: &HostRecord, now: DateTime<Utc>) -> bool {
    record.gone_since.is_some_and(|gone| now - gone > chrono::TimeDelta::seconds(record.ttl.max(10) + 60))
}

/// How far the leaving hostnames are, and when to look again.
pub(super) fn schedule(
    published: &Published,
    zone: &ZoneState,
    leaving: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Schedule {
    let settled = |record: &HostRecord| {
        record.gone_since.is_some_and(|gone| (now - gone).to_std().is_ok_and(|since| since >= SETTLED))
    };
    let clean = leaving.iter().all(|host| published.hosts.get(host).is_none_or(settled));
    let absent: Vec<_> =
        published.hosts.iter().filter(|(host, record)| !record.present && !leaving.contains(*host)).collect();
    let is_ours = |(host, record): &(&String, &HostRecord)| zone.hosts.contains_key(*host) && !record.elsewhere;
    // external-dns may have read its objects long before it writes: what left the zone is searched again, at three times its age each time.
    let gone = leaving.iter().filter_map(|host| published.hosts.get(host)?.gone_since);
    let again = gone.filter_map(|gone| (now - gone).to_std().ok()).map(|age| 2 * age.max(SETTLED)).min();
    let rest = if absent.is_empty() { RESYNC } else { OTHERS };
    let next = if !clean || absent.iter().any(is_ours) { SOON } else { again.map_or(rest, |again| again.min(rest)) };
    Schedule { clean, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(present: bool, gone: Option<i64>) -> HostRecord {
        let gone_since = gone.map(|second| DateTime::from_timestamp(second, 0).unwrap());
        HostRecord { present, gone_since, ttl: 60, ..HostRecord::default() }
    }

    fn at(second: i64, published: &[(&str, HostRecord)], leaving: &[&str]) -> Schedule {
        let hosts: BTreeMap<_, _> =
            published.iter().map(|(host, record)| ((*host).to_owned(), record.clone())).collect();
        let seen = hosts.keys().map(|host| (host.clone(), None)).collect();
        let zone = ZoneState { hosts: seen, remaining: BTreeSet::new() };
        let leaving = leaving.iter().map(|host| (*host).to_owned()).collect();
        schedule(&Published { hosts }, &zone, &leaving, DateTime::from_timestamp(second, 0).unwrap())
    }

    #[test]
    fn a_zone_that_is_as_asked_for_is_read_now_and_then() {
        let stable = at(100, &[("a.test", record(true, None))], &[]);
        assert_eq!((stable.clean, stable.next), (true, RESYNC));
        let absent = at(100, &[("a.test", record(false, None))], &[]);
        assert_eq!((absent.clean, absent.next), (true, SOON));
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
    fn a_hostname_is_forgotten_after_its_ttl() {
        let now = |second| DateTime::from_timestamp(second, 0).unwrap();
        assert!(!is_over(&record(false, Some(100)), now(220)));
        assert!(is_over(&record(false, Some(100)), now(221)));
        assert!(!is_over(&record(false, None), now(10_000)));
    }
}
