//! Secrets inside of manifests are for admins.

use causeway_testkit::{ApiClient, unique_name};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness;

const YAML: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {colour: blue}\n---\n\
    apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2-in-a-manifest}\n";
const SECRET: &str = "hunter2-in-a-manifest";

/// A record that was made by an editor, whose answer has no secret.
async fn made(editor: &ApiClient, plural: &str, body: &Value) -> i64 {
    let answer = editor.try_create(plural, body).await.unwrap().answered(201);
    assert!(!answer.text.contains(SECRET), "{}", answer.text);
    answer.record()["ID"].as_i64().unwrap()
}

#[tokio::test]
async fn secrets_in_manifests_are_masked_for_all_but_admins() {
    let harness = harness().await;
    let editor = &harness.editor;
    let workload = json!({"Name": unique_name("manifests"), "YAMLDocument": YAML});
    let workload = made(editor, "workload-definitions", &workload).await;
    let manifest = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "j"}, "stringData": {"password": SECRET},
    });
    let resource = json!({"WorkloadDefinitionID": workload, "JSONDefinition": manifest});
    let resource_id = made(editor, "workload-resource-definitions", &resource).await;
    let set = editor.send_text(Method::POST, "/v0/workload-resource-definition-sets", json!([resource]).to_string());
    let set = set.await.unwrap().answered(201);
    assert!(!set.text.contains(SECRET), "{}", set.text);
    let paths = [
        format!("/v0/workload-definitions/{workload}"),
        "/v0/workload-definitions?size=-1".to_owned(),
        format!("/v0/workload-resource-definitions/{resource_id}"),
        format!("/v0/workload-resource-definitions?workloaddefinitionid={workload}"),
        "/v0/workload-resource-instances?size=-1".to_owned(),
    ];
    for path in &paths {
        for client in [&harness.viewer, editor] {
            let answer = client.try_get(path).await.unwrap().answered(200);
            assert!(!answer.text.contains(SECRET), "{path}: {}", answer.text);
        }
    }
    for path in &paths[..4] {
        let answer = harness.admin.try_get(path).await.unwrap().answered(200);
        assert!(answer.text.contains(SECRET), "{path}: {}", answer.text);
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
