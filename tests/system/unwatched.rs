//! Kinds that nobody may list, and kinds of which there is too much: what can't be seen is said of its own records only.

use causeway_rig::{ClusterEndpoints, Endpoints, OwnCluster, tools::Tools};
use causeway_testkit::{
    ApiClient, ControlPlane, INSTALLED, SOON, Setup, add_runtime, add_workload_of, api, condition, config_map, id_of,
    is_true,
    kinds::{CONFIG_MAP, Gvk, SECRET},
    kube_client, object_name,
    objects::{apply, becomes},
    records::unique_name,
};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::{
    changes::token_of,
    fixture::{meddle, widgets},
};

/// A Secret and something beside it.
pub(crate) const SECRET_OF_OURS: &str =
    "{apiVersion: v1, kind: Secret, metadata: {name: password}, stringData: {key: text}}\n";

/// A ClusterRole that allows everything but to list and watch Secrets.
fn role(name: &str, verbs_for_secrets: &[&str]) -> Value {
    let groups = [
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "storage.k8s.io",
    ];
    let core = [
        "namespaces",
        "configmaps",
        "services",
        "serviceaccounts",
        "events",
        "endpoints",
        "pods",
        "podtemplates",
        "limitranges",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "resourcequotas",
        "nodes",
    ];
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [
            {"apiGroups": groups, "resources": ["*"], "verbs": ["*"]},
            {"apiGroups": [""], "resources": core, "verbs": ["*"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": verbs_for_secrets},
        ],
    })
}

/// Puts a cluster on record, reached as a user who may not list Secrets. Its ClusterRole has the same name.
pub(crate) async fn add_limited_runtime(client: &ApiClient, cluster: &ClusterEndpoints, name: &str) -> i64 {
    let kube = kube_client(cluster).await.unwrap();
    apply(&kube, "admin", &role(name, &["get", "create", "patch", "update", "delete"])).await.unwrap();
    let (token, _) = token_of(cluster, name, name).await;
    let of = json!({"Name": name, "InfraProvider": "kind"});
    let of = id_of(&client.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
    let body = json!({
        "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of, "APIEndpoint": cluster.server,
        "CACertificate": cluster.ca, "ConnectionToken": token,
    });
    id_of(&client.create("kubernetes-runtime-instances", &body).await.unwrap()).unwrap()
}

/// Waits until a workload says of an object that it can't be seen, for a reason with these parts.
async fn until_unwatched(client: &ApiClient, id: i64, parts: &[&str]) {
    let says = |record: &Value| {
        condition(record, "Applied").is_some_and(|applied| {
            let message = applied["Message"].as_str().unwrap_or_default();
            applied["Reason"] == "Unwatched" && parts.iter().all(|part| message.contains(part))
        })
    };
    client.until("workload-instances", id, SOON, says).await.unwrap();
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_concerns_its_own_objects_only() {
    let endpoints = Endpoints::from_env().unwrap();
    // Where nobody else brings kinds that the user may not list either.
    let own = OwnCluster::start(&Tools::find().unwrap(), &endpoints.run_dir.join("own-unlisted")).await.unwrap();
    let cluster = own.endpoints();
    let platform = ControlPlane::start(&endpoints, Setup::for_test("unlisted")).await.unwrap();
    let (client, name) = (platform.client(), unique_name("unlisted"));
    let kube = kube_client(cluster).await.unwrap();
    let runtime = add_limited_runtime(&client, cluster, &name).await;
    let both = format!("{SECRET_OF_OURS}---\n{}", config_map("kept", "1"));
    let mut ids = vec![];
    for workload in ["stays", "goes"] {
        ids.push(add_workload_of(&client, runtime, workload, &both).await.unwrap());
    }
    let [stays, goes] = ids[..] else { unreachable!("there are two") };
    let secret = format!("Secret {}/password", object_name("stays", stays));
    until_unwatched(&client, stays, &[&secret, "cannot list resource \"secrets\"", "grant list and watch"]).await;
    for (kind, of) in [(SECRET, "password"), (CONFIG_MAP, "kept")] {
        becomes(&api(&kube, kind, Some(&object_name("stays", stays))), of, "all was applied", |_| true).await;
    }
    let beside = add_workload_of(&client, runtime, "beside", &config_map("beside", "1")).await.unwrap();
    client.until_ready("workload-instances", beside, SOON).await.unwrap();
    let record = client.get("kubernetes-runtime-instances", runtime).await.unwrap();
    assert!(is_true(&record, "ClusterReachable"), "{record:#}");

    // Nobody can tell whether a namespace is empty; a person ends the wait.
    client.delete("workload-instances", goes).await.unwrap();
    let says = |record: &Value| {
        let held = condition(record, "Deleted").and_then(|deleted| deleted["Message"].as_str());
        held.is_some_and(|message| {
            ["Namespace", "its secrets cannot be listed", "grant list", "send Reconciled false"]
                .iter()
                .all(|part| message.contains(part))
        })
    };
    client.until("workload-instances", goes, SOON, says).await.unwrap();
    client.patch("workload-instances", goes, &json!({"Reconciled": false})).await.unwrap();
    client.until_gone("workload-instances", goes, INSTALLED).await.unwrap();

    // Once the right is there, it is noticed without anybody's word.
    let all = ["get", "list", "watch", "create", "patch", "update", "delete"];
    apply(&kube, "admin", &role(&name, &all)).await.unwrap();
    client.until_ready("workload-instances", stays, SOON).await.unwrap();
    client.delete_and_wait("workload-instances", stays, INSTALLED).await.unwrap();
    platform.stop().await;
    own.stop().await;
}

/// A definition whose objects may have any status, and two of them.
fn manifests(group: &str) -> String {
    let widgets = widgets(group);
    format!(
        "{widgets}---
{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: first}}}}
---
{{apiVersion: {group}/v1, kind: Widget, metadata: {{name: second}}}}
"
    )
}

