//! What changes in DNS.

use super::{no_mask, touched};
use crate::{effect::*, samples};
use causeway_records::{
    inputs::{AnyInputs, DomainNameInputs, GatewayStates, HostRecord, PublishedZone},
    nouns::{DnsDriver, RoutingPolicy},
};

/// One side with this domain name instance, whose gateways have these states.
fn side_with(inputs: &DomainNameInputs, states: &GatewayStates) -> Side<Rendered> {
    let subject = (Kind::DomainNameInstance, inputs.instance.record.common.id);
    let rendered = rendered(AnyInputs::DomainName(Box::new(inputs.clone()), states.clone()));
    Side { touched: [(subject, touched("shop"))].into(), records: [(subject, rendered)].into(), ..Side::default() }
}

#[test]
fn records_of_dns_are_told_by_hostname_and_type() {
    let (inputs, _) = samples::domain_name();
    let state =
        |values: &[&str]| json!({"addresses": values.iter().map(|value| json!({"value": value})).collect::<Vec<_>>()});
    let side = |states: GatewayStates| side_with(&inputs, &states);
    let of = |before: &Side<Rendered>, after: &Side<Rendered>| {
        let found = effect(Trial { before: before.clone(), after: after.clone() }, &no_mask);
        let told = |one: &RecordChange| {
            format!("{:?} {} {} {:?} {:?}", one.change, one.hostname, one.r#type, one.old, one.new)
        };
        (found.dns_records.iter().map(told).collect::<Vec<_>>(), found.warnings)
    };
    let (none, without) = (Side::default(), side(GatewayStates::new()));
    let (records, warnings) = of(&none, &without);
    assert_eq!(records, ["Added example.org  [] []", "Added shop.example.org  [] []"]);
    assert!(warnings[0].contains("when its Gateway has an address"), "{warnings:?}");
    let one = side([(302, state(&["192.0.2.1"]))].into());
    let two = side([(302, state(&["192.0.2.1", "2001:db8::1"])), (309, state(&["lb.example.net"]))].into());
    assert_eq!(of(&without, &one).0, [r#"Added shop.example.org A [] ["192.0.2.1"]"#]);
    assert_eq!(
        of(&one, &two).0,
        [r#"Added example.org CNAME [] ["lb.example.net"]"#, r#"Added shop.example.org AAAA [] ["2001:db8::1"]"#]
    );
    assert_eq!(of(&two, &without).0.len(), 3, "all of them go");
}

/// A domain name instance with so many hostnames, whose gateways have an address; and the same with only one of them.
fn domain_names(driver: DnsDriver, count: usize) -> [Side<Rendered>; 2] {
    let (mut inputs, targets) = samples::domain_name();
    let state = |id: &i64| (*id, json!({"addresses": [{"value": "192.0.2.1"}]}));
    let states: GatewayStates = targets.keys().map(state).collect();
    inputs.definition.spec.dns_driver = Some(driver);
    [count, 1].map(|count| {
        let mut inputs = inputs.clone();
        inputs.gateways.truncate(1);
        inputs.gateways[0].hostnames = (0..count).map(|n| format!("h{n}.example.org")).collect();
        let zone = PublishedZone { id: "Z1".into(), name: "example.org".into(), ..PublishedZone::default() };
        let noted =
            |hostname: &String| (hostname.clone(), HostRecord { zone: Some(zone.clone()), ..HostRecord::default() });
        inputs.published.hosts = inputs.gateways[0].hostnames.iter().map(noted).collect();
        side_with(&inputs, &states)
    })
}

#[test]
fn records_that_workers_write_are_shown_like_those_of_external_dns_and_have_no_object() {
    for (driver, objects) in [(DnsDriver::Route53, 0), (DnsDriver::ExternalDns, 1)] {
        let [two, one] = domain_names(driver, 2);
        let made = effect(Trial { before: Side::default(), after: two.clone() }, &no_mask);
        assert_eq!(made.clusters.iter().flat_map(|cluster| &cluster.objects).count(), objects, "{driver:?}");
        let told: Vec<_> =
            made.dns_records.iter().map(|record| (record.hostname.as_str(), record.zone.as_deref())).collect();
        assert_eq!(
            told,
            [("h0.example.org", Some("example.org")), ("h1.example.org", Some("example.org"))],
            "{driver:?}"
        );
        let less = effect(Trial { before: two, after: one }, &no_mask);
        assert_eq!(less.dns_records.len(), 1);
        assert_eq!(
            (less.dns_records[0].change, less.dns_records[0].hostname.as_str()),
            (ChangeKind::Removed, "h1.example.org")
        );
        assert!(less.warnings.is_empty(), "{:?}", less.warnings);
    }
    let [before, _] = domain_names(DnsDriver::ExternalDns, 2);
    let [after, _] = domain_names(DnsDriver::Route53, 2);
    let handed_over = effect(Trial { before, after }, &no_mask);
    assert_eq!((handed_over.dns_records.len(), handed_over.clusters[0].objects.len()), (0, 1), "only the object goes");
}

#[test]
fn a_cluster_that_is_taken_out_is_shown_by_the_weight_of_its_records() {
    let (mut inputs, targets) = samples::domain_name();
    inputs.definition.spec.routing_policy = Some(RoutingPolicy::Weighted);
    inputs.gateways.truncate(1);
    let states: GatewayStates =
        targets.keys().map(|id| (*id, json!({"addresses": [{"value": "192.0.2.1"}]}))).collect();
    let side = |drained| {
        let mut inputs = inputs.clone();
        inputs.drained = drained;
        side_with(&inputs, &states)
    };
    let found = effect(Trial { before: side(false), after: side(true) }, &no_mask).dns_records;
    assert_eq!((found.len(), found[0].old_weight, found[0].new_weight), (1, Some(100), Some(0)), "{found:?}");
    assert!(found[0].change == ChangeKind::Changed && found[0].old == found[0].new, "{found:?}");
    let made = effect(Trial { before: Side::default(), after: side(false) }, &no_mask).dns_records;
    assert_eq!((made[0].old_weight, made[0].new_weight), (None, Some(100)), "{made:?}");
}

#[test]
fn hostnames_that_wait_for_a_persons_word_are_a_warning() {
    let warnings = |driver, count| {
        let [many, one] = domain_names(driver, count);
        effect(Trial { before: many, after: one }, &no_mask).warnings
    };
    let told = warnings(DnsDriver::Route53, 22);
    assert!(told[0].starts_with("21 hostnames leave hosted zone example.org") && told.len() == 1, "{told:?}");
    assert!(warnings(DnsDriver::Route53, 21).is_empty());
    assert_eq!(warnings(DnsDriver::ExternalDns, 22), told, "whoever writes them");
}

#[test]
fn what_cant_be_at_the_name_of_its_zone_is_a_warning_and_no_record() {
    let (mut inputs, targets) = samples::domain_name();
    inputs.gateways.truncate(1);
    inputs.gateways[0].hostnames = vec!["example.org".into()];
    let zone = PublishedZone { id: "Z1".into(), name: "example.org".into(), ..PublishedZone::default() };
    inputs.published.hosts = [("example.org".into(), HostRecord { zone: Some(zone), ..HostRecord::default() })].into();
    let states = targets.keys().map(|id| (*id, json!({"addresses": [{"value": "lb.example.net"}]}))).collect();
    let rendered = rendered(AnyInputs::DomainName(Box::new(inputs), states));
    assert!(rendered.hosts.is_empty() && rendered.objects.is_empty());
    assert!(rendered.warnings[0].contains("give the gateway a SubDomain"), "{:?}", rendered.warnings);
}
