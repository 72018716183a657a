//! Many hostnames leave a zone only with a person's word, whoever writes it.

use causeway_testkit::{
    INSTALLED, api, condition, eventually, harness, kinds::DNS_ENDPOINT, object_name, within, zone::create_zone,
};
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::{BY_WORKERS, Driver, EXTERNAL_DNS, ROUTE53, a, start};
use crate::site::Site;

/// Waits until the condition says that these would leave the zone.
async fn until_held(site: &Site, hosts: &[String]) -> Value {
    within(INSTALLED, "the hostnames are held", async || {
        let record = site.harness.client.get("domain-name-instances", site.published).await.unwrap();
        let published = condition(&record, "DnsPublished").cloned().unwrap_or_default();
        let message = published["Message"].as_str().unwrap_or_default();
        let all = published["Reason"] == "MassDeletion" && hosts.iter().all(|host| message.contains(host));
        if all { Ok(published.clone()) } else { Err(format!("{record:#}")) }
    })
    .await
}

async fn many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list(driver: Driver) {
    let site = Site::of("guard");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let hosts: Vec<_> = (10..35).map(|n| format!("h{n}.{}", site.1)).collect();
    let site = start(driver, site, json!({}), json!({"Hostnames": hosts})).await;
    site.until_published().await;
    let all: Vec<_> = hosts.iter().map(|host| format!("A {host}")).collect();
    assert_eq!(site.zone(&zone).await, all);
    // A few go without a question.
    let client = &site.harness.client;
    let gateway = client.get("gateway-instances", site.gateway).await.unwrap();
    let definition = gateway["GatewayDefinitionID"].as_i64().unwrap();
    client.patch("gateway-definitions", definition, &json!({"Hostnames": hosts[..23]})).await.unwrap();
    site.until_holds(&zone, &all[..23]).await;
    site.until_published().await;
    // The rest would be too many.
    client.delete("domain-name-instances", site.published).await.unwrap();
    let held = until_held(&site, &hosts[..23]).await;
    assert!(
        held["Message"].as_str().unwrap().starts_with(&format!("23 hostnames would leave hosted zone {zone}")),
        "{held:#}"
    );
    assert_eq!(site.zone(&zone).await, all[..23], "nothing is deleted");
    let events = format!("/v0/events-join-attached-object-references?objectid={}", site.published);
    let events = client.try_get(&events).await.unwrap();
    assert!(events.text.contains("MassDeletion"), "{}", events.text);
    client.patch("domain-name-instances", site.published, &json!({"Reconciled": false})).await.unwrap();
    client.until_gone("domain-name-instances", site.published, INSTALLED).await.unwrap();
    site.until_empty(&zone).await;
    client.delete("gateway-instances", site.gateway).await.unwrap();
    client.until_gone("gateway-instances", site.gateway, INSTALLED).await.unwrap();
}

#[tokio::test]
async fn workers_that_write_a_zone_ask_before_many_hostnames_leave_it() {
    many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list(ROUTE53).await;
}

#[tokio::test]
async fn beside_external_dns_workers_ask_before_many_hostnames_leave_a_zone() {
    many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list(EXTERNAL_DNS).await;
}

#[tokio::test]
async fn a_domain_says_itself_how_many_hostnames_may_leave() {
    let site = Site::of("strict");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let none = json!({"MaxDeletions": 0, "MaxDeletionsPercent": 0});
    let site = start(ROUTE53, site, none, json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let client = &site.harness.client;
    client.delete("domain-name-instances", site.published).await.unwrap();
    until_held(&site, std::slice::from_ref(&host)).await;
    assert_eq!(site.zone(&zone).await, a(&host), "nothing is deleted");
    client.patch("domain-name-instances", site.published, &json!({"Reconciled": false})).await.unwrap();
    client.until_gone("domain-name-instances", site.published, INSTALLED).await.unwrap();
    site.until_empty(&zone).await;
    client.delete("gateway-instances", site.gateway).await.unwrap();
    client.until_gone("gateway-instances", site.gateway, INSTALLED).await.unwrap();
}

/// With the namespace, or with the definition of their kind: external-dns sees no object any more, and takes nothing out of the zone.
#[tokio::test]
async fn objects_that_somebody_deletes_take_no_record_out_of_a_zone() {
    let site = Site::of("wiped");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let site = start(EXTERNAL_DNS, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let client = &site.harness.client;
    let pause = |paused: bool| json!({"InterruptReconciliation": paused});
    client.patch("domain-name-instances", site.published, &pause(true)).await.unwrap();
    let namespace = object_name(&site.name, site.workload);
    let objects = api(&site.harness.kube().await.unwrap(), DNS_ENDPOINT, Some(&namespace));
    objects.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    eventually("the objects are gone", async || {
        let left = objects.list(&ListParams::default()).await.unwrap().items.len();
        if left == 0 { Ok(()) } else { Err(left) }
    })
    .await;
    // external-dns reads the zone in each of its rounds.
    let rounds = async || {
        let calls = site.knobs().route53_calls(&zone).await.unwrap();
        calls.iter().filter(|(key, _)| *key != BY_WORKERS).map(|(_, count)| count).sum::<u64>()
    };
    let before = rounds().await;
    within(INSTALLED, "external-dns has gone through two rounds", async || {
        let now = rounds().await;
        if now >= before + 2 { Ok(()) } else { Err((before, now)) }
    })
    .await;
    assert_eq!(site.zone(&zone).await, a(&format!("www.{}", site.domain_name)));
    client.patch("domain-name-instances", site.published, &pause(false)).await.unwrap();
    site.until_published().await;
    site.delete().await;
}
