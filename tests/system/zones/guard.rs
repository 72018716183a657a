//! Many hostnames leave a zone only with a person's word, whoever writes it.

use causeway_testkit::{
    INSTALLED, api, condition, eventually, harness,
    kinds::{DEPLOYMENT, DNS_ENDPOINT, GATEWAY, NAMESPACE},
    object_name,
    objects::becomes,
    release::{HeldRecord, Release},
    within,
    zone::{create_zone, moments},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    BY_WORKERS, Driver, EXTERNAL_DNS, ROUTE53, a,
    driver::assert_no_gap,
    faults::{external_dns_of, start_apart},
    start,
};
use crate::{fixture::labelled, site::Site};

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

/// Many hostnames of one gateway, all of them published.
struct Many {
    site: Site,
    zone: String,
    hosts: Vec<String>,
}

impl Many {
    async fn published(what: &str, driver: Driver, count: usize) -> Self {
        let site = Site::of(what);
        let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
        // Numbers of two digits, so that the hostnames are sorted.
        let hosts: Vec<_> = (10..10 + count).map(|n| format!("h{n}.{}", site.1)).collect();
        let site = start(driver, site, json!({}), json!({"Hostnames": hosts})).await;
        site.until_published().await;
        Self { site, zone, hosts }
    }

    /// The gateway has these of them from now on.
    async fn ask_for(&self, hosts: &[String]) {
        let client = &self.site.harness.client;
        let gateway = client.get("gateway-instances", self.site.gateway).await.unwrap();
        let definition = gateway["GatewayDefinitionID"].as_i64().unwrap();
        client.patch("gateway-definitions", definition, &json!({"Hostnames": hosts})).await.unwrap();
    }
}

/// A person has read in a condition which hostnames would leave the zone: all of them go, and then the gateway.
async fn release(by: Release, site: &Site, zone: &str, condition: &Value) {
    let message = condition["Message"].as_str().unwrap();
    let held = HeldRecord { plural: "domain-name-instances", id: site.published, message };
    by.release(&site.harness.platform, held).await.unwrap();
    site.harness.client.until_gone(held.plural, held.id, INSTALLED).await.unwrap();
    site.until_empty(zone).await;
    site.delete_gateway().await;
}

async fn many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list(driver: Driver, by: Release) {
    let many = Many::published("guard", driver, 25).await;
    let Many { site, zone, hosts } = &many;
    let all: Vec<_> = hosts.iter().map(|host| format!("A {host}")).collect();
    assert_eq!(site.zone(zone).await, all);
    // A few go without a question.
    many.ask_for(&hosts[..23]).await;
    site.until_holds(zone, &all[..23]).await;
    site.until_published().await;
    // The rest would be too many.
    let client = &site.harness.client;
    client.delete("domain-name-instances", site.published).await.unwrap();
    let held = until_held(site, &hosts[..23]).await;
    assert!(
        held["Message"].as_str().unwrap().starts_with(&format!("23 hostnames would leave hosted zone {zone}")),
        "{held:#}"
    );
    assert_eq!(site.zone(zone).await, all[..23], "nothing is deleted");
    let events = format!("/v0/events-join-attached-object-references?objectid={}", site.published);
    let events = client.try_get(&events).await.unwrap();
    assert!(events.text.contains("MassDeletion"), "{}", events.text);
    release(by, site, zone, &held).await;
}

#[tokio::test]
async fn workers_that_write_a_zone_ask_before_many_hostnames_leave_it() {
    many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list(ROUTE53, Release::Page).await;
}

#[tokio::test]
async fn beside_external_dns_workers_ask_before_many_hostnames_leave_a_zone() {
    many_hostnames_leave_their_zone_only_when_a_person_has_read_the_list(EXTERNAL_DNS, Release::Command).await;
}

/// As a mistake in a list would have it, or in what makes records of it.
async fn hostnames_that_are_dropped_by_mistake_stay_until_they_are_asked_for_again(driver: Driver) {
    let many = Many::published("dropped", driver, 30).await;
    let Many { site, zone, hosts } = &many;
    let all = site.records(zone).await;
    // Nine of ten.
    many.ask_for(&hosts[..3]).await;
    until_held(site, &hosts[3..]).await;
    many.ask_for(hosts).await;
    site.until_published().await;
    let over_time = moments(&site.harness.endpoints, zone).await.unwrap();
    let mut since = over_time.iter().skip_while(|moment| moment.records.len() < all.len());
    assert!(since.all(|moment| moment.records.len() == all.len()), "no record left the zone");
    site.harness.client.delete("domain-name-instances", site.published).await.unwrap();
    let held = until_held(site, hosts).await;
    release(Release::Patch, site, zone, &held).await;
}

#[tokio::test]
async fn workers_that_write_a_zone_keep_nine_of_ten_hostnames_that_are_dropped() {
    hostnames_that_are_dropped_by_mistake_stay_until_they_are_asked_for_again(ROUTE53).await;
}

#[tokio::test]
async fn beside_external_dns_workers_keep_nine_of_ten_hostnames_that_are_dropped() {
    hostnames_that_are_dropped_by_mistake_stay_until_they_are_asked_for_again(EXTERNAL_DNS).await;
}

#[tokio::test]
async fn a_domain_says_itself_how_many_hostnames_may_leave() {
    let site = Site::of("strict");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let none = json!({"MaxDeletions": 0, "MaxDeletionsPercent": 0});
    let site = start(ROUTE53, site, none, json!({"SubDomain": "www"})).await;
    site.until_published().await;
    site.harness.client.delete("domain-name-instances", site.published).await.unwrap();
    let held = until_held(&site, std::slice::from_ref(&host)).await;
    assert_eq!(site.zone(&zone).await, a(&host), "nothing is deleted");
    release(Release::Patch, &site, &zone, &held).await;
}

