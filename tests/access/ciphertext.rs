//! Encrypted fields: for admins only, and not lost by those who don't see them.

use causeway_testkit::{ApiClient, unique_name};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness;

const RUNTIMES: &str = "kubernetes-runtime-instances";

async fn runtime() -> (i64, Value) {
    let harness = harness().await;
    let of = json!({"Name": unique_name("definition"), "InfraProvider": "kind"});
    let of = harness.editor.try_create("kubernetes-runtime-definitions", &of).await.unwrap().answered(201);
    let body = json!({
        "Name": unique_name("runtime"), "Location": "Local", "KubernetesRuntimeDefinitionID": of.record()["ID"],
        "Certificate": "public", "CertificateKey": "private", "ConnectionToken": "s3cret",
    });
    let made = harness.editor.try_create(RUNTIMES, &body).await.unwrap().answered(201);
    hidden(made.record());
    (made.record()["ID"].as_i64().unwrap(), body)
}

#[track_caller]
fn hidden(record: &Value) {
    assert!(record["Name"].is_string() && record.get("Certificate").is_some_and(|text| text == "public"), "{record}");
    assert!(record.get("CertificateKey").is_none() && record.get("ConnectionToken").is_none(), "{record}");
}

async fn stored(admin: &ApiClient, id: i64) -> (Option<String>, Option<String>) {
    let read = admin.try_get(&format!("/v0/{RUNTIMES}/{id}")).await.unwrap().answered(200);
    let text = |field: &str| read.record()[field].as_str().map(str::to_owned);
    (text("CertificateKey"), text("ConnectionToken"))
}

#[tokio::test]
async fn viewers_and_editors_never_get_ciphertext() {
    let harness = harness().await;
    let (id, _) = runtime().await;
    let path = format!("/v0/{RUNTIMES}/{id}");
    for client in [&harness.viewer, &harness.editor] {
        hidden(client.try_get(&path).await.unwrap().answered(200).record());
        let list = client.try_get(&format!("/v0/{RUNTIMES}?size=-1")).await.unwrap().answered(200);
        assert!(!list.text.contains("ConnectionToken") && !list.text.contains("CertificateKey"));
    }
    let patched =
        harness.editor.send_text(Method::PATCH, &path, r#"{"ConnectionToken":"other"}"#).await.unwrap().answered(200);
    hidden(patched.record());
    let (key, token) = stored(&harness.admin, id).await;
    assert!(key.is_some_and(|key| key.len() > 20) && token.is_some_and(|token| token.len() > 20), "admins get it");
    hidden(harness.editor.send_text(Method::DELETE, &path, "").await.unwrap().answered(200).record());
}

#[tokio::test]
async fn a_put_of_somebody_who_does_not_see_them_keeps_them() {
    let harness = harness().await;
    let (id, mut body) = runtime().await;
    let before = stored(&harness.admin, id).await;
    for field in ["CertificateKey", "ConnectionToken"] {
        body.as_object_mut().unwrap().remove(field);
    }
    let path = format!("/v0/{RUNTIMES}/{id}");
    hidden(harness.editor.send_text(Method::PUT, &path, body.to_string()).await.unwrap().answered(200).record());
    assert_eq!(stored(&harness.admin, id).await, before);
    body.as_object_mut().unwrap().remove("Certificate");
    harness.admin.send_text(Method::PUT, &path, body.to_string()).await.unwrap().answered(200);
    assert_eq!(stored(&harness.admin, id).await, (None, None), "an admin sees them, so leaving them out means it");
}

#[tokio::test]
async fn keys_of_aws_accounts_are_such_fields() {
    let harness = harness().await;
    let body = json!({
        "Name": unique_name("aws"), "AccountID": "123456789012", "DefaultRegion": "eu-central-1", "AccessKeyID": "AKIA",
        "SecretAccessKey": "s3cret",
    });
    let made = harness.editor.try_create("aws-accounts", &body).await.unwrap().answered(201);
    let path = format!("/v0/aws-accounts/{}", made.record()["ID"]);
    for record in [made.record(), harness.viewer.try_get(&path).await.unwrap().answered(200).record()] {
        assert!(record.get("AccessKeyID").is_none() && record.get("SecretAccessKey").is_none(), "{record}");
    }
    assert!(harness.admin.try_get(&path).await.unwrap().record()["SecretAccessKey"].is_string());
}
