mod any_zone;
mod weights;

use super::super::record::tests::{alias, record};
use super::*;

fn txt(record_type: &str, host: &str, set: Option<&str>, owner: &str) -> ZoneRecord {
    let value = Ownership { owner: owner.into(), resource: "crd/ns/x".into() }.to_string();
    record("TXT", &format!("_edns-{record_type}.{host}."), set, &[&value])
}

fn wants(record_type: RecordType, host: &str, targets: &[&str], ttl: i64) -> DesiredRecord {
    let targets = targets.iter().map(ToString::to_string).collect();
    DesiredRecord { host: host.into(), record_type, targets, ttl: Some(ttl), weighted: None }
}

fn weighted(set: &str, weight: i32) -> Weighted {
    Weighted { set_identifier: set.into(), weight }
}

fn held(hosts: &[&str]) -> BTreeMap<String, String> {
    hosts.iter().map(|host| ((*host).to_owned(), "crd/ns/x".to_owned())).collect()
}

fn plan(zone: &[ZoneRecord], wanted: &[DesiredRecord]) -> Vec<HostChange> {
    let hosts: Vec<_> = wanted.iter().map(|wanted| wanted.host.as_str()).collect();
    changes(zone, wanted, "us", &held(&hosts))
}

/// Both sides of all changes: `- A h.test`, `+ CNAME h.test`.
fn shown(changes: &[HostChange]) -> Vec<String> {
    let of = |change: &HostChange| {
        let deletes = change.deletes().iter().map(|record| format!("- {record}"));
        deletes.chain(change.creates().iter().map(|record| format!("+ {record}"))).collect::<Vec<_>>()
    };
    changes.iter().flat_map(of).collect()
}

/// What is wrong with a zone for Route 53.
fn fault(zone: &[ZoneRecord]) -> Option<String> {
    for record in zone {
        let beside: Vec<_> = zone.iter().filter(|other| other.name() == record.name() && *other != record).collect();
        if beside.iter().any(|other| other.to_string() == record.to_string()) {
            return Some(format!("{record} is there twice"));
        }
        if record.type_name() == "CNAME" && beside.iter().any(|other| other.type_name() != "CNAME") {
            return Some(format!("{record} is beside others"));
        }
        let is_routed = record.set_identifier().is_some();
        if beside
            .iter()
            .any(|other| other.type_name() == record.type_name() && other.set_identifier().is_some() != is_routed)
        {
            return Some(format!("{record} is routed and plain"));
        }
        // An alias has no TTL.
        let differs = |other: &ZoneRecord| other.ttl().zip(record.ttl()).is_some_and(|(other, own)| other != own);
        if beside.iter().any(|other| other.type_name() == record.type_name() && differs(other)) {
            return Some(format!("{record} is kept for another time than others"));
        }
    }
    None
}

/// What Route 53 makes of a change: all of it, or a refusal.
fn after(zone: &[ZoneRecord], change: &HostChange) -> Result<Vec<ZoneRecord>, String> {
    if let Some(missing) = change.deletes().iter().find(|record| !zone.contains(record)) {
        return Err(format!("{missing} is not there"));
    }
    let mut left: Vec<_> = zone.iter().filter(|record| !change.deletes().contains(record)).cloned().collect();
    left.extend(change.creates().iter().cloned());
    fault(&left).map_or(Ok(left), Err)
}

#[test]
fn a_record_comes_with_its_ownership_as_external_dns_writes_it() {
    let made = plan(&[], &[wants(RecordType::A, "*.h.test", &["192.0.2.1"], 60)]);
    assert_eq!(shown(&made), ["+ A *.h.test", "+ TXT _edns-a.*.h.test"]);
    let [set, text] = made[0].creates() else { panic!("two records") };
    assert_eq!((set.ttl(), set.targets()), (Some(60), vec!["192.0.2.1".to_owned()]));
    let value = "\"heritage=external-dns,external-dns/owner=us,external-dns/resource=crd/ns/x\"";
    assert_eq!((text.ttl(), text.values().collect::<Vec<_>>()), (Some(300), vec![value]));
}

