//! A client and a cluster as they should be.

use crate::{
    fixture::Fixture,
    measure::{Durations, Good},
};
use causeway_testkit::{
    api, config_map, id_of, kinds::CONFIG_MAP, kube_client, object_name, objects::becomes, unique_name,
};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Between two of its requests, and between two workloads.
const PAUSE: Duration = Duration::from_millis(100);

/// Measures both at the same time.
pub(crate) async fn measure(fixture: &Fixture, duration: Duration) -> Good {
    let end = Instant::now() + duration;
    let (requests, workloads) = tokio::join!(requests(fixture, end), workloads(fixture, end));
    Good { requests, workloads }
}

/// Makes, changes and reads gateway definitions.
async fn requests(fixture: &Fixture, end: Instant) -> Durations {
    let (client, mut took) = (&fixture.admin, Durations::default());
    while took.count() == 0 || Instant::now() < end {
        let begun = Instant::now();
        let body = json!({"Name": unique_name("good"), "HttpPorts": [{"Port": 80}]});
        let made = client.create("gateway-definitions", &body).await.expect("a good client is refused");
        took.add(begun.elapsed());
        let id = id_of(&made).unwrap();
        sleep(PAUSE).await;
        let begun = Instant::now();
        let change = json!({"HttpPorts": [{"Port": 8080}]});
        client.patch("gateway-definitions", id, &change).await.expect("a good client is refused");
        took.add(begun.elapsed());
        sleep(PAUSE).await;
        let begun = Instant::now();
        client.get("gateway-definitions", id).await.expect("a good client is refused");
        took.add(begun.elapsed());
        client.delete("gateway-definitions", id).await.expect("a good client is refused");
        sleep(PAUSE).await;
    }
    took
}

/// Makes workloads of one ConfigMap, and waits for each.
async fn workloads(fixture: &Fixture, end: Instant) -> Durations {
    let (client, mut took) = (&fixture.admin, Durations::default());
    let kube = kube_client(&fixture.cluster).await.unwrap();
    let of = json!({"Name": unique_name("good"), "YAMLDocument": config_map("good", "1")});
    let of = id_of(&client.create("workload-definitions", &of).await.unwrap()).unwrap();
    while took.count() == 0 || Instant::now() < end {
        let name = unique_name("good");
        let body = json!({"Name": name, "KubernetesRuntimeInstanceID": fixture.runtime, "WorkloadDefinitionID": of});
        let begun = Instant::now();
        let made = client.create("workload-instances", &body).await.expect("a good client is refused");
        let id = id_of(&made).unwrap();
        let maps = api(&kube, CONFIG_MAP, Some(&object_name(&name, id)));
        becomes(&maps, "good", "the workload's ConfigMap", |_| true).await;
        took.add(begun.elapsed());
        client.delete("workload-instances", id).await.expect("a good client is refused");
        sleep(PAUSE).await;
    }
    took
}
