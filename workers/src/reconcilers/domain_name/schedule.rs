//! When to look at the zones again. Pure.

use super::seen::ZoneState;
use causeway_records::inputs::Published;
use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, time::Duration};

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

/// What is still to come.
pub(super) struct Schedule {
    /// Everything that has to leave a zone has left it for good.
    pub(super) clean: bool,
    /// When to look again.
    pub(super) next: Duration,
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
    // external-dns may write once more what it read before its object went; and so may somebody who didn't know of our write.
    let own = published.hosts.values().filter_map(|record| record.own_since).map(|since| 2 * age(since).max(SOON));
    let rest = if absent.iter().any(|(_, record)| record.elsewhere) { OTHERS } else { RESYNC };
    let next = appears.chain(again).chain(own).chain([rest]).min().unwrap_or(rest);
    Schedule { clean, next: if clean { next } else { SOON } }
}

#[cfg(test)]
mod tests {
    use super::super::{
        look,
        progress::tests::{record, second},
    };
    use super::*;
    use causeway_records::inputs::{FormerZone, HostRecord, PublishedZone};
    use causeway_render::samples;
    use std::collections::BTreeMap;

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
    fn what_is_deleted_was_answered_until_then_however_long_that_took() {
        let (mut inputs, _) = samples::domain_name();
        let zone = PublishedZone { id: "Z1".into(), ..PublishedZone::default() };
        let published = HostRecord { zone: Some(zone), ..record(true, None) };
        inputs.published.hosts = [("a.test".to_owned(), published)].into();
        let leaving = ["a.test".to_owned()].into();
        let mut at = |decided, seen| {
            let found = look(&mut inputs, &ZoneState::default(), &leaving, (second(decided), second(seen)));
            (found.clean, inputs.published.hosts["a.test"].gone_since)
        };
        let gone = Some(second(103));
        assert_eq!(at(100, 103), (false, gone), "resolvers may have been given it up to second 103");
        assert_eq!(at(104, 106), (false, gone), "what was read may be as old as second 104");
        assert_eq!(at(105, 106), (true, gone));
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
    fn what_was_just_written_is_looked_at_again_soon_and_then_ever_more_seldom() {
        let own = |age: i64| {
            let record = HostRecord { own_since: Some(second(1000 - age)), ..record(true, None) };
            at(1000, &[("a.test", record)], &[]).next
        };
        assert_eq!([own(0), own(5), own(100)], [2, 10, 200].map(Duration::from_secs));
        assert_eq!(own(1000), RESYNC);
    }
}
