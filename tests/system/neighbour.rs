//! How fast others' changes are while an object of somebody's can't be written, or not be seen: about as fast as without it.
//!
//! Samples with and without the fault alternate on one machine, so whatever else runs there slows down both. Each is measured beside another
//! workload that is changed at the same time; with the fault that one has an object more, which fails.

use std::time::Duration;

use causeway_rig::{
    Endpoints, OwnCluster,
    faults::{Refusal, Silence},
    tools::Tools,
};
use causeway_testkit::{
    ApiClient, ControlPlane, SOON, Setup, add_workload_of, api, condition, config_map,
    kinds::CONFIG_MAP,
    kube_client, object_name,
    objects::{apply, becomes},
};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    one_object::{API_SERVICE, DOWN, THING, add_api_without_server, labelled, webhook},
    unwatched::{SECRET_OF_OURS, add_limited_runtime},
};

/// How many times longer the 95th of a hundred changes may take.
const MOST: f64 = 1.5;
/// Changes one after the other, with the fault or without it.
const BLOCK: usize = 10;
/// Blocks of each.
const BLOCKS: usize = 3;
/// Somebody else's work in one moment can be the difference between two sets of 30. It is not in 90: so many sets are added up at most.
const SETS: usize = 3;

/// A workload instance, its definition and its ConfigMaps.
struct Workload {
    id: i64,
    definition: i64,
    maps: Api<DynamicObject>,
}

struct Fixture {
    client: ApiClient,
    kube: kube::Client,
    runtime: i64,
    /// The one whose changes are measured.
    neighbour: Workload,
    /// The one with the fault.
    half: Workload,
}

impl Fixture {
    async fn on(platform: &ControlPlane, own: &OwnCluster) -> Self {
        let (client, kube) = (platform.client(), kube_client(own.endpoints()).await.unwrap());
        let runtime = add_limited_runtime(&client, own.endpoints(), "limited").await;
        let mut workloads = vec![];
        for name in ["neighbour", "half"] {
            let id = add_workload_of(&client, runtime, name, &config_map("kept", "0")).await.unwrap();
            let record = client.until_ready("workload-instances", id, SOON).await.unwrap();
            let maps = api(&kube, CONFIG_MAP, Some(&object_name(name, id)));
            workloads.push(Workload { id, definition: record["WorkloadDefinitionID"].as_i64().unwrap(), maps });
        }
        let [neighbour, half] = workloads.try_into().unwrap_or_else(|_| unreachable!("there are two"));
        Self { client, kube, runtime, neighbour, half }
    }

    async fn change(&self, workload: &Workload, manifests: &str) {
        let body = json!({"YAMLDocument": manifests});
        self.client.patch("workload-definitions", workload.definition, &body).await.unwrap();
    }

    /// How long changes of the neighbour take while the other workload is changed, too: with this manifest more than before.
    async fn block(&self, what: &str, fault: &str) -> Vec<Duration> {
        let mut took = vec![];
        for n in 0..BLOCK {
            let value = format!("{what}-{n}");
            self.change(&self.half, &format!("{fault}{}", config_map("kept", &value))).await;
            let begun = Instant::now();
            self.change(&self.neighbour, &config_map("kept", &value)).await;
            let follows = |map: &DynamicObject| map.data["data"]["key"] == value.as_str();
            becomes(&self.neighbour.maps, "kept", "the neighbour's change", follows).await;
            took.push(begun.elapsed());
        }
        took
    }

    async fn until_ready(&self) {
        self.change(&self.half, &config_map("kept", "1")).await;
        self.client.until_ready("workload-instances", self.half.id, SOON).await.unwrap();
    }

    /// Waits until the other workload says what is wrong.
    async fn until_it_says(&self, says: &str) {
        let is_said = |record: &Value| {
            condition(record, "Applied").is_some_and(|applied| {
                applied["Status"] == "False"
                    && applied["Message"].as_str().is_some_and(|message| message.contains(says))
            })
        };
        self.client.until("workload-instances", self.half.id, SOON, is_said).await.unwrap();
    }

