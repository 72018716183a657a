//! Manifests that no cluster takes: the workload instance says why, and nobody else has to wait for it.

use causeway_rig::platform::{condition, id_of};
use causeway_tests::{SOON, Stage, add_workload_of, config_map, stage};
use serde_json::json;

/// What is wrong, the manifests, and what the condition must say.
const CASES: &[(&str, &str, &[&str])] = &[
    ("no-yaml", "a: [b", &["YAMLDocument", "document 1", "no YAML"]),
    ("a-text", "just a text", &["YAMLDocument", "document 1", "kind"]),
    ("second", "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n- b", &["YAMLDocument", "document 2"]),
    ("no-name", "apiVersion: v1\nkind: ConfigMap", &["YAMLDocument", "ConfigMap", "metadata.name", "add one"]),
    ("bad-label", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: [b]}", &["metadata.labels", "a map"]),
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
    ("bad-name", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_B}", &["ConfigMap", "is refused", "A_B"]),
];

async fn until_refused(stage: &Stage, id: i64, says: &[&str]) {
    let record = stage.client.until("workload-instances", id, SOON, |record| {
        condition(record, "Applied").is_some_and(|applied| applied["Status"] == "False")
    });
    let record = record.await.unwrap();
    let message = condition(&record, "Applied").unwrap()["Message"].as_str().unwrap().to_owned();
    for part in says {
        assert!(message.contains(part), "`{message}` does not say `{part}`");
    }
    assert_eq!(condition(&record, "Ready").unwrap()["Status"], "False");
    assert_eq!(record["Reconciled"], false);
}

#[tokio::test]
async fn manifests_that_are_refused_say_so_hold_up_nobody_and_heal_when_corrected() {
    let stage = stage().await;
    let mut refused = vec![];
    for (what, manifests, says) in CASES {
        let name = stage.name(what);
        let id = add_workload_of(&stage.client, stage.runtime, &name, manifests).await.unwrap();
        refused.push((id, says));
    }
    for (id, says) in &refused {
        until_refused(stage, *id, says).await;
    }
    let name = stage.name("good");
    let good = add_workload_of(&stage.client, stage.runtime, &name, &config_map("good", "1")).await.unwrap();
    stage.client.until_ready("workload-instances", good, SOON).await.unwrap();
    for (id, _) in &refused {
        let record = stage.client.get("workload-instances", *id).await.unwrap();
        let of = record["WorkloadDefinitionID"].as_i64().unwrap();
        let corrected = json!({"YAMLDocument": config_map("good", "1")});
        stage.client.patch("workload-definitions", of, &corrected).await.unwrap();
    }
    for (id, _) in &refused {
        stage.client.until_ready("workload-instances", *id, SOON).await.unwrap();
    }
    crate::bad_input::assert_unharmed(&stage.platform).await;
    assert!(stage.platform.workers().iter().all(|worker| worker.is_running()), "a worker has ended");
}

#[tokio::test]
async fn one_bad_manifest_does_not_keep_the_others_of_its_workload_from_standing() {
    let stage = stage().await;
    let name = stage.name("half");
    let bad = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {replicaz: 3}";
    let manifests = format!("{}---\n{bad}\n---\n{}", config_map("first", "1"), config_map("last", "1"));
    let id = add_workload_of(&stage.client, stage.runtime, &name, &manifests).await.unwrap();
    until_refused(stage, id, &["Deployment", "replicaz"]).await;
    let kube = stage.kube().await.unwrap();
    let namespace = causeway_tests::object_name(&name, id);
    let maps = causeway_tests::api(&kube, ("", "v1", "ConfigMap"), Some(&namespace));
    for map in ["first", "last"] {
        crate::scene::becomes(&maps, map, "what is good stands", |_| true).await;
    }
    let gone = stage.client.delete("workload-instances", id).await.unwrap();
    stage.client.until_gone("workload-instances", id_of(&gone).unwrap(), SOON).await.unwrap();
}
