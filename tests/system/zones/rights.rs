//! The policy that the API writes for a domain is what AWS has to allow, no less and no more: with nothing else everything is published, changed and
//! deleted, and each of its statements was needed.

use std::collections::BTreeSet;

use causeway_rig::Knobs;
use causeway_testkit::{INSTALLED, eventually, harness, id_of, zone::create_zone};
use serde_json::{Value, json};

use super::{EXTERNAL_DNS, ROUTE53, a, access_key, faults::start_apart, start};
use crate::site::Site;

/// The policy for a domain with these fields, from the API.
async fn policy_of((name, domain_name): &(String, String), more: Value) -> Value {
    let client = &harness().await.client;
    let mut body = json!({
        "Name": format!("{name}-rights"), "Domain": domain_name, "Zone": "Public", "AdminEmail": "ops@zones.example",
        "IssuerKind": "SelfSigned",
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = id_of(&client.create("domain-name-definitions", &body).await.unwrap()).unwrap();
    let answer = client.try_get(&format!("/v0/domain-name-definitions/{id}/iam-policy")).await.unwrap();
    answer.record().clone()
}

/// From now on the site's key may do what its policy says.
async fn hold_to(key: &str, policy: &Value) {
    Knobs::new(&harness().await.endpoints).set_route53_policy(key, Some(policy)).await.unwrap();
}

/// Each statement has allowed something.
async fn assert_needed(key: &str, policy: &Value) {
    let statements = policy["Statement"].as_array().unwrap().iter();
    let all: BTreeSet<_> = statements.map(|statement| statement["Sid"].as_str().unwrap().to_owned()).collect();
    let used = Knobs::new(&harness().await.endpoints).route53_policy_used(key).await.unwrap();
    assert_eq!(used, all, "{policy:#}");
}

#[tokio::test]
async fn workers_that_write_a_zone_need_what_the_policy_of_its_domain_says_and_nothing_else() {
    let site = Site::of("rights");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let (host, key) = (format!("www.{}", site.1), format!("AKIA{}", site.0));
    assert_eq!(key, access_key(ROUTE53, &site.0));
    let policy = policy_of(&site, json!({"DnsDriver": ROUTE53})).await;
    hold_to(&key, &policy).await;
    let site = start(ROUTE53, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&host));
    // Records of other types, and of others in their place.
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_holds(&zone, &[format!("CNAME {host}")]).await;
    assert_needed(&key, &policy).await;
    // The policy of another domain is none for this one.
    hold_to(&key, &policy_of(&Site::of("others"), json!({"DnsDriver": ROUTE53})).await).await;
    site.set_ingress(None).await;
    site.until_it_says(
        "Denied",
        &["AWS refuses to write", &host, "not authorized to perform: route53:ChangeResourceRecordSets"],
    )
    .await;
    assert_eq!(site.zone(&zone).await, [format!("CNAME {host}")]);
    hold_to(&key, &policy).await;
    site.until_holds(&zone, &a(&host)).await;
    site.until_published().await;
    site.delete().await;
}

#[tokio::test]
async fn external_dns_and_workers_need_what_the_policy_of_a_domain_says_and_nothing_else() {
    let site = Site::of("rights-edns");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let (host, key) = (format!("www.{}", site.1), format!("AKIA{}", site.0));
    let policy = policy_of(&site, json!({"DnsDriver": EXTERNAL_DNS})).await;
    hold_to(&key, &policy).await;
    let site = start_apart(EXTERNAL_DNS, site).await;
    site.until_published().await;
    // external-dns changes the address, and the workers delete what is of another type.
    site.set_ingress(Some(json!([{"ip": "192.0.2.81"}]))).await;
    eventually("the address is another one", async || {
        let records = site.records(&zone).await;
        let found = records.get(&(format!("{host}."), "A".to_owned())).cloned();
        if found == Some(vec!["192.0.2.81".to_owned()]) { Ok(()) } else { Err(found) }
    })
    .await;
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_holds(&zone, &[format!("CNAME {host}")]).await;
    site.set_ingress(None).await;
    site.until_holds(&zone, &a(&host)).await;
    site.until_published().await;
    site.delete().await;
    assert_needed(&key, &policy).await;
}

/// A zone that is named needs no right to list all of them.
#[tokio::test]
async fn cert_manager_and_workers_need_what_the_policy_of_a_domain_says_and_nothing_else() {
    let site = Site::of("rights-acme");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let key = format!("AKIA{}", site.0);
    let domain = json!({
        "HostedZoneID": zone, "IssuerKind": "Acme", "AcmeServer": endpoints.acme.directory,
        "AcmeCABundle": endpoints.acme.ca, "AcmeChallenge": "DNS01", "AcmeWaitSeconds": 1, "DnsDriver": ROUTE53,
    });
    let policy = policy_of(&site, domain.clone()).await;
    hold_to(&key, &policy).await;
    let https = json!({"SubDomain": "www", "HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let site = start(ROUTE53, site, domain, https).await;
    site.until_published().await;
    site.harness.client.until_ready("gateway-instances", site.gateway, INSTALLED).await.unwrap();
    eventually("the proof is gone from the zone", async || {
        let records = site.records(&zone).await;
        let left: Vec<_> = records.into_keys().filter(|(name, _)| name.starts_with("_acme-challenge.")).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    site.delete().await;
    assert_needed(&key, &policy).await;
}
