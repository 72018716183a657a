//! A domain changes its driver, and what only the workers' own driver does.

use causeway_testkit::{
    INSTALLED, api, condition, eventually, harness,
    kinds::DNS_ENDPOINT,
    within,
    zone::{create_zone, moments, put_record, remove_record},
};
use serde_json::json;

use super::{BY_WORKERS, EXTERNAL_DNS, ROUTE53, a, access_key, add_account, start};
use crate::{fixture::labelled, site::Site};

/// Waits until so many objects are there for external-dns.
async fn until_told(site: &Site, count: usize) {
    let kube = site.harness.kube().await.unwrap();
    within(INSTALLED, "external-dns has its objects, or none", async || {
        let found = labelled(&kube, DNS_ENDPOINT, &format!("domain-name-instance-{}", site.published)).await;
        if found.len() == count { Ok(()) } else { Err(found.len()) }
    })
    .await;
}

/// Waits until the host has this address, and says who wrote it.
async fn until_written(site: &Site, zone: &str, host: &str, address: &str) -> String {
    let key = (format!("{host}."), "A".to_owned());
    within(INSTALLED, "the address is in the zone", async || {
        let all = moments(&site.harness.endpoints, zone).await.unwrap();
        let first =
            all.iter().rev().take_while(|moment| moment.records.get(&key) == Some(&vec![address.to_owned()])).last();
        first.map(|moment| moment.by.clone()).ok_or("not yet")
    })
    .await
}

/// Fails if the host was without its record or without its ownership record since it had it first.
pub(super) async fn assert_no_gap(site: &Site, zone: &str, host: &str) {
    let keys = [(format!("{host}."), "A".to_owned()), (format!("_edns-a.{host}."), "TXT".to_owned())];
    let all = moments(&site.harness.endpoints, zone).await.unwrap();
    let held = all.iter().skip_while(|moment| !moment.records.contains_key(&keys[0]));
    assert!(held.clone().count() > 0, "it was never there");
    for (n, moment) in held.enumerate() {
        for key in &keys {
            assert!(moment.records.contains_key(key), "{key:?} is gone after request {n} by {}", moment.by);
        }
    }
}

#[tokio::test]
async fn a_domain_changes_its_driver_in_both_directions_and_is_served_all_the_time() {
    let site = Site::of("driver");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = start(EXTERNAL_DNS, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let written = site.records(&zone).await;
    // The workers take on what external-dns has written, as it is.
    site.change_domain(json!({"DnsDriver": ROUTE53})).await;
    until_told(&site, 0).await;
    site.until_published().await;
    assert_eq!(site.records(&zone).await, written);
    site.set_ingress(Some(json!([{"ip": "192.0.2.71"}]))).await;
    assert_eq!(until_written(&site, &zone, &host, "192.0.2.71").await, BY_WORKERS);
    site.until_published().await;
    // And external-dns what the workers have written.
    site.change_domain(json!({"DnsDriver": EXTERNAL_DNS})).await;
    until_told(&site, 1).await;
    site.until_published().await;
    site.set_ingress(Some(json!([{"ip": "192.0.2.72"}]))).await;
    assert_ne!(until_written(&site, &zone, &host, "192.0.2.72").await, BY_WORKERS);
    site.until_published().await;
    assert_no_gap(&site, &zone, &host).await;
    assert_eq!(site.records(&zone).await.len(), 2, "the address and its ownership record");
    site.set_ingress(None).await;
    site.delete().await;
}

#[tokio::test]
async fn records_are_the_same_whoever_writes_them() {
    let endpoints = &harness().await.endpoints;
    let mut written = vec![];
    for driver in [EXTERNAL_DNS, ROUTE53] {
        let site = Site::of("same");
        let zone = create_zone(endpoints, &site.1).await.unwrap();
        let hosts = [format!("a.{}", site.1), format!("b.{}", site.1)];
        let site = start(driver, site, json!({}), json!({"Hostnames": hosts})).await;
        site.set_ingress(Some(json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]))).await;
        let all = ["A", "AAAA"].map(|kind| hosts.each_ref().map(|host| format!("{kind} {host}"))).concat();
        site.until_holds(&zone, &all).await;
        site.until_published().await;
        let ids = [
            (site.name.clone(), "NAME"),
            (site.published.to_string(), "INSTANCE"),
            (site.gateway.to_string(), "GATEWAY"),
            (site.workload.to_string(), "WORKLOAD"),
            (zone.to_lowercase(), "ZONE"),
        ];
        let text = format!("{:#?}", site.records(&zone).await);
        written.push(ids.iter().fold(text, |text, (id, word)| text.replace(id.as_str(), word)));
        site.set_ingress(None).await;
        site.delete().await;
    }
    assert_eq!(written[0], written[1]);
}

