//! Manifests that no cluster takes: the workload instance says why, and no other record has to wait for it.

use causeway_testkit::{
    Harness, INSTALLED, SOON, add_workload_of, api, condition, config_map, harness, kinds::CONFIG_MAP, object_name,
    objects::becomes,
};
use serde_json::{Value, json};

/// What is wrong, the manifests, and what the condition must say.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "unknown-kind",
        "apiVersion: example.invalid/v1\nkind: Nothing\nmetadata: {name: a}",
        &["Nothing", "does not serve", "install its custom resource definition"],
    ),
    ("unknown-version", "apiVersion: apps/v0\nkind: Deployment\nmetadata: {name: a}", &["Deployment", "apps/v0"]),
    (
        "unknown-field",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicaz: 3}",
        &["Deployment", "is refused", "replicaz"],
    ),
    (
        "bad-value",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 99999}]}",
        &["Service", "is refused", "99999"],
    ),
    (
        "duplicate-variable",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: \
         {labels: {a: b}}, spec: {containers: [{name: web, image: i, env: [{name: A, value: '1'}, {name: A, value: '2'}]}]}}}",
        &["Deployment", "spec.template.spec.containers[name=\"web\"].env", "A"],
    ),
    (
        "duplicate-port",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}",
        &["Service", "is refused", "spec.ports[0].name"],
    ),
    ("bad-name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_B}", &["ConfigMap", "is refused", "A_B"]),
];

/// Waits until the condition has all this in its sentence.
async fn until_refused(harness: &Harness, id: i64, says: &[&str]) {
    let is_said = |record: &Value| {
        condition(record, "Applied").is_some_and(|applied| {
            let message = applied["Message"].as_str().unwrap_or_default();
            applied["Status"] == "False" && says.iter().all(|part| message.contains(part))
        })
    };
    let record = harness.client.until("workload-instances", id, SOON, is_said).await.unwrap();
    assert_eq!(condition(&record, "Ready").unwrap()["Status"], "False");
    assert_eq!(record["Reconciled"], false);
}

#[tokio::test]
async fn manifests_that_are_refused_say_so_hold_up_nobody_and_heal_when_corrected() {
    let harness = harness().await;
    let mut refused = vec![];
    for (what, manifests, says) in CASES {
        let name = harness.name(what);
        let id = add_workload_of(&harness.client, harness.runtime, &name, manifests).await.unwrap();
        refused.push((id, says));
    }
    for (id, says) in &refused {
        until_refused(harness, *id, says).await;
    }
    let name = harness.name("good");
    let good = add_workload_of(&harness.client, harness.runtime, &name, &config_map("good", "1")).await.unwrap();
    harness.client.until_ready("workload-instances", good, SOON).await.unwrap();
    for (id, _) in &refused {
        let record = harness.client.get("workload-instances", *id).await.unwrap();
        let of = record["WorkloadDefinitionID"].as_i64().unwrap();
        let corrected = json!({"YAMLDocument": config_map("good", "1")});
        harness.client.patch("workload-definitions", of, &corrected).await.unwrap();
    }
    for (id, _) in &refused {
        harness.client.until_ready("workload-instances", *id, SOON).await.unwrap();
    }
    // Each request was answered as it had to be; the figures of this API are those of all tests.
    assert!(harness.platform.api().is_running(), "the API has ended");
    assert!(harness.platform.workers().iter().all(|worker| worker.is_running()), "a worker has ended");
}

#[tokio::test]
async fn one_bad_manifest_does_not_keep_the_others_of_its_workload_from_standing() {
    let harness = harness().await;
    let name = harness.name("half");
    let bad = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {replicaz: 3}";
    let manifests = format!("{}---\n{bad}\n---\n{}", config_map("first", "1"), config_map("last", "1"));
    let id = add_workload_of(&harness.client, harness.runtime, &name, &manifests).await.unwrap();
    until_refused(harness, id, &["Deployment", "replicaz"]).await;
    let kube = harness.kube().await.unwrap();
    let namespace = object_name(&name, id);
    let maps = api(&kube, CONFIG_MAP, Some(&namespace));
    for map in ["first", "last"] {
        becomes(&maps, map, "what is good stands", |_| true).await;
    }
    harness.client.delete_and_wait("workload-instances", id, INSTALLED).await.unwrap();
}
