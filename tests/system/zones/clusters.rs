//! One hostname on two clusters: the main one, and one of the test's own, whose API server it may end. No controller runs there, so the test itself says what
//! address the Gateway has.

use std::{collections::BTreeSet, net::Ipv4Addr};

use causeway_rig::{ClusterEndpoints, OwnCluster, tools::Tools};
use causeway_testkit::{
    Cleanup, Harness, INSTALLED, Visitor, add_domain_name, add_gateway, add_runtime, add_workload, api, bundle,
    condition, harness, id_of,
    kinds::{DEPLOYMENT, DNS_ENDPOINT, GATEWAY},
    kube_client, object_name,
    objects::object,
    unique_name, within,
    zone::{Sets, create_zone, sets_of, sets_over_time},
};
use kube::api::{Patch, PatchParams, PostParams};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Driver, EXTERNAL_DNS, ROUTE53};
use crate::{adoption::install, fixture::labelled};

/// The address of the other cluster's Gateway.
pub(super) const THERE: &str = "192.0.2.202";
/// As often as DNS is asked. With weights of 30 and 10 one of them is missed once in 100,000 times.
const ASKED: usize = 40;

/// What publishes the hostname on one cluster.
pub(super) struct Side {
    pub(super) domain: i64,
    pub(super) published: i64,
    /// Its Gateway: namespace and name.
    pub(super) gateway: (String, String),
    /// What tells its records from those of the other one.
    set: Option<String>,
    _cleanup: Cleanup,
}

struct Pair {
    harness: &'static Harness,
    other: OwnCluster,
    other_runtime: i64,
    host: String,
    zone: String,
    here: Side,
    there: Side,
}

impl Pair {
    /// Both publish `www` of one domain; each has its own definition of it, with this driver.
    async fn start(what: &str, [here, there]: [Driver; 2], domain: Value) -> Self {
        let harness = harness().await;
        let name = unique_name(what);
        let domain_name = format!("{name}.zones.example");
        let zone = create_zone(&harness.endpoints, &domain_name).await.unwrap();
        let other = other_cluster(harness, &name, false).await;
        let other_runtime = add_runtime(&harness.client, other.endpoints(), &name).await.unwrap();
        let main = harness.endpoints.cluster();
        let body = |driver: Driver| {
            let mut body = json!({"Domain": domain_name, "DnsDriver": driver});
            body.as_object_mut().unwrap().extend(domain.as_object().unwrap().clone());
            body
        };
        let here = side(harness, (main, harness.runtime), &format!("{name}-here"), body(here)).await;
        let there = side(harness, (other.endpoints(), other_runtime), &format!("{name}-there"), body(there)).await;
        Self { harness, other, other_runtime, host: format!("www.{domain_name}"), zone, here, there }
    }

    async fn sets(&self, kind: &str) -> Sets {
        sets_of(&self.harness.endpoints, &self.zone, &self.host, kind).await.unwrap()
    }

    async fn weight(&self, side: &Side) -> Option<i64> {
        self.sets("A").await.get(&side.set).and_then(|set| set.weight)
    }

    async fn until_weighs(&self, side: &Side, weight: i64) {
        within(INSTALLED, "the weight is in the zone", async || match self.weight(side).await {
            Some(found) if found == weight => Ok(()),
            found => Err(found),
        })
        .await;
    }

    async fn set_weight(&self, side: &Side, weight: i64) {
        let change = json!({"Weight": weight});
        self.harness.client.patch("domain-name-instances", side.published, &change).await.unwrap();
    }

    async fn change_domain(&self, side: &Side, change: Value) {
        self.harness.client.patch("domain-name-definitions", side.domain, &change).await.unwrap();
    }

    async fn until_published(&self, side: &Side) {
        self.harness.client.until_ready("domain-name-instances", side.published, INSTALLED).await.unwrap();
    }

    /// Waits until a condition is so, with these words in its reason or message.
    async fn until_it_says(&self, side: &Side, step: &str, status: &str, words: &[&str]) {
        within(INSTALLED, "the condition", async || {
            let record = self.harness.client.get("domain-name-instances", side.published).await.unwrap();
            let found = condition(&record, step).cloned().unwrap_or_default();
            let text = format!("{} {}", found["Reason"], found["Message"]);
            if found["Status"] == status && words.iter().all(|word| text.contains(word)) {
                Ok(())
            } else {
                Err(format!("{record:#}"))
            }
        })
        .await;
    }

    /// Where DNS leads.
    async fn answers(&self) -> BTreeSet<Ipv4Addr> {
        let visitor = Visitor::new(&self.harness.endpoints);
        let mut all = BTreeSet::new();
        for _ in 0..ASKED {
            all.insert(visitor.resolve(&self.host).await.unwrap());
        }
        all
    }

