//! Encrypted fields: for admins only, and not lost by those who don't see them.

use crate::{client::Client, name, stage};
use hyper::Method;
use serde_json::{Value, json};

const RUNTIMES: &str = "kubernetes-runtime-instances";

async fn runtime() -> (i64, Value) {
    let stage = stage().await;
    let of = json!({"Name": name("definition"), "InfraProvider": "kind"});
    let of = stage.editor.post("kubernetes-runtime-definitions", &of).await.unwrap().done(201);
    let body = json!({
        "Name": name("runtime"), "Location": "Local", "KubernetesRuntimeDefinitionID": of.record()["ID"],
        "Certificate": "public", "CertificateKey": "private", "ConnectionToken": "s3cret",
    });
    let made = stage.editor.post(RUNTIMES, &body).await.unwrap().done(201);
    hidden(made.record());
    (made.record()["ID"].as_i64().unwrap(), body)
}

#[track_caller]
fn hidden(record: &Value) {
    assert!(record["Name"].is_string() && record.get("Certificate").is_some_and(|text| text == "public"), "{record}");
    assert!(record.get("CertificateKey").is_none() && record.get("ConnectionToken").is_none(), "{record}");
}

async fn stored(admin: &Client, id: i64) -> (Option<String>, Option<String>) {
    let read = admin.get(&format!("/v0/{RUNTIMES}/{id}")).await.unwrap().done(200);
    let text = |field: &str| read.record()[field].as_str().map(str::to_owned);
    (text("CertificateKey"), text("ConnectionToken"))
}

#[tokio::test]
async fn viewers_and_editors_never_get_ciphertext() {
    let stage = stage().await;
    let (id, _) = runtime().await;
    let path = format!("/v0/{RUNTIMES}/{id}");
    for client in [&stage.viewer, &stage.editor] {
        hidden(client.get(&path).await.unwrap().done(200).record());
        let list = client.get(&format!("/v0/{RUNTIMES}?size=-1")).await.unwrap().done(200);
        assert!(!list.text.contains("ConnectionToken") && !list.text.contains("CertificateKey"));
    }
    let patched = stage.editor.send(Method::PATCH, &path, r#"{"ConnectionToken":"other"}"#).await.unwrap().done(200);
    hidden(patched.record());
    let (key, token) = stored(&stage.admin, id).await;
    assert!(key.is_some_and(|key| key.len() > 20) && token.is_some_and(|token| token.len() > 20), "admins get it");
    hidden(stage.editor.send(Method::DELETE, &path, "").await.unwrap().done(200).record());
}

#[tokio::test]
async fn a_put_of_somebody_who_does_not_see_them_keeps_them() {
    let stage = stage().await;
    let (id, mut body) = runtime().await;
    let before = stored(&stage.admin, id).await;
    for field in ["CertificateKey", "ConnectionToken"] {
        body.as_object_mut().unwrap().remove(field);
    }
    let path = format!("/v0/{RUNTIMES}/{id}");
    hidden(stage.editor.send(Method::PUT, &path, body.to_string()).await.unwrap().done(200).record());
    assert_eq!(stored(&stage.admin, id).await, before);
    body.as_object_mut().unwrap().remove("Certificate");
    stage.admin.send(Method::PUT, &path, body.to_string()).await.unwrap().done(200);
    assert_eq!(stored(&stage.admin, id).await, (None, None), "an admin sees them, so leaving them out means it");
}

#[tokio::test]
async fn keys_of_aws_accounts_are_such_fields() {
    let stage = stage().await;
    let body = json!({
        "Name": name("aws"), "AccountID": "123456789012", "DefaultRegion": "eu-central-1", "AccessKeyID": "AKIA",
        "SecretAccessKey": "s3cret",
    });
    let made = stage.editor.post("aws-accounts", &body).await.unwrap().done(201);
    let path = format!("/v0/aws-accounts/{}", made.record()["ID"]);
    for record in [made.record(), stage.viewer.get(&path).await.unwrap().done(200).record()] {
        assert!(record.get("AccessKeyID").is_none() && record.get("SecretAccessKey").is_none(), "{record}");
    }
    assert!(stage.admin.get(&path).await.unwrap().record()["SecretAccessKey"].is_string());
}
