//! Which records of ours stand in the way of what is wanted now: another type of record for the same host. external-dns may only create and change,
//! so it neither takes an A away where a CNAME is to come, nor an AAAA that nothing takes the place of.

use std::collections::BTreeMap;

use super::deletions::{Deletion, deletions_of};
use super::desired::DesiredRecord;
use super::record::{RecordType, ZoneRecord, normal_name};

/// What to delete at the hosts of the wanted records so that nothing of ours is left there but them. `records` is what the zone was just seen to
/// hold.
pub fn stale(records: &[ZoneRecord], wanted: &[DesiredRecord], owner: &str) -> Vec<Deletion> {
    let mut by_host: BTreeMap<String, Vec<&DesiredRecord>> = BTreeMap::new();
    for record in wanted {
        by_host.entry(normal_name(&record.host)).or_default().push(record);
    }
    let of_host = |(host, wanted): (&String, &Vec<&DesiredRecord>)| {
        let kept: Vec<RecordType> = wanted.iter().flat_map(|wanted| written(wanted)).collect();
        // One that only has to be chosen in another way is replaced, not deleted.
        let set = wanted.first().and_then(|wanted| wanted.set_identifier());
        let found = deletions_of(records, host, owner).into_iter().filter(|found| found.set_identifier() == set);
        found.filter(|deletion| is_stale(deletion, &kept, wanted)).collect::<Vec<_>>()
    };
    by_host.iter().flat_map(of_host).collect()
}

/// Whether something of ours at a host goes, where these types are written and the zone may answer otherwise for these records.
pub(super) fn is_stale(deletion: &Deletion, kept: &[RecordType], answered: &[&DesiredRecord]) -> bool {
    let keeps = |record: &ZoneRecord| {
        record.record_type().is_some_and(|found| kept.contains(&found)) || answers(record, answered)
    };
    match deletion.host_records() {
        // An ownership record without its record: of a type that is wanted it is used again.
        [] => !kept.contains(&deletion.record_type()),
        own => !own.iter().any(keeps),
    }
}

/// The types that external-dns writes for a wanted record: for a load balancer of AWS it writes aliases instead of a CNAME.
pub(super) fn written(wanted: &DesiredRecord) -> Vec<RecordType> {
    if wanted.is_alias() { vec![RecordType::A, RecordType::Aaaa] } else { vec![wanted.record_type] }
}

/// Whether a record leads where a wanted CNAME does, whatever its type. external-dns knows best which names can be aliases.
fn answers(record: &ZoneRecord, wanted: &[&DesiredRecord]) -> bool {
    let mut names = wanted.iter().filter(|wanted| wanted.record_type == RecordType::Cname);
    (record.is_alias() || record.record_type() == Some(RecordType::Cname))
        && names.any(|wanted| record.targets() == wanted.sorted_targets())
}

#[cfg(test)]
mod tests {
    use super::super::ownership::Ownership;
    use super::super::record::tests::{alias, record};
    use super::*;

    fn txt(record_type: &str, owner: &str) -> ZoneRecord {
        let value = Ownership { owner: owner.into(), resource: String::new() }.to_string();
        record("TXT", &format!("_edns-{record_type}.h.test."), None, &[&value])
    }

    fn wants(record_type: RecordType, target: &str) -> DesiredRecord {
        DesiredRecord { host: "H.test".into(), record_type, targets: vec![target.into()], ttl: None, weighted: None }
    }

    fn goes(zone: &[ZoneRecord], wanted: &[DesiredRecord]) -> Vec<String> {
        let found = stale(zone, wanted, "us");
        found.iter().flat_map(Deletion::records).map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_makes_way_for_a_name_and_back() {
        let address = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "us")];
        assert_eq!(goes(&address, &[wants(RecordType::Cname, "lb.test")]), ["A h.test", "TXT _edns-a.h.test"]);
        let name = [record("CNAME", "h.test.", None, &["lb.test"]), txt("cname", "us")];
        assert_eq!(goes(&name, &[wants(RecordType::A, "192.0.2.1")]), ["CNAME h.test", "TXT _edns-cname.h.test"]);
        assert!(goes(&name, &[wants(RecordType::Cname, "other.test")]).is_empty(), "external-dns changes it");
    }

    #[test]
    fn an_address_of_a_family_that_is_no_longer_wanted_goes() {
        let both = [
            record("A", "h.test.", None, &["192.0.2.1"]),
            txt("a", "us"),
            record("AAAA", "h.test.", None, &["2001:db8::1"]),
            txt("aaaa", "us"),
        ];
        let v4 = wants(RecordType::A, "192.0.2.9");
        assert_eq!(goes(&both, std::slice::from_ref(&v4)), ["AAAA h.test", "TXT _edns-aaaa.h.test"]);
        assert!(goes(&both, &[v4, wants(RecordType::Aaaa, "2001:db8::1")]).is_empty());
        assert!(goes(&both, &[]).is_empty(), "nothing is known of hosts that are not asked for");
    }

    #[test]
    fn what_is_not_ours_stays() {
        let theirs = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "them")];
        assert!(goes(&theirs, &[wants(RecordType::Cname, "lb.test")]).is_empty());
        assert!(goes(&theirs[..1], &[wants(RecordType::Cname, "lb.test")]).is_empty());
    }

    #[test]
    fn aliases_stand_for_the_name_of_a_load_balancer_of_aws() {
        let (elb, other) = ("lb-1.elb.eu-west-1.amazonaws.com", "lb-2.elb.eu-west-1.amazonaws.com");
        let of = |target: &str| {
            let dotted = format!("dualstack.{target}.");
            [alias("A", "h.test.", &dotted), txt("a", "us"), alias("AAAA", "h.test.", &dotted), txt("aaaa", "us")]
        };
        assert!(goes(&of(elb), &[wants(RecordType::Cname, elb)]).is_empty());
        assert!(goes(&of(other), &[wants(RecordType::Cname, elb)]).is_empty(), "external-dns changes them");
        assert!(goes(&of("lb.test"), &[wants(RecordType::Cname, "lb.test")]).is_empty(), "it is said to be one");
        assert_eq!(goes(&of(elb), &[wants(RecordType::Cname, "lb.test")]).len(), 4);
        assert_eq!(goes(&of(elb), &[wants(RecordType::A, "192.0.2.1")]), ["AAAA h.test", "TXT _edns-aaaa.h.test"]);
        let name = [record("CNAME", "h.test.", None, &["lb.test"]), txt("cname", "us")];
        assert_eq!(goes(&name, &[wants(RecordType::Cname, elb)]).len(), 2, "a CNAME makes way for aliases");
    }

    #[test]
    fn an_ownership_record_alone_goes_unless_its_type_is_wanted() {
        let alone = [txt("a", "us"), txt("aaaa", "us")];
        assert_eq!(goes(&alone, &[wants(RecordType::A, "192.0.2.1")]), ["TXT _edns-aaaa.h.test"]);
    }
}