    /// Since when runtime and neighbour say that the cluster is reachable.
    async fn reachable_since(&self) -> Vec<Value> {
        let mut since = vec![];
        for (plural, id) in [("kubernetes-runtime-instances", self.runtime), ("workload-instances", self.neighbour.id)]
        {
            let record = self.client.get(plural, id).await.unwrap();
            let reachable = condition(&record, "ClusterReachable").unwrap();
            assert_eq!(reachable["Status"], "True", "{reachable:#}");
            since.push(reachable["LastTransitionTime"].clone());
        }
        since
    }

    /// Measures with a fault and without it, and fails if the neighbour's changes take too long with it. `manifest` makes the object that fails;
    /// no two are the same, or it would rest from its last failure.
    async fn compare(&self, fault: &str, says: &str, manifest: impl Fn(usize) -> String, cluster: impl AsyncFn(bool)) {
        let (mut without, mut with, since) = (vec![], vec![], self.reachable_since().await);
        for set in 1..=SETS {
            for block in 0..BLOCKS {
                let number = set * BLOCKS + block;
                without.extend(self.block(&format!("{number}-without"), "").await);
                cluster(true).await;
                with.extend(self.block(&format!("{number}-with"), &format!("{}---\n", manifest(number))).await);
                self.until_it_says(says).await;
                cluster(false).await;
                self.until_ready().await;
            }
            let (without, with) = (p95(&mut without), p95(&mut with));
            let ratio = with.as_secs_f64() / without.as_secs_f64();
            println!("{fault}: p95 of a neighbour's change {with:?}, without it {without:?}: {ratio:.2} times");
            assert_eq!(self.reachable_since().await, since, "the cluster was called unreachable meanwhile");
            if ratio <= MOST {
                return;
            }
        }
        panic!("{fault}: the changes of a neighbour take longer than {MOST} times");
    }
}

fn p95(took: &mut [Duration]) -> Duration {
    took.sort();
    took[took.len() * 95 / 100]
}

#[tokio::test]
async fn what_keeps_one_object_back_slows_no_neighbour_down() {
    let endpoints = Endpoints::from_env().unwrap();
    let own = OwnCluster::start(&Tools::find().unwrap(), &endpoints.run_dir.join("own-neighbour")).await.unwrap();
    let platform = ControlPlane::start(&endpoints, Setup::for_test("neighbour")).await.unwrap();
    let fixture = Fixture::on(&platform, &own).await;
    let (silence, refusal) = (
        Silence::start(&endpoints.run_dir.join("neighbour-silence")).await.unwrap(),
        Refusal::start(&endpoints.run_dir.join("neighbour-refusal"), "not in this house").await.unwrap(),
    );
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "both"},
        "webhooks": [
            webhook((silence.url(), silence.ca_bundle()), "hangs.example.org", ("answer", "never"), 5, "Fail"),
            webhook((refusal.url(), refusal.ca_bundle()), "refuses.example.org", ("answer", "no"), 5, "Fail"),
        ],
    });
    apply(&fixture.kube, "admin", &configuration).await.unwrap();
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": object_name("half", fixture.half.id)},
        "spec": {"hard": {"services": "0"}},
    });
    apply(&fixture.kube, "admin", &quota).await.unwrap();

    let as_it_is = async |_: bool| {};
    let down = async |is_down: bool| match is_down {
        true => add_api_without_server(&fixture.kube).await,
        false => drop(api(&fixture.kube, API_SERVICE, None).delete(DOWN, &DeleteParams::default()).await.unwrap()),
    };
    fixture.compare("an aggregated API that is down", "down.example.org", |_| THING.to_owned(), down).await;
    let refused = |n: usize| labelled(&format!("refused-{n}"), ("answer", "\"no\""));
    fixture.compare("a webhook that refuses", "not in this house", refused, as_it_is).await;
    let service = |n: usize| {
        format!("{{apiVersion: v1, kind: Service, metadata: {{name: s{n}}}, spec: {{ports: [{{port: 80}}]}}}}\n")
    };
    fixture.compare("a quota", "exceeded quota: none", service, as_it_is).await;
    fixture
        .compare("a kind that may not be listed", "cannot list resource", |_| SECRET_OF_OURS.to_owned(), as_it_is)
        .await;
    let hangs = |n: usize| labelled(&format!("hangs-{n}"), ("answer", "never"));
    fixture.compare("a webhook that hangs", "hangs.example.org", hangs, as_it_is).await;
    assert!(silence.calls() >= BLOCKS, "nothing has hung");
    platform.stop().await;
    own.stop().await;
}