#[tokio::test]
async fn a_kind_with_too_much_in_it_concerns_its_own_objects_only() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = &endpoints.clusters[1];
    // Of three MiB one cluster may take 1.8.
    let arguments = vec!["--cache-limit".to_owned(), "3".to_owned()];
    let setup = Setup { worker_arguments: arguments, ..Setup::for_test("too_much") };
    let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let (client, name) = (platform.client(), unique_name("too-much"));
    let group = format!("{name}.example");
    let widget: Gvk<'_> = (&group, "v1", "Widget");
    let kube = kube_client(cluster).await.unwrap();
    let runtime = add_runtime(&client, cluster, &name).await.unwrap();
    let large = add_workload_of(&client, runtime, "large", &manifests(&group)).await.unwrap();
    let beside = add_workload_of(&client, runtime, "beside", &config_map("beside", "1")).await.unwrap();
    for id in [large, beside] {
        client.until_ready("workload-instances", id, SOON).await.unwrap();
    }
    let widgets = api(&kube, widget, Some(&object_name("large", large)));
    // A text of a status is kept up to a thousand characters.
    let grow = async |thousands: usize| {
        for of in ["first", "second"] {
            meddle(&widgets, of, &json!({"status": {"texts": vec!["x".repeat(1000); thousands]}})).await;
        }
    };
    grow(1000).await;
    until_unwatched(&client, large, &["Widget", "take more than 1 MiB", "--cache-limit"]).await;
    let definitions = client.list("workload-definitions", "name=beside").await.unwrap();
    let change = json!({"YAMLDocument": config_map("beside", "2")});
    client.patch("workload-definitions", id_of(&definitions[0]).unwrap(), &change).await.unwrap();
    let maps = api(&kube, CONFIG_MAP, Some(&object_name("beside", beside)));
    let follows = |map: &DynamicObject| map.data["data"]["key"] == "2";
    becomes(&maps, "beside", "the other workload's change", follows).await;
    client.until_ready("workload-instances", beside, SOON).await.unwrap();
    let record = client.get("kubernetes-runtime-instances", runtime).await.unwrap();
    assert!(is_true(&record, "ClusterReachable"), "{record:#}");
    // What has become small is seen again, and what is too large can be deleted.
    grow(1).await;
    client.until_ready("workload-instances", large, SOON).await.unwrap();
    grow(1000).await;
    until_unwatched(&client, large, &["Widget"]).await;
    client.delete_and_wait("workload-instances", large, INSTALLED).await.unwrap();
    platform.stop().await;
}
