//! Two control planes on one cluster, and one control plane whose cluster is suddenly another one.

use std::collections::BTreeMap;

use causeway_rig::{ClusterEndpoints, Endpoints};
use causeway_testkit::{
    ControlPlane, INSTALLED, SOON, Setup, add_gateway, add_runtime, add_workload, add_workload_of, api, condition,
    config_map, eventually, is_true,
    kinds::{
        CONFIG_MAP, CONTROL_PLANE, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, GATEWAY, Gvk, HTTP_ROUTE, NAMESPACE, SERVICE,
    },
    kube_client, object_name,
    objects::{self, at, becomes},
};
use kube::{ResourceExt, api::ListParams};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::fixture::{Fixture, labelled, without_status};

/// Who a control plane is in clusters.
pub(crate) async fn identity(platform: &ControlPlane) -> String {
    let mut database = PgConnection::connect(&platform.database_url()).await.expect("no database");
    sqlx::query_scalar("SELECT id FROM control_plane").fetch_one(&mut database).await.expect("no identity")
}

/// The routes and the Gateway of a fixture, and who has written what into them. Envoy Gateway may write into their status at any time.
async fn written(fixture: &Fixture) -> BTreeMap<String, (Value, Value)> {
    let mut all = fixture.own(GATEWAY).await;
    all.extend(fixture.own(HTTP_ROUTE).await);
    all.iter().map(|object| (object.name_any(), without_status(object))).collect()
}