#[test]
fn what_external_dns_has_written_is_taken_on_as_it_is() {
    let zone = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", None, "us")];
    assert_eq!(plan(&zone, &[wants(RecordType::A, "h.test", &["192.0.2.1"], 300)]), []);
    let other = plan(&zone, &[wants(RecordType::A, "H.test.", &["192.0.2.2"], 300)]);
    assert_eq!(shown(&other), ["- A h.test", "+ A h.test"], "the ownership record stays");
}

#[test]
fn an_address_becomes_a_name_in_one_change() {
    let zone = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", None, "us")];
    let made = plan(&zone, &[wants(RecordType::Cname, "h.test", &["lb.test"], 300)]);
    let whole = ["- A h.test", "- TXT _edns-a.h.test", "+ CNAME h.test", "+ TXT _edns-cname.h.test"];
    assert_eq!((made.len(), shown(&made)), (1, whole.map(str::to_owned).to_vec()));
}

#[test]
fn a_load_balancer_of_aws_gets_aliases() {
    let name = "lb-1.elb.eu-west-1.amazonaws.com";
    let zone = [record("CNAME", "h.test.", None, &["lb.test"]), txt("cname", "h.test", None, "us")];
    let made = plan(&zone, &[wants(RecordType::Cname, "h.test", &[name], 300)]);
    let whole = [
        "- CNAME h.test",
        "- TXT _edns-cname.h.test",
        "+ A h.test",
        "+ TXT _edns-a.h.test",
        "+ AAAA h.test",
        "+ TXT _edns-aaaa.h.test",
    ];
    assert_eq!(shown(&made), whole);
    let target = made[0].creates()[0].raw().alias_target().unwrap();
    assert_eq!(
        (target.hosted_zone_id(), target.dns_name(), target.evaluate_target_health()),
        ("Z2IFOLAFXWLO4F", name, true)
    );
    let zone = after(&zone, &made[0]).unwrap();
    assert_eq!(plan(&zone, &[wants(RecordType::Cname, "h.test", &[name], 300)]), []);
}

#[test]
fn an_alias_of_an_older_external_dns_goes_with_its_ownership() {
    let zone = [alias("A", "h.test.", "lb.test."), txt("cname", "h.test", None, "us")];
    let made = plan(&zone, &[wants(RecordType::A, "h.test", &["192.0.2.1"], 300)]);
    assert_eq!(shown(&made), ["- A h.test", "- TXT _edns-cname.h.test", "+ A h.test", "+ TXT _edns-a.h.test"]);
}

#[test]
fn what_is_somebody_elses_is_neither_changed_nor_stood_beside() {
    let theirs = [record("A", "h.test.", None, &["192.0.2.9"]), txt("a", "h.test", None, "them")];
    for zone in [&theirs[..], &theirs[..1], &theirs[1..]] {
        assert_eq!(plan(zone, &[wants(RecordType::A, "h.test", &["192.0.2.1"], 300)]), [], "{zone:?}");
    }
    let mail = [
        record("MX", "h.test.", None, &["10 mail.test"]),
        record("A", "h.test.", None, &["192.0.2.1"]),
        txt("a", "h.test", None, "us"),
    ];
    assert_eq!(
        plan(&mail, &[wants(RecordType::Cname, "h.test", &["lb.test"], 300)]),
        [],
        "the address is better than nothing"
    );
    let v6 = plan(
        &theirs,
        &[
            wants(RecordType::A, "h.test", &["192.0.2.1"], 300),
            wants(RecordType::Aaaa, "h.test", &["2001:db8::1"], 300),
        ],
    );
    assert_eq!(shown(&v6), ["+ AAAA h.test", "+ TXT _edns-aaaa.h.test"]);
}

#[test]
fn hosts_that_are_not_held_are_left_alone() {
    let wanted = [wants(RecordType::A, "h.test", &["192.0.2.1"], 300)];
    assert_eq!(changes(&[], &wanted, "us", &BTreeMap::new()), []);
}
