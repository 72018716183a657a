//! Secrets inside of manifests are for admins.

use causeway_testkit::{ApiClient, unique_name};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness;

const YAML: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {colour: blue}\n---\n\
    apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2-in-a-manifest}\n";
const SECRET: &str = "hunter2-in-a-manifest";
/// The same as it stands in the `data` of a Secret.
const IN_BASE64: &str = "aHVudGVyMi1pbi1hLW1hbmlmZXN0";

/// Whether a text gives the secret away.
fn tells(text: &str) -> bool {
    text.contains(SECRET) || text.contains(IN_BASE64)
}

/// A record that was made by an editor, whose answer has no secret.
async fn made(editor: &ApiClient, plural: &str, body: &Value) -> i64 {
    let answer = editor.try_create(plural, body).await.unwrap().answered(201);
    assert!(!tells(&answer.text), "{}", answer.text);
    answer.record()["ID"].as_i64().unwrap()
}

#[tokio::test]
async fn secrets_in_manifests_are_masked_for_all_but_admins() {
    let harness = harness().await;
    let editor = &harness.editor;
    let (workload, runtime) = workload_and_cluster(editor).await;
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "j"}, "stringData": {"password": SECRET},
    });
    let resource = json!({"WorkloadDefinitionID": workload, "JSONDefinition": manifest});
    let resource_id = made(editor, "workload-resource-definitions", &resource).await;
    let mut other = resource.clone();
    other["JSONDefinition"]["metadata"]["name"] = json!("of-a-set");
    let set = editor.send_text(Method::POST, "/v0/workload-resource-definition-sets", json!([other]).to_string());
    let set = set.await.unwrap().answered(201);
    assert!(!tells(&set.text), "{}", set.text);
    let instance = json!({"Name": unique_name("manifests"), "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": workload});
    let instance = made(editor, "workload-instances", &instance).await;
    let paths = [
        format!("/v0/workload-instances/{instance}/manifests"),
        format!("/v0/workload-definitions/{workload}"),
        "/v0/workload-definitions?size=-1".to_owned(),
        format!("/v0/workload-resource-definitions/{resource_id}"),
        format!("/v0/workload-resource-definitions?workloaddefinitionid={workload}"),
        "/v0/workload-resource-instances?size=-1".to_owned(),
    ];
    for path in &paths {
        for client in [&harness.viewer, editor] {
            let answer = client.try_get(path).await.unwrap().answered(200);
            assert!(!tells(&answer.text), "{path}: {}", answer.text);
        }
    }
    for path in &paths[..5] {
        let answer = harness.admin.try_get(path).await.unwrap().answered(200);
        assert!(tells(&answer.text), "{path}: {}", answer.text);
    }
}

/// A workload with a Secret, and a cluster for it.
async fn workload_and_cluster(editor: &ApiClient) -> (i64, i64) {
    let workload = json!({"Name": unique_name("manifests"), "YAMLDocument": YAML});
    let of = json!({"Name": unique_name("manifests"), "InfraProvider": "kind"});
    let of = made(editor, "kubernetes-runtime-definitions", &of).await;
    let runtime = json!({"Name": unique_name("manifests"), "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    (
        made(editor, "workload-definitions", &workload).await,
        made(editor, "kubernetes-runtime-instances", &runtime).await,
    )
}

#[tokio::test]
async fn secrets_in_plans_are_masked_for_everybody() {
    const OTHER: &str = "hunter3-in-a-manifest";
    let harness = harness().await;
    let editor = &harness.editor;
    let (workload, runtime) = workload_and_cluster(editor).await;
    let body = json!({"Name": unique_name("manifests"), "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": workload});
    let instance = made(editor, "workload-instances", &body).await;
    let second = json!({"Name": unique_name("manifests"), "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": workload});
    let changed = json!({"YAMLDocument": YAML.replace(SECRET, OTHER)});
    let asked = [
        (Method::POST, "/v0/workload-instances".to_owned(), second.to_string(), "Added"),
        (Method::PATCH, format!("/v0/workload-definitions/{workload}"), changed.to_string(), "Changed"),
        (Method::DELETE, format!("/v0/workload-instances/{instance}"), String::new(), "Removed"),
    ];
    for (method, path, body, change) in asked {
        for client in [editor, &harness.admin] {
            let answer = client.send_text(method.clone(), &format!("{path}?plan=true"), body.clone()).await.unwrap();
            let answer = answer.answered(200);
            assert!(!tells(&answer.text) && !answer.text.contains(OTHER), "{}", answer.text);
            let objects = answer.record()["Clusters"][0]["Objects"].as_array().unwrap().clone();
            let secret = objects.iter().find(|object| object["Kind"] == "Secret").unwrap();
            assert_eq!(secret["Change"], change, "that it changes is told: {secret:#}");
        }
        let refused = harness.viewer.send_text(method.clone(), &format!("{path}?plan=true"), body).await.unwrap();
        refused.refused(403, "").because("Forbidden", &[]);
    }
}

#[tokio::test]
async fn a_masked_manifest_may_be_changed_and_sent_back() {
    let harness = harness().await;
    let (editor, admin) = (&harness.editor, &harness.admin);
    let workload = json!({"Name": unique_name("manifests"), "YAMLDocument": YAML});
    let path = format!("/v0/workload-definitions/{}", made(editor, "workload-definitions", &workload).await);
    let seen = editor.try_get(&path).await.unwrap().answered(200);
    let seen = seen.record()["YAMLDocument"].as_str().unwrap().to_owned();
    let send = async |yaml: &str| {
        editor.send_text(Method::PATCH, &path, json!({"YAMLDocument": yaml}).to_string()).await.unwrap()
    };
    let stored = async || admin.try_get(&path).await.unwrap().answered(200).record().clone();
    send(&seen).await.answered(200);
    let same = stored().await;
    assert_eq!((&same["YAMLDocument"], &same["Generation"]), (&json!(YAML), &json!(1)), "nothing was changed");
    send(&seen.replace("blue", "red")).await.answered(200);
    let changed = stored().await;
    let text = changed["YAMLDocument"].as_str().unwrap();
    assert!(text.contains("red") && text.contains(SECRET) && !text.contains("masked"), "{text}");
    let elsewhere = send(&seen.replace("name: s", "name: other")).await;
    elsewhere.refused(400, "holds a masked value").because("InvalidField", &["YAMLDocument"]);
    assert_eq!(stored().await["YAMLDocument"], changed["YAMLDocument"]);
}
