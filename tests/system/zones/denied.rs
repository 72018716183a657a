//! Keys that may not do what they should.

use causeway_rig::{Faults, Knobs};
use causeway_testkit::{
    INSTALLED, harness,
    zone::{create_zone, records_of},
};
use serde_json::json;

use super::{Driver, EXTERNAL_DNS, ROUTE53, a, faults::none, start};
use crate::site::Site;

/// Nobody may write to a zone.
fn writes_denied(zone: &str) -> Faults {
    Faults {
        code: Some("AccessDenied".into()),
        status: Some(403),
        zone: Some(zone.to_owned()),
        method: Some("POST".into()),
        ..Faults::default()
    }
}

/// What holds up one zone holds up nobody else.
async fn another_zone_is_written(driver: Driver, site: (String, String)) {
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let site = start(driver, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    site.delete().await;
    assert!(records_of(endpoints, &zone).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_external_dns_that_may_not_write_is_named() {
    let site = Site::of("denied");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let denied = writes_denied(&zone);
    Knobs::new(endpoints).set_route53_faults(&denied).await.unwrap();
    let site = start(EXTERNAL_DNS, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_it_says(
        "NotPublished",
        &[&host, "is not in the zone yet", "namespace external-dns-", "route53:ChangeResourceRecordSets", &zone],
    )
    .await;
    // The same for what the workers themselves may not do.
    let denied = Faults { method: Some("GET".into()), ..denied };
    site.knobs().set_route53_faults(&denied).await.unwrap();
    site.until_it_says("Denied", &["route53:ListResourceRecordSets", "AccessDenied"]).await;
    another_zone_is_written(EXTERNAL_DNS, Site::of("allowed")).await;
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    site.until_published().await;
    // A zone that nobody may read any more holds up the deletion until a person says otherwise.
    // Nor write: what the worker has read a moment ago would do for the deletion.
    site.knobs().set_route53_faults(&Faults { method: None, ..denied }).await.unwrap();
    let client = &site.harness.client;
    client.delete("domain-name-instances", site.published).await.unwrap();
    site.until_it_says("Denied", &["can't be taken out of hosted zone", &zone, "send Reconciled false"]).await;
    client.patch("domain-name-instances", site.published, &json!({"Reconciled": false})).await.unwrap();
    client.until_gone("domain-name-instances", site.published, INSTALLED).await.unwrap();
    assert_eq!(site.zone(&zone).await, a(&host), "its records are left there");
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    site.delete_gateway().await;
}

#[tokio::test]
async fn workers_that_may_not_write_say_so_and_hold_up_nobody_else() {
    let site = Site::of("unwritten");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let denied = writes_denied(&zone);
    Knobs::new(endpoints).set_route53_faults(&denied).await.unwrap();
    let site = start(ROUTE53, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_it_says(
        "Denied",
        &["AWS refuses to write", &host, &zone, "route53:ChangeResourceRecordSets", "AccessDenied"],
    )
    .await;
    another_zone_is_written(ROUTE53, Site::of("written")).await;
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&host));
    site.delete().await;
}
