//! Which records may be deleted: only those whose ownership record is ours, together with it, and nothing else.

use super::ownership::{Owned, owned};
use super::record::{RecordType, ZoneRecord, normal_name};

/// A record to delete and its ownership record, or a left-over ownership record alone. Only [`deletions_of`] makes one, so that
/// nothing can be deleted whose ownership wasn't checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// The host and the type that the ownership record is for.
    host: String,
    record_type: RecordType,
    /// The ownership record comes last.
    records: Vec<ZoneRecord>,
}

impl Deletion {
    /// The record sets to delete, exactly as they were read; the ownership record comes last.
    pub fn records(&self) -> &[ZoneRecord] {
        &self.records
    }

    /// In normal form.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn record_type(&self) -> RecordType {
        self.record_type
    }

    /// That of all of its records; None: they are plain ones.
    pub(super) fn set_identifier(&self) -> Option<&str> {
        self.records.last()?.set_identifier()
    }

    /// The record sets without the ownership record.
    pub(super) fn host_records(&self) -> &[ZoneRecord] {
        self.records.split_last().map_or(&[], |(_, own)| own)
    }
}

/// What to delete so that nothing of ours is left at these hosts. `records` is what the zone was just seen to hold.
///
/// A record goes only if its ownership record names `owner` alone. Hosts are compared as names, so a wildcard is itself and not the
/// names below it.
pub fn deletions(records: &[ZoneRecord], hosts_to_remove: &[String], owner: &str) -> Vec<Deletion> {
    let mut hosts: Vec<_> = hosts_to_remove.iter().map(|host| normal_name(host)).collect();
    hosts.sort();
    hosts.dedup();
    hosts.iter().flat_map(|host| deletions_of(records, host, owner)).collect()
}

/// Everything of ours at one host in normal form.
pub(super) fn deletions_of(records: &[ZoneRecord], host: &str, owner: &str) -> Vec<Deletion> {
    let mut found = Vec::new();
    for record_type in RecordType::ALL {
        for set in sets(records, host, record_type) {
            if let Owned::By(txt, named) = owned(records, host, record_type, set)
                && named == owner
            {
                let mut records = claimed(records, host, record_type, set);
                records.push(txt.clone());
                found.push(Deletion { host: host.to_owned(), record_type, records });
            }
        }
    }
    found
}

/// The set identifiers of a host's ownership records of one type; None is a plain record.
pub(super) fn sets<'a>(records: &'a [ZoneRecord], host: &str, record_type: RecordType) -> Vec<Option<&'a str>> {
    let name = super::ownership::txt_name(host, record_type);
    let txt = records.iter().filter(|record| record.is_txt() && record.name() == name);
    let mut sets: Vec<_> = txt.map(ZoneRecord::set_identifier).collect();
    sets.sort();
    sets.dedup();
    sets
}

