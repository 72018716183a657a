//! Which of several domain name instances has a hostname, and when its records go.

use causeway_records::{
    inputs::{DomainNameInputs, Elsewhere, HostRecord, Published, PublishedZone},
    nouns::RoutingPolicy,
};
use causeway_render::{
    domain_name::{RecordSet, render, wanted},
    hostnames::{holder, intended, is_handing_over, leaving, successors},
    labels::HOSTED_ZONE,
    plan::Object,
    samples,
    support_service::dns_owner,
};
use chrono::{DateTime, TimeDelta};
use serde_json::json;
use std::collections::BTreeMap;

const SHOP: &str = "shop.example.org";
/// The id of the sample.
const OWN: i64 = 401;

fn noted(id: i64) -> Elsewhere {
    Elsewhere::Noted { id, name: format!("names-{id}") }
}

fn elsewhere(inputs: &mut DomainNameInputs, how: Elsewhere) {
    inputs.wanted_elsewhere = [(SHOP.to_owned(), how)].into();
}

/// What is noted down for these hostnames.
fn note(inputs: &DomainNameInputs, wanted: &BTreeMap<String, Vec<RecordSet>>) -> Published {
    intended(inputs, wanted, &samples::zones(), None)
}

/// The hostnames in all DNSEndpoints, each once, sorted.
fn published(inputs: &DomainNameInputs) -> Vec<String> {
    let mut inputs = inputs.clone();
    let targets = samples::domain_name().1;
    inputs.published = note(&inputs, &wanted(&inputs, &targets));
    let plan = render(&inputs, &targets);
    let endpoints =
        plan.objects.iter().flat_map(|object| object.body["spec"]["endpoints"].as_array().cloned().unwrap_or_default());
    let mut names: Vec<_> = endpoints.filter_map(|endpoint| Some(endpoint["dnsName"].as_str()?.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn with_weights_a_record_is_that_of_its_cluster() {
    let (mut inputs, targets) = samples::domain_name();
    let endpoints = |inputs: &DomainNameInputs| {
        let mut inputs = inputs.clone();
        inputs.published = note(&inputs, &wanted(&inputs, &targets));
        let objects = render(&inputs, &targets).objects;
        let all = objects.iter().flat_map(|object| object.body["spec"]["endpoints"].as_array().cloned().unwrap());
        all.collect::<Vec<_>>()
    };
    assert!(endpoints(&inputs).iter().all(|endpoint| endpoint.get("setIdentifier").is_none()));
    inputs.definition.spec.routing_policy = Some(RoutingPolicy::Weighted);
    let owner = dns_owner(&inputs.control_plane, inputs.instance.record.spec.kubernetes_runtime_instance_id);
    for (drained, weight) in [(false, "100"), (true, "0")] {
        inputs.drained = drained;
        let found = endpoints(&inputs);
        assert_eq!(found.len(), 3);
        for endpoint in found {
            assert_eq!(endpoint["setIdentifier"], owner.as_str());
            assert_eq!(endpoint["providerSpecific"], json!([{"name": "aws/weight", "value": weight}]));
        }
    }
}

#[test]
fn hostnames_leave_with_their_gateway_not_with_its_address() {
    let (mut inputs, targets) = samples::domain_name();
    let record = HostRecord { present: true, ttl: 300, ..HostRecord::default() };
    inputs.published.hosts =
        [SHOP, "example.org", "old.example.org"].map(|name| (name.to_owned(), record.clone())).into();
    let leaves = |inputs: &DomainNameInputs| leaving(inputs, DateTime::UNIX_EPOCH).into_iter().collect::<Vec<_>>();
    assert_eq!(leaves(&inputs), ["old.example.org"]);
    assert_eq!(wanted(&inputs, &Default::default()).len(), 0);
    assert_eq!(render(&inputs, &Default::default()).objects.len(), 0);
    inputs.gateways[0].instance.record.status.deletion_scheduled = Some(Default::default());
    assert_eq!(leaves(&inputs), ["old.example.org", SHOP]);
    assert_eq!(wanted(&inputs, &targets).into_keys().collect::<Vec<_>>(), ["example.org"]);
    inputs.instance.record.status.deletion_scheduled = Some(Default::default());
    assert_eq!(leaves(&inputs), ["example.org", "old.example.org", SHOP]);
    inputs.wanted_elsewhere.insert("old.example.org".into(), noted(402));
    assert_eq!(leaves(&inputs), ["example.org", SHOP], "another instance goes on publishing it");
    assert_eq!(published(&inputs).len(), 0);
}

#[test]
fn a_hostname_is_noted_down_before_it_is_published() {
    let (mut inputs, targets) = samples::domain_name();
    let gone = HostRecord { gone_since: Some(Default::default()), ttl: 300, ..HostRecord::default() };
    inputs.published.hosts = [(SHOP.to_owned(), gone)].into();
    let ahead = note(&inputs, &wanted(&inputs, &targets));
    let hosts: Vec<_> = ahead.hosts.iter().map(|(host, record)| (host.as_str(), record.gone_since)).collect();
    assert_eq!(hosts, [("example.org", None), (SHOP, None)], "what comes back has not left any more");
}

#[test]
fn a_hostname_is_rendered_for_its_zone_alone_and_not_before_that_is_known() {
    let (mut inputs, targets) = samples::domain_name();
    let wanted = wanted(&inputs, &targets);
    let mut zones = samples::zones();
    let elsewhere = PublishedZone { id: "Z2".into(), name: "shop.example.org".into(), private: true, account: Some(5) };
    zones.insert(SHOP.into(), elsewhere.clone());
    zones.remove("example.org");
    inputs.published = intended(&inputs, &wanted, &zones, None);
    let zone_of = |inputs: &DomainNameInputs| {
        let plan = render(inputs, &targets);
        let label = |object: &Object| object.body["metadata"]["labels"][HOSTED_ZONE].as_str().unwrap().to_owned();
        plan.objects.iter().map(|object| (object.at.name.clone(), label(object))).collect::<Vec<_>>()
    };
    assert_eq!(zone_of(&inputs), [("shop-example-org-401-302-z2".to_owned(), "Z2".to_owned())]);
    inputs.published = note(&inputs, &wanted);
    assert_eq!(inputs.published.hosts[SHOP].former[0].zone, elsewhere, "its records are deleted there");
    let all: Vec<_> = zone_of(&inputs).into_iter().map(|(_, zone)| zone).collect();
    assert_eq!(all, ["Z0123456789", "Z0123456789"]);
}

#[test]
fn whoever_has_noted_a_hostname_first_keeps_it() {
    let (mut inputs, targets) = samples::domain_name();
    let all = wanted(&inputs, &targets);
    elsewhere(&mut inputs, Elsewhere::Asked { by: vec![1] });
    assert_eq!(holder(&inputs, SHOP), None);
    assert_eq!(published(&inputs), ["example.org", SHOP], "to ask for it is not to have it");

    elsewhere(&mut inputs, noted(402));
    assert_eq!(holder(&inputs, SHOP), Some("names-402"), "also one that was made later");
    assert_eq!(published(&inputs), ["example.org"]);
    assert_eq!(note(&inputs, &all).hosts.into_keys().collect::<Vec<_>>(), ["example.org"]);
    assert!(wanted(&inputs, &targets).contains_key(SHOP), "whether it stands as it should is looked at");
    let looked_at = HostRecord { present: true, elsewhere: true, ..HostRecord::default() };
    inputs.published.hosts = [(SHOP.to_owned(), looked_at)].into();
    assert_eq!(holder(&inputs, SHOP), Some("names-402"), "to look at it is not to have it");

    inputs.published = note(&samples::domain_name().0, &all);
    assert_eq!(holder(&inputs, SHOP), None);
    elsewhere(&mut inputs, noted(OWN - 1));
    assert_eq!(holder(&inputs, SHOP), Some("names-400"), "of two at once the older one");
    assert_eq!(published(&inputs), ["example.org"]);
}

#[test]
fn a_hostname_goes_over_to_another_instance_once_that_has_noted_it_down() {
    let (mut inputs, targets) = samples::domain_name();
    let mut shop = wanted(&inputs, &targets);
    shop.retain(|hostname, _| hostname == SHOP);
    inputs.published = note(&inputs, &shop);
    elsewhere(&mut inputs, Elsewhere::Asked { by: vec![402, 403] });
    assert!(successors(&inputs).is_empty(), "it stays");
    let scheduled = DateTime::UNIX_EPOCH;
    let after = |seconds| scheduled + TimeDelta::seconds(seconds);
    inputs.instance.record.status.deletion_scheduled = Some(scheduled);
    let says = |inputs: &DomainNameInputs, seconds| {
        (leaving(inputs, after(seconds)).len(), is_handing_over(inputs, after(seconds)))
    };
    assert_eq!(successors(&inputs), [402, 403].into());
    assert_eq!(says(&inputs, 1), (0, true));
    assert_eq!(says(&inputs, 30), (1, false), "nobody came for it");
    elsewhere(&mut inputs, noted(402));
    assert_eq!(says(&inputs, 30), (0, false));
    inputs.wanted_elsewhere.clear();
    assert_eq!(says(&inputs, 1), (1, false), "nobody else has it");
}
