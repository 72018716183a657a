//! Which hosted zone records are in, and that they leave each zone that they were in.

use causeway_rig::Faults;
use causeway_testkit::{
    INSTALLED, harness, id_of, within,
    zone::{create_private_zone, create_zone, put_record, records_of, remove_record},
};
use serde_json::json;

use crate::site::Site;

fn a(host: &str) -> Vec<String> {
    vec![format!("A {host}")]
}

#[tokio::test]
async fn of_two_zones_of_one_name_only_the_one_of_its_type_is_written_to() {
    let site = Site::of("split");
    let endpoints = &harness().await.endpoints;
    let public = create_zone(endpoints, &site.1).await.unwrap();
    let private = create_private_zone(endpoints, &site.1).await.unwrap();
    let inside = Site::start(site.clone(), json!({"Zone": "Private"}), json!({"SubDomain": "www"})).await;
    inside.until_published().await;
    let www = format!("www.{}", site.1);
    assert_eq!((inside.zone(&private).await, inside.zone(&public).await), (a(&www), vec![]));
    // A public domain of the same name beside it.
    let outside =
        Site::start((format!("{}-out", site.0), site.1.clone()), json!({}), json!({"SubDomain": "www"})).await;
    outside.until_published().await;
    assert_eq!((outside.zone(&private).await, outside.zone(&public).await), (a(&www), a(&www)));
    let (inner, outer) = (inside.records(&private).await, outside.records(&public).await);
    let key = (format!("{www}."), "A".to_owned());
    assert_ne!(inner[&key], outer[&key], "each leads to its own gateway");
    inside.delete().await;
    assert_eq!(outside.zone(&public).await, a(&www));
    outside.until_empty(&private).await;
    outside.delete().await;
}

#[tokio::test]
async fn a_hostname_is_in_the_closest_zone_and_leaves_it() {
    let site = Site::of("nested");
    let endpoints = &harness().await.endpoints;
    let outer = create_zone(endpoints, &site.1).await.unwrap();
    let inner = create_zone(endpoints, &format!("shop.{}", site.1)).await.unwrap();
    let (in_inner, in_outer) = (format!("www.shop.{}", site.1), format!("www.{}", site.1));
    let site = Site::start(site, json!({}), json!({"Hostnames": [in_inner, in_outer]})).await;
    site.until_published().await;
    assert_eq!((site.zone(&outer).await, site.zone(&inner).await), (a(&in_outer), a(&in_inner)));
    // With the outer zone named, the inner one hides a hostname of it.
    site.change_domain(json!({"HostedZoneID": outer})).await;
    site.until_it_says(&[&in_inner, &inner, "answers for it"]).await;
    site.change_domain(json!({"HostedZoneID": ""})).await;
    site.until_published().await;
    let empty = [outer, inner];
    let harness = site.harness;
    site.delete().await;
    for zone in empty {
        assert!(records_of(&harness.endpoints, &zone).await.unwrap().is_empty(), "nothing is left in {zone}");
    }
}

#[tokio::test]
async fn a_domain_that_names_its_zone_hides_nothing_from_another() {
    let (named, found) = (Site::of("named"), Site::of("found"));
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &named.1).await.unwrap();
    let other = create_zone(endpoints, &found.1).await.unwrap();
    let hosts = [format!("www.{}", named.1), format!("www.{}", found.1)];
    let named = Site::start(named, json!({"HostedZoneID": zone}), json!({"SubDomain": "www"})).await;
    let found = Site::start(found, json!({}), json!({"SubDomain": "www"})).await;
    named.until_published().await;
    found.until_published().await;
    assert_eq!((named.zone(&zone).await, found.zone(&other).await), (a(&hosts[0]), a(&hosts[1])));
    named.delete().await;
    found.delete().await;
}

#[tokio::test]
async fn an_address_that_becomes_a_name_and_back_is_replaced() {
    let site = Site::of("kinds");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    // As long as a label may be.
    let host = format!("{}.{}", "a".repeat(63), site.1);
    let site = Site::start(site, json!({}), json!({"SubDomain": "a".repeat(63)})).await;
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&host));
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_holds(&zone, &[format!("CNAME {host}")]).await;
    site.until_published().await;
    assert_eq!(site.records(&zone).await.len(), 2, "the name and its ownership record");
    site.set_ingress(None).await;
    site.until_holds(&zone, &a(&host)).await;
    site.until_published().await;
    site.delete().await;
}

#[tokio::test]
async fn an_address_family_that_goes_leaves_the_zone() {
    let site = Site::of("dual");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = Site::start(site, json!({}), json!({"SubDomain": "www"})).await;
    site.set_ingress(Some(json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]))).await;
    site.until_holds(&zone, &[format!("A {host}"), format!("AAAA {host}")]).await;
    site.until_published().await;
    site.set_ingress(Some(json!([{"ip": "192.0.2.1"}]))).await;
    site.until_holds(&zone, &a(&host)).await;
    site.until_published().await;
    assert_eq!(site.records(&zone).await.len(), 2, "the address and its ownership record");
    site.set_ingress(None).await;
    site.delete().await;
}