    /// Notes what tells the records of the two apart.
    async fn note_sets(&mut self) {
        let found = within(INSTALLED, "both have a record", async || {
            let sets = self.sets("A").await;
            let weighted = sets.values().all(|set| set.weight.is_some());
            if sets.len() == 2 && weighted { Ok(sets) } else { Err(sets) }
        })
        .await;
        let there = found.iter().find(|(_, set)| set.values == [THERE]).unwrap().0.clone();
        self.here.set = found.into_keys().find(|set| *set != there).unwrap();
        self.there.set = there;
    }

    /// Fails if there was a moment without a record that leads to the main cluster, since there was one first.
    async fn assert_no_gap(&self) {
        let over_time = sets_over_time(&self.harness.endpoints, &self.zone, &self.host, "A").await.unwrap();
        let leads_here = |sets: &Sets| sets.values().any(|set| set.values != [THERE]);
        let held: Vec<_> = over_time.iter().skip_while(|sets| !leads_here(sets)).collect();
        assert!(!held.is_empty() && held.iter().all(|sets| leads_here(sets)), "{over_time:#?}");
    }

    async fn delete(&self, side: &Side) {
        self.harness.client.delete_and_wait("domain-name-instances", side.published, INSTALLED).await.unwrap();
    }

    /// Takes the other cluster away, with all that it had.
    async fn stop(self) {
        let client = &self.harness.client;
        self.other.kill_apiserver().await;
        client.patch("kubernetes-runtime-instances", self.other_runtime, &json!({"ForceDelete": true})).await.unwrap();
        client.try_delete("kubernetes-runtime-instances", self.other_runtime).await.unwrap();
        self.other.stop().await;
    }
}

/// A cluster in which an admin has installed what a gateway needs; with pods, external-dns really runs there.
pub(super) async fn other_cluster(harness: &Harness, name: &str, pods: bool) -> OwnCluster {
    let dir = harness.endpoints.run_dir.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    let tools = Tools::find().unwrap();
    let own = match pods {
        true => OwnCluster::start_with_pods(&tools, &dir, &harness.endpoints).await.unwrap(),
        false => OwnCluster::start(&tools, &dir).await.unwrap(),
    };
    for definitions in ["gateway-api-", "envoy-gateway-"] {
        install(&harness.endpoints, own.endpoints(), definitions).await;
    }
    let folder = bundle("envoy-gateway-").unwrap();
    let version = folder.file_name().unwrap().to_str().unwrap().trim_start_matches("envoy-gateway-").to_owned();
    let labels = json!({"control-plane": "envoy-gateway", "app.kubernetes.io/version": version});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "envoy-gateway", "namespace": "default", "labels": labels},
        "spec": {
            "replicas": 0, "selector": {"matchLabels": {"is": "envoy-gateway"}},
            "template": {
                "metadata": {"labels": {"is": "envoy-gateway"}},
                "spec": {"containers": [{"name": "it", "image": format!("docker.io/envoyproxy/gateway:v{version}")}]},
            },
        },
    });
    let deployments = api(&kube_client(own.endpoints()).await.unwrap(), DEPLOYMENT, Some("default"));
    deployments.create(&PostParams::default(), &object(deployment)).await.unwrap();
    own
}

/// A workload with a gateway on one of the clusters, whose hostname is published.
pub(super) async fn side(
    harness: &Harness,
    (cluster, runtime): (&ClusterEndpoints, i64),
    name: &str,
    mut domain: Value,
) -> Side {
    let client = &harness.client;
    let workload = add_workload(client, runtime, name).await.unwrap();
    let body = json!({"Name": name, "Zone": "Public", "AdminEmail": "ops@zones.example", "TTL": 1, "IssuerKind": "SelfSigned"});
    domain.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let more = json!({
        "DomainNameDefinitionID": domain, "SubDomain": "www", "Placement": "Dedicated", "HttpPorts": [{"Port": 80}],
    });
    let gateway = add_gateway(client, runtime, name, workload, more).await.unwrap();
    let published = add_domain_name(client, runtime, name, domain, workload).await.unwrap();
    let cleanup = Cleanup::new(client, &[("gateway-instances", gateway), ("domain-name-instances", published)]);
    let gateway = (object_name(name, workload), object_name(name, gateway));
    if runtime != harness.runtime {
        set_addresses(cluster, &gateway, json!([{"type": "IPAddress", "value": THERE}])).await;
    }
    Side { domain, published, gateway, set: None, _cleanup: cleanup }
}

