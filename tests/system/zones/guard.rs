//! Many hostnames leave a zone only with a person's word, where the workers write it.

use causeway_testkit::{INSTALLED, condition, harness, within, zone::create_zone};
use serde_json::{Value, json};

use super::{ROUTE53, start};
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

#[tokio::test]
async fn many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list() {
    let site = Site::of("guard");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let hosts: Vec<_> = (10..35).map(|n| format!("h{n}.{}", site.1)).collect();
    let site = start(ROUTE53, site, json!({}), json!({"Hostnames": hosts})).await;
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