#[tokio::test]
async fn at_the_name_of_the_zone_an_address_is_published_and_a_name_is_not() {
    let site = Site::of("apex");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let site = Site::start(site, json!({}), json!({})).await;
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&site.domain_name));
    assert_eq!(site.records(&zone).await.len(), 2, "the address and its ownership record");
    site.set_ingress(Some(json!([{"hostname": "lb.example.net"}]))).await;
    site.until_it_says(&[&site.domain_name, "CNAME", "lb.example.net", "SubDomain"]).await;
    site.set_ingress(None).await;
    site.until_published().await;
    let harness = site.harness;
    site.delete().await;
    assert!(records_of(&harness.endpoints, &zone).await.unwrap().is_empty());
}

#[tokio::test]
async fn records_leave_the_zone_that_a_domain_was_in_before() {
    let (first, second) = (Site::of("from"), Site::of("to"));
    let endpoints = &harness().await.endpoints;
    let old = create_zone(endpoints, &first.1).await.unwrap();
    let twin = create_private_zone(endpoints, &first.1).await.unwrap();
    let new = create_zone(endpoints, &second.1).await.unwrap();
    let (before, after) = (format!("www.{}", first.1), format!("www.{}", second.1));
    let site = Site::start(first, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    assert_eq!(site.zone(&old).await, a(&before));
    // The same hostname in another zone.
    site.change_domain(json!({"Zone": "Private"})).await;
    site.until_holds(&twin, &a(&before)).await;
    site.until_empty(&old).await;
    // Another account, though it leads to the same zones.
    let account = json!({
        "Name": site.name, "AccountID": "123456789012", "DefaultRegion": "us-east-1", "AccessKeyID": "AKIDMOVED",
        "SecretAccessKey": "test", "AllRuntimes": true,
    });
    let account = id_of(&site.harness.client.create("aws-accounts", &account).await.unwrap()).unwrap();
    site.change_domain(json!({"Zone": "Public", "AwsAccountID": account})).await;
    site.until_holds(&old, &a(&before)).await;
    site.until_empty(&twin).await;
    // Another domain.
    site.change_domain(json!({"Domain": second.1})).await;
    site.until_holds(&new, &a(&after)).await;
    site.until_empty(&old).await;
    site.until_published().await;
    site.delete().await;
}

#[tokio::test]
async fn a_hostname_of_somebody_else_is_looked_at_ever_more_seldom() {
    let site = Site::of("foreign");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    put_record(endpoints, &zone, &host, "A", "192.0.2.99").await.unwrap();
    let site = Site::start(site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_it_says(&[&host, "by hand or by another tool"]).await;
    // A test of time: how often the workers, by their access key, ask about the zone in the half minute after they saw it first.
    let calls = async || site.knobs().route53_calls(&zone).await.unwrap().get("workers").copied().unwrap_or_default();
    let (before, until) = (calls().await, std::time::Instant::now() + std::time::Duration::from_secs(30));
    within(
        INSTALLED,
        "half a minute is over",
        async || if std::time::Instant::now() > until { Ok(()) } else { Err(()) },
    )
    .await;
    let asked = calls().await - before;
    assert!(asked < 20, "{asked} requests in half a minute");
    remove_record(endpoints, &zone, &host, "A", "192.0.2.99").await.unwrap();
    site.until_published().await;
    site.delete().await;
}

#[tokio::test]
async fn an_external_dns_that_may_not_write_is_named() {
    let site = Site::of("denied");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let denied = Faults {
        code: Some("AccessDenied".into()),
        status: Some(403),
        zone: Some(zone.clone()),
        method: Some("POST".into()),
        ..Faults::default()
    };
    let site = Site::start(site, json!({}), json!({"SubDomain": "www"})).await;
    site.knobs().set_route53_faults(&denied).await.unwrap();
    site.until_it_says(&[
        &host,
        "is not in the zone yet",
        "namespace external-dns-",
        "route53:ChangeResourceRecordSets",
        &zone,
    ])
    .await;
    // The same for what the workers themselves may not do.
    let denied = Faults { method: Some("GET".into()), ..denied };
    site.knobs().set_route53_faults(&denied).await.unwrap();
    site.until_it_says(&["route53:ListResourceRecordSets", "AccessDenied"]).await;
    // That holds up nobody else.
    let other = Site::of("allowed");
    let open = create_zone(endpoints, &other.1).await.unwrap();
    let other = Site::start(other, json!({}), json!({"SubDomain": "www"})).await;
    other.until_published().await;
    other.delete().await;
    assert!(records_of(endpoints, &open).await.unwrap().is_empty());
    site.knobs().set_route53_faults(&Faults::default()).await.unwrap();
    site.until_published().await;
    // A zone that nobody may read any more holds up the deletion until a person says otherwise.
    // Nor write: what the worker has read a moment ago would do for the deletion.
    site.knobs().set_route53_faults(&Faults { method: None, ..denied }).await.unwrap();
    let client = &site.harness.client;
    client.delete("domain-name-instances", site.published).await.unwrap();
    site.until_it_says(&["can't be taken out of hosted zone", &zone, "send Reconciled false"]).await;
    client.patch("domain-name-instances", site.published, &json!({"Reconciled": false})).await.unwrap();
    client.until_gone("domain-name-instances", site.published, INSTALLED).await.unwrap();
    assert_eq!(site.zone(&zone).await, a(&host), "its records are left there");
    site.knobs().set_route53_faults(&Faults::default()).await.unwrap();
    client.delete("gateway-instances", site.gateway).await.unwrap();
    client.until_gone("gateway-instances", site.gateway, INSTALLED).await.unwrap();
}
