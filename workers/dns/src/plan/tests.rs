use proptest::prelude::*;

use super::super::any_zone::{is_ours, zones};
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

fn weighs(wanted: DesiredRecord, set: &str, weight: i32) -> DesiredRecord {
    DesiredRecord { weighted: Some(weighted(set, weight)), ..wanted }
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

fn is_possible(zone: &[ZoneRecord]) -> bool {
    fault(zone).is_none()
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

#[test]
fn a_cluster_has_a_record_of_its_own_beside_those_of_others() {
    let address = || wants(RecordType::A, "h.test", &["192.0.2.1"], 300);
    let theirs = [record("A", "h.test.", Some("b"), &["192.0.2.9"]), txt("a", "h.test", Some("b"), "them")];
    let made = plan(&theirs, &[weighs(address(), "a", 0)]);
    assert_eq!(shown(&made), ["+ A h.test (a)", "+ TXT _edns-a.h.test (a)"]);
    assert!(made[0].creates().iter().all(|record| record.weight() == Some(0)));
    let both = after(&theirs, &made[0]).unwrap();
    assert_eq!(plan(&both, &[weighs(address(), "a", 0)]), []);
    let heavier = plan(&both, &[weighs(address(), "a", 20)]);
    assert_eq!(shown(&heavier), ["- A h.test (a)", "+ A h.test (a)"], "the ownership record stays");
    assert_eq!(plan(&theirs, &[weighs(wants(RecordType::Cname, "h.test", &["lb.test"], 300), "a", 1)]), []);
    let elb = wants(RecordType::Cname, "h.test", &["lb-1.elb.eu-west-1.amazonaws.com"], 300);
    assert_eq!(plan(&theirs, &[weighs(elb, "a", 1)])[0].creates().len(), 4, "aliases may be beside addresses");
}

#[test]
fn a_simple_record_of_ours_becomes_a_weighted_one_and_back_in_one_change() {
    let address = wants(RecordType::A, "h.test", &["192.0.2.1"], 300);
    let simple = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", None, "us")];
    let wanted = [weighs(address.clone(), "a", 7)];
    let made = plan(&simple, &wanted);
    let whole = ["- A h.test", "- TXT _edns-a.h.test", "+ A h.test (a)", "+ TXT _edns-a.h.test (a)"];
    assert_eq!((made.len(), shown(&made)), (1, whole.map(str::to_owned).to_vec()));
    assert_eq!(rerouted(&simple, &wanted, "us", &held(&["h.test"])), made, "beside external-dns, too");
    let now = after(&simple, &made[0]).unwrap();
    assert_eq!(plan(&now, std::slice::from_ref(&address)).len(), 1);
    let back = after(&now, &plan(&now, std::slice::from_ref(&address))[0]).unwrap();
    let texts =
        |zone: &[ZoneRecord]| zone.iter().map(|record| (record.to_string(), record.targets())).collect::<Vec<_>>();
    assert_eq!(texts(&back), texts(&simple));
    let other = [weighs(wants(RecordType::A, "h.test", &["192.0.2.8"], 300), "a", 9)];
    assert_eq!(rerouted(&now, &other, "us", &held(&["h.test"])), [], "external-dns can change that");
}

#[test]
fn what_is_chosen_in_another_way_is_told_and_left() {
    let address = || wants(RecordType::A, "h.test", &["192.0.2.1"], 300);
    let simple = [record("A", "h.test.", None, &["192.0.2.9"]), txt("a", "h.test", None, "them")];
    let routed = [record("A", "h.test.", Some("b"), &["192.0.2.9"]), txt("a", "h.test", Some("b"), "them")];
    let text = |zone: &[ZoneRecord], wanted| published(zone, &[wanted], "us")[0].to_string();
    for (zone, wanted, words) in [
        (&simple[..], weighs(address(), "a", 1), "a simple record that belongs to them, and a weighted one"),
        (&simple[..1], weighs(address(), "a", 1), "a simple record that was made by hand"),
        (&simple[1..], weighs(address(), "a", 1), "belongs to them"),
        (&routed[..], address(), "a weighted record that belongs to them, and a simple one"),
        (&routed[1..], address(), "a weighted record that belongs to them"),
        (&routed[..], weighs(address(), "b", 1), "h.test has a record that belongs to them"),
    ] {
        assert_eq!(plan(zone, std::slice::from_ref(&wanted)), [], "{zone:?}");
        let sentence = text(zone, wanted);
        assert!(sentence.contains(words), "{sentence}");
    }
    // What is ours stays as it is until then.
    let ours = [record("AAAA", "h.test.", None, &["2001:db8::1"]), txt("aaaa", "h.test", None, "us")];
    let both = [weighs(address(), "a", 1), weighs(wants(RecordType::Aaaa, "h.test", &["2001:db8::1"], 300), "a", 1)];
    assert_eq!(plan(&[&simple[..], &ours].concat(), &both), []);
}

#[test]
fn the_ttl_of_all_clusters_changes_in_one_request_of_one_of_them() {
    let of = |set: &str| [record("A", "h.test.", Some(set), &["192.0.2.1"]), txt("a", "h.test", Some(set), set)];
    let zone = [of("cp-1"), of("cp-2")].concat();
    let wanted = |set: &str| [weighs(wants(RecordType::A, "h.test", &["192.0.2.1"], 60), set, 10)];
    let made = changes(&zone, &wanted("cp-1"), "cp-1", &held(&["h.test"]));
    let whole = ["- A h.test (cp-1)", "- A h.test (cp-2)", "+ A h.test (cp-1)", "+ A h.test (cp-2)"];
    assert_eq!(shown(&made), whole);
    assert_eq!(rerouted(&zone, &wanted("cp-1"), "cp-1", &held(&["h.test"])), made, "external-dns sees its own alone");
    assert_eq!(after(&zone, &made[0]).map(|zone| zone.len()), Ok(4));
    // Not by the other one, nor where one is somebody else's.
    for (zone, set) in [(&zone[..], "cp-2"), (&[of("cp-1"), of("other-3")].concat()[..], "cp-1")] {
        assert_eq!(changes(zone, &wanted(set), set, &held(&["h.test"])), []);
        let sentence = published(zone, &wanted(set), set)[0].to_string();
        assert!(sentence.contains("have TTL 300 and should have 60"), "{sentence}");
    }
}

#[test]
fn what_cannot_have_its_ttl_yet_is_written_with_that_of_the_others() {
    let of = |set: &str| [record("A", "h.test.", Some(set), &["192.0.2.1"]), txt("a", "h.test", Some(set), set)];
    let zone = [of("cp-1"), of("cp-2")].concat();
    let wanted = |set: &str, weight| [weighs(wants(RecordType::A, "h.test", &["192.0.2.1"], 60), set, weight)];
    // A newcomer, also if it is to change the TTL of all as soon as it is there; and one that is taken out.
    for (set, weight, whole) in [
        ("cp-0", 10, &["+ A h.test (cp-0)", "+ TXT _edns-a.h.test (cp-0)"]),
        ("cp-2", 0, &["- A h.test (cp-2)", "+ A h.test (cp-2)"]),
    ] {
        let made = changes(&zone, &wanted(set, weight), set, &held(&["h.test"]));
        assert_eq!(shown(&made), whole);
        let address = made[0].creates().iter().find(|record| !record.is_txt()).unwrap();
        assert_eq!((address.ttl(), address.weight()), (Some(300), Some(weight.into())));
        assert_eq!(rerouted(&zone, &wanted(set, weight), set, &held(&["h.test"])), made, "external-dns can't");
        let now = after(&zone, &made[0]).unwrap();
        let next = changes(&now, &wanted(set, weight), set, &held(&["h.test"]));
        assert_eq!(next.len(), usize::from(set == "cp-0"), "{next:?}");
        let state = &published(&now, &wanted(set, weight), set)[0].state;
        let is_told = *state == RecordState::OtherTtl { found: 300, wanted: 60 };
        assert_eq!(is_told, set == "cp-2", "{state:?}");
    }
}

#[test]
fn what_goes_in_the_same_request_has_no_say_in_the_ttl() {
    let of = |set: &str, owner: &str| {
        [record("A", "h.test.", Some(set), &["192.0.2.1"]), txt("a", "h.test", Some(set), owner)]
    };
    let wanted = [weighs(wants(RecordType::A, "h.test", &["192.0.2.1"], 60), "cp-1", 10)];
    for (zone, ttl) in [(of("old", "cp-1").to_vec(), 60), ([of("old", "cp-1"), of("cp-2", "cp-2")].concat(), 300)] {
        let made = changes(&zone, &wanted, "cp-1", &held(&["h.test"]));
        let now = after(&zone, &made[0]).unwrap();
        let ours = now.iter().find(|record| !record.is_txt() && record.set_identifier() == Some("cp-1")).unwrap();
        assert_eq!(ours.ttl(), Some(ttl), "{now:?}");
        assert!(now.iter().all(|record| record.set_identifier() != Some("old")), "{now:?}");
    }
}

#[test]
fn the_ttl_of_each_type_is_changed_by_a_cluster_that_has_it() {
    let of = |kind: &str, set: &str, address: &str| {
        let name = kind.to_ascii_lowercase();
        [record(kind, "h.test.", Some(set), &[address]), txt(&name, "h.test", Some(set), set)]
    };
    let balancer = alias("A", "h.test.", "lb.test.").weighing(&weighted("cp-1", 10));
    let zone = [
        vec![balancer, txt("a", "h.test", Some("cp-1"), "cp-1")],
        of("A", "cp-2", "192.0.2.1").to_vec(),
        of("A", "cp-3", "192.0.2.2").to_vec(),
        of("AAAA", "cp-3", "2001:db8::2").to_vec(),
        of("AAAA", "cp-4", "2001:db8::3").to_vec(),
    ]
    .concat();
    let changed = |set: &str, record_type, address: &str| {
        let wanted = [weighs(wants(record_type, "h.test", &[address], 60), set, 10)];
        let made = changes(&zone, &wanted, set, &held(&["h.test"]));
        let retimed = made.iter().flat_map(HostChange::creates).filter(|record| record.ttl() == Some(60));
        retimed.map(ToString::to_string).collect::<Vec<_>>()
    };
    // The load balancer of AWS of the first has no TTL, and is no reason to wait for it.
    assert_eq!(changed("cp-2", RecordType::A, "192.0.2.1"), ["A h.test (cp-2)", "A h.test (cp-3)"]);
    // Nor are clusters without an address of this type.
    assert_eq!(changed("cp-3", RecordType::Aaaa, "2001:db8::2"), ["AAAA h.test (cp-3)", "AAAA h.test (cp-4)"]);
    assert_eq!(changed("cp-4", RecordType::Aaaa, "2001:db8::3"), [""; 0]);
}

#[test]
fn a_cluster_that_cannot_be_asked_gets_another_weight_and_nothing_else() {
    let addresses = [record("A", "h.test.", Some("a"), &["192.0.2.1"]), txt("a", "h.test", Some("a"), "us")];
    let others = [record("A", "h.test.", Some("b"), &["192.0.2.9"]), txt("a", "h.test", Some("b"), "them")];
    let zone = [&addresses[..], &others].concat();
    let hosts = ["H.test.".to_owned(), "none.test".to_owned()];
    let made = reweighed(&zone, &hosts, "us", &weighted("a", 0));
    assert_eq!(shown(&made), ["- A h.test (a)", "+ A h.test (a)"]);
    let now = after(&zone, &made[0]).unwrap();
    assert_eq!(now.iter().filter(|record| record.weight() == Some(0)).count(), 1);
    assert_eq!(reweighed(&now, &hosts, "us", &weighted("a", 0)), []);
    assert_eq!(reweighed(&now, &hosts, "nobody", &weighted("b", 0)), []);
    let simple = [alias("A", "h.test.", "lb.test."), txt("a", "h.test", None, "us")];
    let made = reweighed(&simple, &hosts, "us", &weighted("a", 0));
    assert_eq!(made[0].creates().len(), 2, "with its ownership record");
    assert!(made[0].creates()[0].is_alias() && after(&simple, &made[0]).is_ok());
    assert_eq!(super::super::beside::other_weights(&now, "h.test", "a"), [10]);
}

/// What two hosts may have.
fn desires() -> impl Strategy<Value = Vec<DesiredRecord>> {
    let of = |host: &'static str| {
        let v4 = prop_oneof![Just("192.0.2.1"), Just("192.0.2.2")];
        let ttl = prop_oneof![Just(60), Just(300)];
        let name = prop_oneof![Just("lb.test"), Just("other.test"), Just("lb-1.elb.eu-west-1.amazonaws.com")];
        (0..4u8, v4, ttl, name).prop_map(move |(what, v4, ttl, name)| match what {
            0 => vec![wants(RecordType::A, host, &[v4], ttl)],
            1 => vec![wants(RecordType::A, host, &[v4], ttl), wants(RecordType::Aaaa, host, &["2001:db8::1"], ttl)],
            _ => vec![wants(RecordType::Cname, host, &[name], ttl)],
        })
    };
    let routing = prop_oneof![Just(None), Just(Some(weighted("x", 10))), Just(Some(weighted("x", 0)))];
    (of("a.test"), of("*.a.test"), routing).prop_map(|(a, b, routing)| {
        let mut all = [a, b].concat();
        all.iter_mut().for_each(|wanted| wanted.weighted = routing.clone());
        all
    })
}

proptest! {
    #[test]
    fn what_is_wanted_comes_at_once_and_nothing_of_others_goes(zone in zones(is_possible), wanted in desires()) {
        let mut now = zone.clone();
        for change in plan(&zone, &wanted) {
            now = after(&now, &change).map_err(|why| TestCaseError::fail(format!("{why}: {:?}", shown(std::slice::from_ref(&change)))))?;
        }
        for record in &zone {
            let may_go = is_ours(&zone, record) && !record.name().ends_with("b.test");
            prop_assert!(may_go || now.contains(record), "{record} is not ours and would go");
        }
        let states = published(&now, &wanted, "us");
        let awaited = |state: &RecordState| matches!(state, RecordState::Missing | RecordState::Differs { .. });
        // While somebody else has one of its records, a host keeps what it has of ours.
        let is_blocked = |host: &str| states.iter().any(|state| state.host == host && is_in_the_way(&state.state));
        for state in states.iter().filter(|state| awaited(&state.state) && !is_blocked(&state.host)) {
            prop_assert!(false, "{state}: {now:?} of {zone:?}");
        }
        for record in now.iter().filter(|record| !zone.contains(record)) {
            prop_assert!(is_ours(&now, record), "{record} has no ownership record");
        }
    }

    #[test]
    fn a_zone_that_is_as_wanted_is_left_alone(zone in zones(is_possible), wanted in desires()) {
        let now = plan(&zone, &wanted).iter().try_fold(zone, |zone, change| after(&zone, change)).map_err(TestCaseError::fail)?;
        let again = plan(&now, &wanted).iter().try_fold(now, |zone, change| after(&zone, change)).map_err(TestCaseError::fail)?;
        prop_assert_eq!(shown(&plan(&again, &wanted)), [""; 0], "it comes to rest");
    }

    /// With every change the host has an answer before and after, if it had one of ours and gets one.
    #[test]
    fn no_host_loses_its_answer_while_it_is_changed(zone in zones(is_possible), wanted in desires()) {
        let answers = |zone: &[ZoneRecord], host: &str| zone.iter().any(|record| record.name() == host && record.record_type().is_some());
        let mut now = zone.clone();
        for change in plan(&zone, &wanted) {
            let before = answers(&now, change.host());
            now = after(&now, &change).map_err(TestCaseError::fail)?;
            prop_assert!(!before || answers(&now, change.host()), "{:?}", shown(&[change]));
        }
    }
}