/// The records that an ownership record speaks for: those of its type, and for `cname-` the aliases that an older external-dns made,
/// as long as they have no ownership record of their own type.
fn claimed(records: &[ZoneRecord], host: &str, record_type: RecordType, set: Option<&str>) -> Vec<ZoneRecord> {
    let of_set = records.iter().filter(|record| record.name() == host && record.set_identifier() == set);
    let is_claimed = |record: &&ZoneRecord| match record.record_type() {
        Some(found) if found == record_type => true,
        Some(found) => {
            record_type == RecordType::Cname && record.is_alias() && owned(records, host, found, set) == Owned::Nobody
        }
        None => false,
    };
    of_set.filter(is_claimed).cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::any_zone::{is_ours, zones};
    use super::super::ownership::Ownership;
    use super::super::record::tests::{alias, record};
    use super::*;

    fn txt(record_type: &str, host: &str, set: Option<&str>, owner: &str) -> ZoneRecord {
        let value = Ownership { owner: owner.into(), resource: String::new() }.to_string();
        record("TXT", &format!("_edns-{record_type}.{host}."), set, &[&value])
    }

    fn names(deletions: &[Deletion]) -> Vec<String> {
        deletions.iter().flat_map(Deletion::records).map(ZoneRecord::to_string).collect()
    }

    fn plan(zone: &[ZoneRecord], hosts: &[&str]) -> Vec<String> {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        names(&deletions(zone, &hosts, "us"))
    }

    #[test]
    fn record_and_ownership_go_together_and_alone_stay() {
        let zone = [
            record("A", "h.test.", None, &["192.0.2.1"]),
            txt("a", "h.test", None, "us"),
            record("MX", "h.test.", None, &["10 mail.test"]),
            record("TXT", "h.test.", None, &["\"v=spf1 -all\""]),
            record("A", "other.test.", None, &["192.0.2.1"]),
            txt("a", "other.test", None, "us"),
            record("AAAA", "h.test.", None, &["2001:db8::1"]),
            txt("aaaa", "h.test", None, "them"),
            txt("cname", "h.test", None, "us"),
        ];
        assert_eq!(plan(&zone, &["H.test."]), ["A h.test", "TXT _edns-a.h.test", "TXT _edns-cname.h.test"]);
        assert_eq!(plan(&zone, &["*.test"]), [""; 0]);
    }

    #[test]
    fn an_alias_of_an_older_external_dns_goes_with_its_cname_ownership() {
        let zone = [alias("A", "h.test.", "lb.test."), txt("cname", "h.test", None, "us")];
        assert_eq!(plan(&zone, &["h.test"]), ["A h.test", "TXT _edns-cname.h.test"]);
        let taken =
            [alias("A", "h.test.", "lb.test."), txt("cname", "h.test", None, "us"), txt("a", "h.test", None, "them")];
        assert_eq!(plan(&taken, &["h.test"]), ["TXT _edns-cname.h.test"]);
        let by_hand = [record("A", "h.test.", None, &["192.0.2.1"]), txt("cname", "h.test", None, "us")];
        assert_eq!(plan(&by_hand, &["h.test"]), ["TXT _edns-cname.h.test"]);
    }

    #[test]
    fn routed_records_are_told_apart() {
        let zone = [
            record("A", "h.test.", Some("blue"), &["192.0.2.1"]),
            txt("a", "h.test", Some("blue"), "us"),
            record("A", "h.test.", Some("green"), &["192.0.2.2"]),
            txt("a", "h.test", Some("green"), "them"),
        ];
        assert_eq!(plan(&zone, &["h.test"]), ["A h.test (blue)", "TXT _edns-a.h.test (blue)"]);
    }

    /// A zone holds one record set of each name, type and set identifier.
    fn is_there_once(zone: &[ZoneRecord]) -> bool {
        let last = zone.last().map(ToString::to_string);
        zone.iter().filter(|record| Some(record.to_string()) == last).count() == 1
    }

    fn after(zone: &[ZoneRecord], deletions: &[Deletion]) -> Vec<ZoneRecord> {
        let gone: Vec<_> = deletions.iter().flat_map(Deletion::records).collect();
        zone.iter().filter(|record| !gone.contains(record)).cloned().collect()
    }

    proptest! {
        #[test]
        fn nothing_of_anybody_else_is_ever_deleted(zone in zones(is_there_once)) {
            let hosts = ["a.test".to_owned(), "*.a.test".to_owned()];
            let found = deletions(&zone, &hosts, "us");
            let left = after(&zone, &found);
            for record in &zone {
                if !is_ours(&zone, record) {
                    prop_assert!(left.contains(record), "{record} is not ours and would go");
                }
                if record.name().ends_with("b.test") {
                    prop_assert!(left.contains(record), "{record} was not asked for and would go");
                }
            }
            for record in found.iter().flat_map(Deletion::records) {
                prop_assert!(zone.contains(record), "{record} is not exactly as it was read");
            }
        }

        #[test]
        fn everything_of_ours_goes_at_once_and_once_only(zone in zones(is_there_once)) {
            let hosts = ["a.test".to_owned(), "b.test".to_owned(), "*.a.test".to_owned()];
            let found = deletions(&zone, &hosts, "us");
            let records: Vec<_> = found.iter().flat_map(Deletion::records).map(ZoneRecord::to_string).collect();
            let distinct: std::collections::BTreeSet<_> = records.iter().collect();
            prop_assert_eq!(records.len(), distinct.len());
            let left = after(&zone, &found);
            prop_assert!(deletions(&left, &hosts, "us").is_empty());
            for record in left.iter().filter(|record| record.record_type().is_some()) {
                prop_assert!(!is_ours(&zone, record), "{record} is ours and would stay");
            }
        }
    }
}