/// With the namespace, or with the definition of their kind: external-dns sees no object any more, and takes nothing out of the zone.
#[tokio::test]
async fn objects_that_somebody_deletes_take_no_record_out_of_a_zone() {
    let site = Site::of("wiped");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let site = start(EXTERNAL_DNS, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let client = &site.harness.client;
    client.pause("domain-name-instances", site.published).await.unwrap();
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
    client.go_on("domain-name-instances", site.published).await.unwrap();
    site.until_published().await;
    site.delete().await;
}

/// With all that is in it: the Gateway, and what external-dns reads.
async fn a_namespace_that_somebody_deletes_takes_no_record_out_of_a_zone(driver: Driver) {
    let site = Site::of("namespace");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let host = format!("www.{}", site.1);
    let site = start(driver, site, json!({}), json!({"SubDomain": "www"})).await;
    site.until_published().await;
    let kube = site.harness.kube().await.unwrap();
    let (namespaces, namespace) = (api(&kube, NAMESPACE, None), object_name(&site.name, site.workload));
    let before = namespaces.get(&namespace).await.unwrap().uid();
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
    within(INSTALLED, "the namespace is made anew", async || {
        let now = namespaces.get(&namespace).await.map_err(|error| error.to_string())?;
        if now.uid() == before { Err("it is still going".to_owned()) } else { Ok(()) }
    })
    .await;
    let gateways = api(&kube, GATEWAY, Some(&namespace));
    within(INSTALLED, "the new Gateway has an address", async || {
        let made = gateways.get(&object_name(&site.name, site.gateway)).await.map_err(|error| error.to_string())?;
        if made.data["status"]["addresses"][0].is_object() { Ok(()) } else { Err(made.data["status"].to_string()) }
    })
    .await;
    site.harness.client.until_ready("gateway-instances", site.gateway, INSTALLED).await.unwrap();
    site.until_published().await;
    assert_no_gap(&site, &zone, &host).await;
    site.delete().await;
}

#[tokio::test]
async fn records_that_workers_write_outlive_the_namespace_of_their_gateway() {
    a_namespace_that_somebody_deletes_takes_no_record_out_of_a_zone(ROUTE53).await;
}

#[tokio::test]
async fn records_that_external_dns_writes_outlive_the_namespace_of_their_gateway() {
    a_namespace_that_somebody_deletes_takes_no_record_out_of_a_zone(EXTERNAL_DNS).await;
}

/// Replaces an argument of external-dns, and waits until it runs with that alone.
async fn start_with(deployments: &Api<DynamicObject>, name: &str, argument: &str, value: &str) {
    let mut containers = deployments.get(name).await.unwrap().data["spec"]["template"]["spec"]["containers"].clone();
    let begin = format!("--{argument}=");
    let arguments = containers[0]["args"].as_array_mut().unwrap();
    let given = arguments.iter_mut().find(|given| given.as_str().is_some_and(|given| given.starts_with(&begin)));
    *given.unwrap() = format!("{begin}{value}").into();
    let change = Patch::Merge(json!({"spec": {"template": {"spec": {"containers": containers}}}}));
    deployments.patch(name, &PatchParams::default(), &change).await.unwrap();
    within(INSTALLED, "external-dns runs with other arguments", async || {
        let now = deployments.get(name).await.map_err(|error| error.to_string())?;
        let status = &now.data["status"];
        let is_seen = status["observedGeneration"].as_i64() == now.metadata.generation;
        let is_alone = ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[*count] == 1);
        if is_seen && is_alone { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

/// It sees no object any more, or its own records as those of others.
#[tokio::test]
async fn an_external_dns_that_is_started_with_another_filter_or_prefix_takes_no_record_out_of_a_zone() {
    let site = Site::of("otherwise");
    let zone = create_zone(&harness().await.endpoints, &site.1).await.unwrap();
    let site = start_apart(EXTERNAL_DNS, site).await;
    site.until_published().await;
    let (before, service) = (site.records(&zone).await, external_dns_of(&site).await);
    let client = &site.harness.client;
    let records = [("support-service-instances", service), ("domain-name-instances", site.published)];
    // So that external-dns alone asks about the zone.
    for (plural, id) in records {
        client.pause(plural, id).await.unwrap();
    }
    let kube = site.harness.kube().await.unwrap();
    let deployment = labelled(&kube, DEPLOYMENT, &format!("support-service-instance-{service}")).await.remove(0);
    let deployments = api(&kube, DEPLOYMENT, deployment.namespace().as_deref());
    let rounds = async || site.knobs().route53_calls(&zone).await.unwrap().values().sum::<u64>();
    let filter = ("label-filter", "causeway.dev/hosted-zone in (none)");
    for (argument, value) in [filter, ("txt-prefix", "other-"), ("txt-owner-id", "somebody-else")] {
        start_with(&deployments, &deployment.name_any(), argument, value).await;
        let begun = rounds().await;
        within(INSTALLED, "external-dns has gone through some rounds", async || {
            let now = rounds().await;
            if now >= begun + 3 { Ok(()) } else { Err((begun, now)) }
        })
        .await;
        assert_eq!(site.records(&zone).await, before, "{argument}");
    }
    for (plural, id) in records {
        client.go_on(plural, id).await.unwrap();
    }
    let is_as_before = |now: &DynamicObject| {
        let arguments = |of: &DynamicObject| of.data["spec"]["template"]["spec"]["containers"][0]["args"].clone();
        arguments(now) == arguments(&deployment)
    };
    becomes(&deployments, &deployment.name_any(), "external-dns has its arguments again", is_as_before).await;
    site.until_published().await;
    assert_eq!(site.records(&zone).await, before);
    site.delete().await;
}