async fn set_addresses(cluster: &ClusterEndpoints, (namespace, name): &(String, String), addresses: Value) {
    let gateways = api(&kube_client(cluster).await.unwrap(), GATEWAY, Some(namespace.as_str()));
    within(INSTALLED, "the Gateway is there", async || {
        gateways.get(name).await.map(|_| ()).map_err(|error| error.to_string())
    })
    .await;
    let status = json!({"status": {"addresses": addresses}});
    gateways.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

#[tokio::test]
async fn a_hostname_is_on_two_clusters_and_one_that_cannot_be_reached_is_taken_out() {
    let mut pair = Pair::start("pair", [ROUTE53, ROUTE53], json!({})).await;
    let client = &pair.harness.client;
    // With one record for a hostname the first has it, and the other says so.
    within(INSTALLED, "one of them has the name, and the other says who has it", async || {
        let mut says = vec![];
        for side in [&pair.here, &pair.there] {
            let record = client.get("domain-name-instances", side.published).await.unwrap();
            let step = condition(&record, "DnsPublished").cloned().unwrap_or_default();
            says.push((step["Status"].clone(), step["Message"].to_string()));
        }
        let has = |n: usize| says[n].0 == "True" && says[1 - n].1.contains("another cluster of this control plane");
        if has(0) || has(1) { Ok(()) } else { Err(says) }
    })
    .await;
    let refused = client
        .send(Method::PATCH, &format!("/v0/domain-name-instances/{}", pair.here.published), Some(&json!({"Weight": 5})))
        .await
        .unwrap();
    refused.refused(400, "RoutingPolicy Weighted");
    for side in [&pair.here, &pair.there] {
        pair.change_domain(side, json!({"RoutingPolicy": "Weighted"})).await;
    }
    pair.note_sets().await;
    pair.until_published(&pair.here).await;
    pair.until_published(&pair.there).await;
    assert_eq!((pair.weight(&pair.here).await, pair.weight(&pair.there).await), (Some(100), Some(100)));
    let texts = sets_of(&pair.harness.endpoints, &pair.zone, &format!("_edns-a.{}", pair.host), "TXT").await.unwrap();
    assert_eq!(texts.keys().collect::<Vec<_>>(), pair.sets("A").await.keys().collect::<Vec<_>>());

    // Each is answered with, as its weight says.
    pair.set_weight(&pair.here, 30).await;
    pair.set_weight(&pair.there, 10).await;
    pair.until_weighs(&pair.here, 30).await;
    pair.until_weighs(&pair.there, 10).await;
    pair.until_published(&pair.here).await;
    pair.until_published(&pair.there).await;
    let there: Ipv4Addr = THERE.parse().unwrap();
    let both = pair.answers().await;
    assert!(both.len() == 2 && both.contains(&there), "{both:?}");
    let only_here: BTreeSet<_> = both.into_iter().filter(|address| *address != there).collect();

    // One is drained, and where both are, neither is.
    pair.set_weight(&pair.here, 0).await;
    pair.until_it_says(&pair.here, "Drained", "True", &["no answer has led here since"]).await;
    pair.until_published(&pair.here).await;
    assert_eq!(pair.answers().await, BTreeSet::from([there]));
    pair.set_weight(&pair.there, 0).await;
    pair.until_it_says(&pair.there, "Drained", "False", &["NothingElse", &pair.host]).await;
    pair.set_weight(&pair.here, 30).await;
    pair.until_it_says(&pair.there, "Drained", "True", &[]).await;
    pair.set_weight(&pair.there, 10).await;
    pair.until_published(&pair.here).await;
    pair.until_published(&pair.there).await;

    // All have one TTL, and one of the two changes it for both.
    let (first, second) = match pair.here.set < pair.there.set {
        true => (&pair.here, &pair.there),
        false => (&pair.there, &pair.here),
    };
    pair.change_domain(second, json!({"TTL": 2})).await;
    pair.until_it_says(second, "DnsPublished", "False", &["have TTL 1 and should have 2"]).await;
    pair.change_domain(first, json!({"TTL": 2})).await;
    pair.until_published(first).await;
    pair.until_published(second).await;
    assert!(pair.sets("A").await.values().all(|set| set.ttl == Some(2)), "{:?}", pair.sets("A").await);
    pair.assert_no_gap().await;

    // A cluster whose Gateway has lost its address keeps its record, and is taken out and brought back all the same.
    set_addresses(pair.other.endpoints(), &pair.there.gateway, json!([])).await;
    pair.until_it_says(&pair.there, "AddressAssigned", "False", &[]).await;
    pair.set_weight(&pair.there, 0).await;
    pair.until_weighs(&pair.there, 0).await;
    pair.until_it_says(&pair.there, "Drained", "True", &[]).await;
    assert_eq!(pair.sets("A").await[&pair.there.set].values, [THERE], "its record is ready");
    pair.set_weight(&pair.there, 10).await;
    pair.until_weighs(&pair.there, 10).await;
    set_addresses(pair.other.endpoints(), &pair.there.gateway, json!([{"type": "IPAddress", "value": THERE}])).await;
    pair.until_published(&pair.there).await;

    // A cluster that is down is taken out by one call, with all that it publishes.
    pair.other.kill_apiserver().await;
    let drain = json!({"Drain": true});
    client.patch("kubernetes-runtime-instances", pair.other_runtime, &drain).await.unwrap();
    pair.until_weighs(&pair.there, 0).await;
    pair.until_it_says(&pair.there, "ClusterReachable", "False", &[]).await;
    pair.until_it_says(&pair.there, "Drained", "True", &[]).await;
    assert_eq!(pair.sets("A").await[&pair.there.set].values, [THERE], "its record is ready");
    assert_eq!(pair.answers().await, only_here);
    // Brought back, and taken away for good; all that without the cluster.
    let back = json!({"Drain": false});
    client.patch("kubernetes-runtime-instances", pair.other_runtime, &back).await.unwrap();
    pair.until_weighs(&pair.there, 10).await;
    pair.delete(&pair.there).await;
    let left = pair.sets("A").await;
    assert_eq!(left.keys().collect::<Vec<_>>(), [&pair.here.set]);
    pair.assert_no_gap().await;
    pair.delete(&pair.here).await;
    assert!(pair.sets("A").await.is_empty());
    pair.stop().await;
}

#[tokio::test]
async fn clusters_of_both_drivers_share_a_hostname_and_change_their_driver_without_a_gap() {
    let mut pair = Pair::start("drivers", [EXTERNAL_DNS, ROUTE53], json!({})).await;
    // A simple record of external-dns becomes a weighted one. Whoever was first has it.
    for side in [&pair.here, &pair.there] {
        pair.change_domain(side, json!({"RoutingPolicy": "Weighted"})).await;
    }
    pair.note_sets().await;
    pair.until_published(&pair.here).await;
    pair.until_published(&pair.there).await;
    let owner = format!("domain-name-instance-{}", pair.here.published);
    let objects = labelled(&pair.harness.kube().await.unwrap(), DNS_ENDPOINT, &owner).await;
    let endpoint = &objects[0].data["spec"]["endpoints"][0];
    assert_eq!(endpoint["setIdentifier"].as_str().map(str::to_owned), pair.here.set);
    assert_eq!(endpoint["providerSpecific"], json!([{"name": "aws/weight", "value": "100"}]));
    pair.set_weight(&pair.here, 5).await;
    pair.until_weighs(&pair.here, 5).await;
    pair.until_published(&pair.here).await;
    let written = pair.sets("A").await;

    // The workers go on with what external-dns has written, and the other way round.
    pair.change_domain(&pair.here, json!({"DnsDriver": ROUTE53})).await;
    pair.until_published(&pair.here).await;
    assert_eq!(pair.sets("A").await, written);
    pair.set_weight(&pair.here, 6).await;
    pair.until_weighs(&pair.here, 6).await;
    pair.until_published(&pair.here).await;
    pair.change_domain(&pair.here, json!({"DnsDriver": EXTERNAL_DNS})).await;
    pair.set_weight(&pair.here, 0).await;
    pair.until_weighs(&pair.here, 0).await;
    pair.until_it_says(&pair.here, "Drained", "True", &[]).await;
    assert_eq!(pair.answers().await, BTreeSet::from([THERE.parse().unwrap()]));
    pair.assert_no_gap().await;

    // Where external-dns writes, a cluster that is down can't be taken out.
    pair.change_domain(&pair.there, json!({"DnsDriver": EXTERNAL_DNS})).await;
    pair.until_it_says(&pair.there, "SupportServicesInstalled", "False", &[]).await;
    pair.other.kill_apiserver().await;
    pair.set_weight(&pair.there, 0).await;
    let set = pair.there.set.clone().unwrap();
    pair.until_it_says(&pair.there, "Drained", "False", &["NeedsOwnDriver", &set, &pair.zone]).await;
    assert_eq!(pair.weight(&pair.there).await, Some(100), "it is left to external-dns");

    // One goes, and the other stays.
    pair.delete(&pair.here).await;
    assert_eq!(pair.sets("A").await.keys().collect::<Vec<_>>(), [&pair.there.set]);
    pair.stop().await;
}
