//! Route 53 that doesn't do what it should: nothing is lost, the condition says what is wrong, and all goes on by itself when it is over.

use causeway_rig::{Faults, Knobs};
use causeway_testkit::{
    INSTALLED, add_domain_name, api, eventually, harness, id_of,
    kinds::{DEPLOYMENT, POD},
    objects::goes,
    within,
    zone::{create_zone, records_of},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;

use super::{Driver, EXTERNAL_DNS, ROUTE53, a, add_account, driver::assert_no_gap, start};
use crate::{fixture::labelled, site::Site};

/// Nothing goes wrong in a zone any more.
pub(super) fn none(zone: &str) -> Faults {
    Faults { zone: Some(zone.to_owned()), ..Faults::default() }
}

fn fault(zone: &str, status: u16, code: &str) -> Faults {
    Faults { code: Some(code.to_owned()), status: Some(status), ..none(zone) }
}

/// What a site is to be called, and the zone of its domain, in which this goes wrong from the beginning.
async fn faulty_zone(what: &str, faults: impl Fn(&str) -> Faults) -> ((String, String), String) {
    let site = Site::of(what);
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    Knobs::new(endpoints).set_route53_faults(&faults(&zone)).await.unwrap();
    (site, zone)
}

/// With an account of its own a site has an external-dns of its own: a zone that external-dns can't read keeps it from all others.
pub(super) async fn start_apart(driver: Driver, site: (String, String)) -> Site {
    let domain = match driver {
        EXTERNAL_DNS => json!({"AwsAccountID": add_account(&site.0, &format!("AKIA{}", site.0)).await}),
        _ => json!({}),
    };
    start(driver, site, domain, json!({"SubDomain": "www"})).await
}

/// The external-dns that a site has for itself.
pub(super) async fn external_dns_of(site: &Site) -> i64 {
    let client = &site.harness.client;
    let account = client.get("domain-name-definitions", site.domain).await.unwrap()["AwsAccountID"].clone();
    let query = format!("awsaccountid={account}&service=external-dns");
    id_of(&client.list("support-service-instances", &query).await.unwrap()[0]).unwrap()
}

async fn every_second_call_is_throttled(driver: Driver) {
    let throttled = |zone: &str| Faults { every: Some(2), ..fault(zone, 400, "Throttling") };
    let (site, zone) = faulty_zone("throttled", throttled).await;
    let host = format!("www.{}", site.1);
    let site = start(driver, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&host));
    site.set_ingress(Some(json!([{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]))).await;
    site.until_holds(&zone, &[format!("A {host}"), format!("AAAA {host}")]).await;
    site.until_published().await;
    site.set_ingress(None).await;
    site.delete().await;
    assert!(records_of(&harness().await.endpoints, &zone).await.unwrap().is_empty());
}

#[tokio::test]
async fn external_dns_and_workers_get_on_with_every_second_call_throttled() {
    every_second_call_is_throttled(EXTERNAL_DNS).await;
}

#[tokio::test]
async fn workers_get_on_with_every_second_call_throttled() {
    every_second_call_is_throttled(ROUTE53).await;
}

/// Route 53 is down for all that concerns the zone, and comes back: while records are to be written, and while they are to go.
async fn route_53_that_is_down_is_told_and_waited_for(driver: Driver) {
    let down = |zone: &str| fault(zone, 500, "InternalError");
    let (site, zone) = faulty_zone("down", down).await;
    let site = start_apart(driver, site).await;
    site.until_it_says("Unreachable", &["Route 53 cannot be reached", "InternalError", "it is tried again by itself"])
        .await;
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    site.until_published().await;
    site.knobs().set_route53_faults(&down(&zone)).await.unwrap();
    let client = &site.harness.client;
    client.delete("domain-name-instances", site.published).await.unwrap();
    site.until_it_says("Unreachable", &["Route 53 cannot be reached"]).await;
    assert_eq!(site.zone(&zone).await, a(&format!("www.{}", site.domain_name)));
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    client.until_gone("domain-name-instances", site.published, INSTALLED).await.unwrap();
    site.until_empty(&zone).await;
    site.delete_gateway().await;
}

#[tokio::test]
async fn workers_wait_for_a_route_53_that_is_down() {
    route_53_that_is_down_is_told_and_waited_for(ROUTE53).await;
}

#[tokio::test]
async fn external_dns_and_workers_wait_for_a_route_53_that_is_down() {
    route_53_that_is_down_is_told_and_waited_for(EXTERNAL_DNS).await;
}

async fn credentials_that_are_over_are_told_and_new_ones_go_on(driver: Driver) {
    let (site, zone) = faulty_zone("expired", |zone| fault(zone, 403, "ExpiredToken")).await;
    let site = start_apart(driver, site).await;
    site.until_it_says("Denied", &["AWS refuses to", "ExpiredToken", "correct the keys of the AWS account"]).await;
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    site.until_published().await;
    site.delete().await;
}

#[tokio::test]
async fn credentials_of_workers_that_are_over_are_told_and_new_ones_go_on() {
    credentials_that_are_over_are_told_and_new_ones_go_on(ROUTE53).await;
}

#[tokio::test]
async fn credentials_of_external_dns_that_are_over_are_told_and_new_ones_go_on() {
    credentials_that_are_over_are_told_and_new_ones_go_on(EXTERNAL_DNS).await;
}

async fn a_zone_that_is_not_there_is_told_and_used_when_somebody_has_made_it(driver: Driver) {
    let site = Site::of("nozone");
    let (name, host) = (site.1.clone(), format!("www.{}", site.1));
    let site = start_apart(driver, site).await;
    site.until_it_says("NoZone", &["no hosted zone for", &host, "create one, or correct Domain"]).await;
    let zone = create_zone(&site.harness.endpoints, &name).await.unwrap();
    site.until_published().await;
    assert_eq!(site.zone(&zone).await, a(&host));
    site.delete().await;
}

#[tokio::test]
async fn workers_use_a_zone_that_was_not_there_when_somebody_has_made_it() {
    a_zone_that_is_not_there_is_told_and_used_when_somebody_has_made_it(ROUTE53).await;
}

#[tokio::test]
async fn external_dns_uses_a_zone_that_was_not_there_when_somebody_has_made_it() {
    a_zone_that_is_not_there_is_told_and_used_when_somebody_has_made_it(EXTERNAL_DNS).await;
}

/// The workers delete, so nothing waits for external-dns.
#[tokio::test]
async fn records_leave_their_zone_while_external_dns_is_down() {
    let site = Site::of("edns-down");
    let endpoints = &harness().await.endpoints;
    let zone = create_zone(endpoints, &site.1).await.unwrap();
    let site = start_apart(EXTERNAL_DNS, site).await;
    site.until_published().await;
    let client = &site.harness.client;
    let service = external_dns_of(&site).await;
    client.pause("support-service-instances", service).await.unwrap();
    let kube = site.harness.kube().await.unwrap();
    let deployment = labelled(&kube, DEPLOYMENT, &format!("support-service-instance-{service}")).await.remove(0);
    let deployments = api(&kube, DEPLOYMENT, deployment.namespace().as_deref());
    let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
    deployments.patch(&deployment.name_any(), &PatchParams::default(), &none).await.unwrap();
    eventually("external-dns is down", async || {
        let now = deployments.get(&deployment.name_any()).await.map_err(|error| error.to_string())?;
        let running = now.data["status"]["replicas"].as_i64().unwrap_or_default();
        if running == 0 { Ok(()) } else { Err(format!("{running} pods")) }
    })
    .await;
    client.delete_and_wait("domain-name-instances", site.published, INSTALLED).await.unwrap();
    site.until_empty(&zone).await;
    client.go_on("support-service-instances", service).await.unwrap();
    // Nothing needs it until something is published once more.
    let (client, name) = (&site.harness.client, format!("{}-again", site.name));
    let again = add_domain_name(client, site.harness.runtime, &name, site.domain, site.workload).await.unwrap();
    client.until_ready("domain-name-instances", again, INSTALLED).await.unwrap();
    let back = deployments.get(&deployment.name_any()).await.unwrap();
    assert_eq!(back.data["spec"]["replicas"], 1);
    client.delete_and_wait("domain-name-instances", again, INSTALLED).await.unwrap();
    site.delete_gateway().await;
}

/// Pods go when a node is drained, or external-dns is upgraded. The one that comes after it knows only what the cluster and the zone say.
#[tokio::test]
async fn an_external_dns_that_is_restarted_in_the_middle_of_a_change_goes_on_with_it() {
    let site = Site::of("restarted");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = start_apart(EXTERNAL_DNS, site).await;
    site.until_published().await;
    let before = site.records(&zone).await;
    let unwritable = Faults { method: Some("POST".to_owned()), ..fault(&zone, 500, "InternalError") };
    site.knobs().set_route53_faults(&unwritable).await.unwrap();
    site.set_ingress(Some(json!([{"ip": "192.0.2.91"}]))).await;
    site.until_it_says("NotPublished", &[&host]).await;
    let kube = site.harness.kube().await.unwrap();
    let owner = format!("support-service-instance-{}", external_dns_of(&site).await);
    let deployment = labelled(&kube, DEPLOYMENT, &owner).await.remove(0);
    let pods = api(&kube, POD, deployment.namespace().as_deref());
    let all = pods.list(&ListParams::default()).await.unwrap();
    let own: Vec<_> = all.iter().map(ResourceExt::name_any).collect();
    let own: Vec<_> = own.iter().filter(|pod| pod.starts_with(&format!("{}-", deployment.name_any()))).collect();
    assert!(!own.is_empty(), "external-dns runs: {all:?}");
    for pod in own {
        pods.delete(pod, &DeleteParams::default()).await.unwrap();
        goes(&pods, pod, "the pod is gone").await;
    }
    assert_eq!(site.records(&zone).await, before, "it was in the middle");
    site.knobs().set_route53_faults(&none(&zone)).await.unwrap();
    let address = (format!("{host}."), "A".to_owned());
    within(INSTALLED, "the next one writes the address", async || {
        let found = site.records(&zone).await.remove(&address);
        if found == Some(vec!["192.0.2.91".to_owned()]) { Ok(()) } else { Err(found) }
    })
    .await;
    site.until_published().await;
    assert_no_gap(&site, &zone, &host).await;
    site.set_ingress(None).await;
    site.delete().await;
}
