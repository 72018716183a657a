//! What one record, or two hundred, cost everybody else: nothing.

use std::time::Duration;

use causeway_failpoints::RECONCILE_BEGUN;
use causeway_rig::{ClusterEndpoints, Endpoints};
use causeway_testkit::{
    ApiClient, ControlPlane, SOON, Setup, add_runtime, add_workload_of, condition, config_map, eventually, id_of,
    is_true, object_name,
};
use serde_json::{Value, json};

use crate::fixture::our_writes;

/// More than run at the same time in one cluster.
const MANY: usize = 40;
/// So many do where two may, and each waits for something slow.
const AT_ONCE: usize = 8;

/// A control plane of one test on the bare cluster, with workloads of one ConfigMap.
struct Fixture {
    cluster: ClusterEndpoints,
    platform: ControlPlane,
    client: ApiClient,
    runtime: i64,
}

impl Fixture {
    async fn start(name: &str, worker_arguments: &[&str]) -> Self {
        let endpoints = Endpoints::from_env().unwrap();
        let cluster = endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1").clone();
        let worker_arguments = worker_arguments.iter().map(|word| (*word).to_owned()).collect();
        let setup = Setup { worker_arguments, ..Setup::for_test(name) };
        let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
        let client = platform.client();
        let runtime = add_runtime(&client, &cluster, "bare").await.unwrap();
        Self { cluster, platform, client, runtime }
    }

    async fn add(&self, name: &str) -> i64 {
        add_workload_of(&self.client, self.runtime, name, &config_map("kept", "1")).await.unwrap()
    }

    async fn until_ready(&self, id: i64) {
        self.client.until_ready("workload-instances", id, SOON).await.unwrap();
    }

    /// Changes what a workload instance asks for.
    async fn change(&self, id: i64) {
        let instance = self.client.get("workload-instances", id).await.unwrap();
        let definition = instance["WorkloadDefinitionID"].as_i64().unwrap();
        let body = json!({"YAMLDocument": config_map("kept", "2")});
        self.client.patch("workload-definitions", definition, &body).await.unwrap();
    }

    /// In which of these namespaces the ConfigMaps of workloads were patched, in the order of the API server's log.
    async fn patched(&self, namespaces: &[String]) -> Vec<String> {
        let written = our_writes(&self.cluster, "/configmaps/kept").await.into_iter();
        let patches = written.filter(|event| event["verb"] == "patch");
        let places = patches.filter_map(|event| Some(event["objectRef"]["namespace"].as_str()?.to_owned()));
        places.filter(|namespace| namespaces.contains(namespace)).collect()
    }
}

#[tokio::test]
async fn two_hundred_changes_by_a_script_delay_no_single_one_that_comes_after_them() {
    let mut fixture = Fixture::start("burst", &["--concurrency", "2"]).await;
    let (mut burst, mut namespaces) = (vec![], vec![]);
    for n in 0..MANY {
        let name = format!("burst-{n}");
        let id = fixture.add(&name).await;
        namespaces.push(object_name(&name, id));
        burst.push(id);
    }
    let single = fixture.add("single").await;
    let own = object_name("single", single);
    namespaces.push(own.clone());
    for id in burst.iter().chain([&single]) {
        fixture.until_ready(*id).await;
    }
    // No worker runs while the changes come, so that all of them are due when one starts.
    fixture.platform.stop_workers().await;
    let before = fixture.patched(&namespaces).await.len();
    for id in &burst {
        fixture.change(*id).await;
    }
    fixture.change(single).await;
    fixture.platform.add_worker().await.unwrap();
    for id in burst.iter().chain([&single]) {
        let done = |record: &Value| record["Reconciled"] == true;
        fixture.client.until("workload-instances", *id, SOON, done).await.unwrap();
    }
    let patched = fixture.patched(&namespaces).await.split_off(before);
    let place = patched.iter().position(|namespace| *namespace == own).expect("it was never patched");
    // Every second turn is for the newest, so it is among the first two. Whoever waits for the connection for long leaves its place to others, and then all
    // of them write at once.
    assert!(place < AT_ONCE, "{place} of {} came before it: {patched:?}", patched.len());
    assert_eq!(patched.iter().filter(|namespace| **namespace == own).count(), 1, "one change, one write");
    fixture.platform.stop().await;
}

#[tokio::test]
async fn records_whose_reconciles_panic_say_so_and_leave_the_cluster_to_others() {
    let fixture = Fixture::start("poison", &["--concurrency", "4"]).await;
    let first = fixture.add("first").await;
    fixture.until_ready(first).await;
    // More than may run at the same time: if each kept its place while it rests, no other record would get one.
    fixture.platform.arm_worker(0, RECONCILE_BEGUN.name, "12*panic").await.unwrap();
    let mut struck = vec![];
    for n in 0..12 {
        struck.push(fixture.add(&format!("struck-{n}")).await);
    }
    let defect = |record: &Value| condition(record, "Applied").is_some_and(|applied| applied["Reason"] == "Defect");
    let (plural, record) = eventually("a record says that its reconcile panicked", async || {
        for plural in ["workload-instances", "workload-definitions"] {
            let found = fixture.client.list(plural, "").await.unwrap();
            if let Some(record) = found.into_iter().find(defect) {
                return Ok((plural, record));
            }
        }
        Err("none does")
    })
    .await;
    let message = condition(&record, "Applied").unwrap()["Message"].as_str().unwrap();
    assert!(message.contains("Reconciled false"), "{message}");
    assert!(!is_true(&record, "Ready"), "{record:#}");

    fixture.platform.arm_worker(0, RECONCILE_BEGUN.name, "off").await.unwrap();
    let after = fixture.add("after").await;
    let begun = tokio::time::Instant::now();
    fixture.until_ready(after).await;
    assert!(begun.elapsed() < Duration::from_secs(25), "it waited for those that rest: {:?}", begun.elapsed());
    // A person need not wait for the rest to end.
    let id = id_of(&record).unwrap();
    fixture.client.patch(plural, id, &json!({"Reconciled": false})).await.unwrap();
    let healed = |record: &Value| record["Reconciled"] == true && !defect(record);
    fixture.client.until(plural, id, Duration::from_secs(25), healed).await.unwrap();
    let log = fixture.platform.workers()[0].log().unwrap();
    assert!(log.contains("a panic: "), "the panics are in no log");
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let other = whole.lines().find(|line| serde_json::from_str::<Value>(line).is_err());
    assert_eq!(other, None, "a line of the log is no JSON");
    fixture.platform.stop().await;
}