#[tokio::test]
async fn two_control_planes_on_one_cluster_leave_each_other_alone() {
    let first = Fixture::ready("two", json!({"HttpPorts": [{"Port": 80}], "Placement": "Dedicated"})).await;
    let before = written(&first).await;
    assert_eq!(before.len(), 2, "a Gateway and its route: {before:?}");
    let controller = api(&first.kube, DEPLOYMENT, Some("envoy-gateway-system")).get("envoy-gateway").await.unwrap();

    let endpoints = Endpoints::from_env().unwrap();
    let second = ControlPlane::start(&endpoints, Setup::for_test("second")).await.unwrap();
    let (client, name) = (second.client(), first.harness.name("second"));
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let workload = add_workload(&client, runtime, &name).await.unwrap();
    let ports = json!({"HttpPorts": [{"Port": 80}]});
    let gateway = add_gateway(&client, runtime, &name, workload, ports).await.unwrap();
    client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
    let services = client.list("support-service-instances", "").await.unwrap();
    assert!(services.len() >= 2, "{services:#?}");
    for service in &services {
        let applied = condition(service, "Applied").unwrap();
        assert_eq!((&applied["Status"], &applied["Reason"]), (&json!("True"), &json!("Adopted")), "{service:#}");
    }
    let selector = format!("{CONTROL_PLANE}={}", identity(&second).await);
    let of_second = async |kind: Gvk<'static>| {
        api(&first.kube, kind, None).list(&ListParams::default().labels(&selector)).await.unwrap().items
    };
    assert!(!of_second(GATEWAY).await.is_empty() && !of_second(HTTP_ROUTE).await.is_empty());
    assert_eq!(
        of_second(CUSTOM_RESOURCE_DEFINITION).await.len() + of_second(DEPLOYMENT).await.len(),
        1,
        "its workload's alone"
    );
    assert_eq!(written(&first).await, before, "after the second came");

    client.delete_and_wait("gateway-instances", gateway, SOON).await.unwrap();
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    client.delete_and_wait("kubernetes-runtime-instances", runtime, INSTALLED).await.unwrap();
    for kind in [GATEWAY, HTTP_ROUTE, DEPLOYMENT, SERVICE, NAMESPACE] {
        eventually("everything of the second goes", async || {
            let left = of_second(kind).await;
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
    assert_eq!(written(&first).await, before, "after the second went");
    let still = api(&first.kube, DEPLOYMENT, Some("envoy-gateway-system")).get("envoy-gateway").await.unwrap();
    assert_eq!((still.uid(), still.metadata.generation), (controller.uid(), controller.metadata.generation));
    assert_eq!(labelled(&first.kube, HTTP_ROUTE, &format!("gateway-instance-{}", first.gateway)).await.len(), 1);
    first.until_ready().await;
    second.stop().await;
}

/// Lines of a cluster's log of writes that speak of any of these.
async fn mentions(cluster: &ClusterEndpoints, words: &[&str]) -> Vec<String> {
    let log = tokio::fs::read_to_string(&cluster.audit_log).await.expect("no audit log");
    log.lines().filter(|line| words.iter().any(|word| line.contains(word))).map(str::to_owned).collect()
}

/// What a runtime must say to lead to this cluster.
fn access(cluster: &ClusterEndpoints) -> Value {
    json!({
        "APIEndpoint": cluster.server, "CACertificate": cluster.ca, "Certificate": cluster.causeway.certificate,
        "CertificateKey": cluster.causeway.key,
    })
}

#[tokio::test]
async fn a_cluster_that_is_replaced_is_not_touched_and_confirms_nothing() {
    let endpoints = Endpoints::from_env().unwrap();
    let (here, there) = (endpoints.cluster(), endpoints.clusters.get(1).expect("run the rig with --extra-clusters 1"));
    let platform = ControlPlane::start(&endpoints, Setup::for_test("replaced")).await.unwrap();
    let (client, identity) = (platform.client(), identity(&platform).await);
    let runtime = add_runtime(&client, here, "moving").await.unwrap();
    let name = |what: &str| format!("{what}-{}", &identity[..8.min(identity.len())]);
    let (going, staying) = (name("going"), name("staying"));
    let goes = add_workload_of(&client, runtime, &going, &config_map("settings", "1")).await.unwrap();
    let stays = add_workload_of(&client, runtime, &staying, &config_map("settings", "1")).await.unwrap();
    for id in [goes, stays] {
        client.until_ready("workload-instances", id, SOON).await.unwrap();
    }

    client.patch("kubernetes-runtime-instances", runtime, &access(there)).await.unwrap();
    let replaced = |record: &Value| {
        condition(record, "ClusterReachable")
            .is_some_and(|reachable| reachable["Status"] == "False" && reachable["Reason"] == "ClusterReplaced")
    };
    let record = client.until("kubernetes-runtime-instances", runtime, SOON, replaced).await.unwrap();
    let message = condition(&record, "ClusterReachable").unwrap()["Message"].as_str().unwrap().to_owned();
    for part in ["another cluster", &there.server, "Correct the endpoint"] {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    client.delete("workload-instances", goes).await.unwrap();
    let of = client.get("workload-instances", stays).await.unwrap()["WorkloadDefinitionID"].as_i64().unwrap();
    let change = json!({"YAMLDocument": config_map("settings", "2")});
    client.patch("workload-definitions", of, &change).await.unwrap();
    for id in [goes, stays] {
        client.until("workload-instances", id, SOON, replaced).await.unwrap();
    }
    // Requested once more, so that a whole reconcile lies between the deletion and this check.
    let again = client.patch("workload-instances", stays, &json!({"Reconciled": false})).await.unwrap();
    client
        .until("workload-instances", stays, SOON, |record| {
            let seen = condition(record, "Ready").and_then(|ready| ready["ObservedGeneration"].as_i64());
            replaced(record) && seen >= again["Generation"].as_i64()
        })
        .await
        .unwrap();
    let record = client.get("workload-instances", goes).await.unwrap();
    assert!(record["DeletionScheduled"].is_string() && record["DeletionConfirmed"].is_null(), "{record:#}");
    let words = [identity.as_str(), &going, &staying];
    assert_eq!(mentions(there, &words).await, Vec::<String>::new(), "the other cluster was written to");
    assert!(!mentions(here, &words).await.is_empty(), "the log of writes is written");
    let kube = kube_client(here).await.unwrap();
    let map =
        async |name: &str, id: i64| api(&kube, CONFIG_MAP, Some(&object_name(name, id))).get("settings").await.unwrap();
    assert_eq!(
        (at(&map(&going, goes).await, "/data/key"), at(&map(&staying, stays).await, "/data/key")),
        (&json!("1"), &json!("1"))
    );

    client.patch("kubernetes-runtime-instances", runtime, &access(here)).await.unwrap();
    client.until_gone("workload-instances", goes, INSTALLED).await.unwrap();
    client.until_ready("workload-instances", stays, SOON).await.unwrap();
    let maps = api(&kube, CONFIG_MAP, Some(&object_name(&staying, stays)));
    becomes(&maps, "settings", "the change has arrived", |map| at(map, "/data/key") == "2").await;
    let namespaces = api(&kube, NAMESPACE, None);
    objects::goes(&namespaces, &object_name(&going, goes), "the namespace of the deleted one goes").await;
    client
        .until("kubernetes-runtime-instances", runtime, SOON, |record| is_true(record, "ClusterReachable"))
        .await
        .unwrap();
    assert_eq!(mentions(there, &words).await, Vec::<String>::new(), "the other cluster was written to");
    platform.stop().await;
}