#[tokio::test]
async fn an_address_becomes_a_name_without_a_moment_without_either() {
    let site = Site::of("swap");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = start(ROUTE53, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_holds(&zone, &[format!("CNAME {host}")]).await;
    site.set_ingress(None).await;
    site.until_holds(&zone, &a(&host)).await;
    let answers =
        |moment: &causeway_testkit::zone::Moment| moment.records.keys().any(|(name, _)| *name == format!("{host}."));
    let all = moments(&site.harness.endpoints, &zone).await.unwrap();
    assert!(all.len() >= 3 && all.iter().all(answers), "{} requests", all.len());
    let key = access_key(ROUTE53, &site.name);
    assert!(all.iter().all(|moment| moment.by == key));
    site.delete().await;
}

#[tokio::test]
async fn an_account_that_leads_to_the_same_zone_keeps_the_record_there() {
    let site = Site::of("keeps");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = start(ROUTE53, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let other = format!("AKIAKEEPS{}", site.name);
    let account = add_account(&format!("{}-keeps", site.name), &other).await;
    site.change_domain(json!({"AwsAccountID": account})).await;
    site.set_ingress(Some(json!([{"ip": "192.0.2.73"}]))).await;
    assert_eq!(until_written(&site, &zone, &host, "192.0.2.73").await, other);
    site.until_published().await;
    assert_no_gap(&site, &zone, &host).await;
    site.set_ingress(None).await;
    site.until_published().await;
    site.delete().await;
}

#[tokio::test]
async fn what_somebody_has_written_is_told_and_left_and_holds_up_no_other_hostname() {
    let site = Site::of("beside");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let (taken, free) = (format!("a.{}", site.1), format!("b.{}", site.1));
    put_record(endpoints, &zone, &taken, "A", "192.0.2.99").await.unwrap();
    let site = start(ROUTE53, site, json!({}), json!({"Hostnames": [taken, free]})).await;
    site.until_it_says("NotPublished", &[&taken, "by hand or by another tool"]).await;
    site.until_holds(&zone, &[a(&taken), a(&free)].concat()).await;
    let key = (format!("{taken}."), "A".to_owned());
    assert_eq!(site.records(&zone).await[&key], ["192.0.2.99"]);
    remove_record(endpoints, &zone, &taken, "A", "192.0.2.99").await.unwrap();
    site.until_published().await;
    assert_ne!(site.records(&zone).await[&key], ["192.0.2.99"]);
    site.delete().await;
}

#[tokio::test]
async fn a_cluster_needs_no_external_dns_for_it() {
    let site = Site::of("alone");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let site = start(ROUTE53, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let record = site.harness.client.get("domain-name-instances", site.published).await.unwrap();
    assert!(condition(&record, "SupportServicesInstalled").is_none(), "{record:#}");
    let namespace = causeway_testkit::object_name(&site.name, site.workload);
    let objects = api(&site.harness.kube().await.unwrap(), DNS_ENDPOINT, Some(&namespace));
    eventually("there is nothing for external-dns", async || {
        let found = objects.list(&kube::api::ListParams::default()).await.map_err(|error| error.to_string())?;
        if found.items.is_empty() { Ok(()) } else { Err(format!("{} objects", found.items.len())) }
    })
    .await;
    assert_eq!(site.zone(&zone).await, a(&format!("www.{}", site.domain_name)));
    site.delete().await;
}
