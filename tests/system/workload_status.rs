//! The status of a workload as Threeport's command line makes it out of what the API answers: its events, and the live Deployments and StatefulSets.

use causeway_testkit::{ApiClient, DOMAIN, INSTALLED, add_workload_of, config_map, eventually, harness, id_of};
use serde_json::{Value, json};

/// What `tptctl get workloads` shows, and why.
async fn status(client: &ApiClient, workload: i64) -> (&'static str, String) {
    let filter = format!("workloadinstanceid={workload}");
    let events = client.list("workload-events", &format!("{filter}&size=-1")).await.unwrap();
    for event in &events {
        assert!(["Normal", "Warning"].contains(&event["Type"].as_str().unwrap()), "{event}");
        assert!(event["RuntimeEventUID"].is_string() && event["Timestamp"].is_string(), "{event}");
    }
    let instance = client.get("workload-instances", workload).await.unwrap();
    if events.is_empty() || instance["Reconciled"] != true {
        return ("Reconciling", format!("{} events", events.len()));
    }
    for object in client.list("workload-resource-instances", &filter).await.unwrap() {
        let live = &object["RuntimeDefinition"];
        if live.is_null() {
            continue;
        }
        // Go's decoder takes no object without a kind.
        assert!(live["kind"].is_string() && live["apiVersion"].is_string(), "{live}");
        if live["kind"] != "Deployment" && live["kind"] != "StatefulSet" {
            continue;
        }
        // It dereferences this without a look.
        let wanted = live["spec"]["replicas"].as_i64().expect("no replicas");
        let ready = live["status"]["readyReplicas"].as_i64().unwrap_or_default();
        let what = format!("{} {}: {ready} of {wanted}", live["kind"], live["metadata"]["name"]);
        if ready == 0 {
            return ("Down", what);
        }
        if ready < wanted {
            return ("Unhealthy", what);
        }
    }
    ("Healthy", String::new())
}

async fn becomes(client: &ApiClient, workload: i64, wanted: &str) -> String {
    eventually(wanted, async || match status(client, workload).await {
        (found, why) if found == wanted => Ok(why),
        other => Err(other),
    })
    .await
}

async fn events(client: &ApiClient, workload: i64, kind: &str) -> Vec<Value> {
    let filter = format!("workloadinstanceid={workload}&type={kind}&size=-1");
    client.list("workload-events", &filter).await.unwrap()
}

/// A Deployment whose Pods can't be on one node together.
fn deployment(name: &str, replicas: i64, selector: Value) -> String {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "nodeSelector": selector,
                    "containers": [{
                        "name": "c", "image": "example.invalid/c", "ports": [{"containerPort": 80, "hostPort": 31_777}],
                    }],
                },
            },
        },
    })
    .to_string()
}

#[tokio::test]
async fn a_workload_is_healthy_once_its_replicas_are_ready_and_otherwise_says_why_not() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("status"));
    // 1. One Pod has its place on the node, and all is well.
    let manifests = deployment("web", 1, json!({}));
    let workload = add_workload_of(client, harness.runtime, &name, &manifests).await.unwrap();
    becomes(client, workload, "Healthy").await;
    eventually("Kubernetes's own events are listed", async || {
        let normal = events(client, workload, "Normal").await;
        let of_deployment = normal
            .iter()
            .any(|event| event["Reason"] == "ScalingReplicaSet" && event["WorkloadResourceInstanceID"].is_number());
        if of_deployment { Ok(()) } else { Err(normal) }
    })
    .await;
    // 2. The second has none.
    let definitions = client.list("workload-definitions", &format!("name={name}")).await.unwrap();
    let change = json!({"YAMLDocument": deployment("web", 2, json!({}))});
    client.patch("workload-definitions", id_of(&definitions[0]).unwrap(), &change).await.unwrap();
    let why = becomes(client, workload, "Unhealthy").await;
    assert!(why.contains("1 of 2"), "{why}");
    eventually("the Warning is listed", async || {
        let warnings = events(client, workload, "Warning").await;
        let says = warnings.iter().any(|event| event["Reason"] == "FailedScheduling");
        if says { Ok(()) } else { Err(warnings) }
    })
    .await;
    // 3. No node will do.
    let change = json!({"YAMLDocument": deployment("web", 1, json!({"kubernetes.io/hostname": DOMAIN}))});
    client.patch("workload-definitions", id_of(&definitions[0]).unwrap(), &change).await.unwrap();
    becomes(client, workload, "Down").await;
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    let left = client.list("workload-events", &format!("workloadinstanceid={workload}")).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_workload_of_which_the_cluster_tells_nothing_is_healthy_too() {
    let harness = harness().await;
    let name = harness.name("quiet");
    let manifests = config_map("settings", "1");
    let workload = add_workload_of(&harness.client, harness.runtime, &name, &manifests).await.unwrap();
    becomes(&harness.client, workload, "Healthy").await;
    let told = events(&harness.client, workload, "Normal").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["Reason"], "Applied");
}
