//! Encrypted fields: for admins only, and not lost by those who don't see them.

use causeway_testkit::{Answer, ApiClient, unique_name};
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

/// Who has a ciphertext, from a backup or of the time as an admin, and may write records, must not learn by trying whether a guess of its text is right.
#[tokio::test]
async fn a_guess_of_a_secret_cannot_be_tried() {
    let harness = harness().await;
    let ((theirs, _), (own, body)) = (runtime().await, runtime().await);
    let known = stored(&harness.admin, theirs).await.1.unwrap();
    let patch = async |client: &ApiClient, path: &str, body: Value| {
        client.send_text(Method::PATCH, path, body.to_string()).await.unwrap()
    };
    let is_of_another = |answer: Answer, field: &str| {
        answer.refused(400, "is the ciphertext of another secret").because("InvalidField", &[field])
    };
    let (their_path, path) = (format!("/v0/{RUNTIMES}/{theirs}"), format!("/v0/{RUNTIMES}/{own}"));
    let mut answers = vec![];
    // The first one is right.
    for guess in ["s3cret", "another"] {
        patch(&harness.editor, &path, json!({"ConnectionToken": guess})).await.answered(200);
        let tried = patch(&harness.editor, &path, json!({"ConnectionToken": known})).await;
        answers.push(is_of_another(tried, "ConnectionToken").text);
    }
    assert_eq!(answers[0], answers[1], "the right guess is answered otherwise than a wrong one");
    // Nor in the record that it is of, once somebody has written the guess there.
    patch(&harness.editor, &their_path, json!({"ConnectionToken": "s3cret"})).await.answered(200);
    let tried = patch(&harness.editor, &their_path, json!({"ConnectionToken": known})).await;
    is_of_another(tried, "ConnectionToken");

    // Nor in another field, in a new record, or in a record of another kind.
    is_of_another(patch(&harness.editor, &path, json!({"CertificateKey": known})).await, "CertificateKey");
    let mut new = body;
    (new["Name"], new["ConnectionToken"]) = (json!(unique_name("runtime")), json!(known));
    is_of_another(harness.editor.try_create(RUNTIMES, &new).await.unwrap(), "ConnectionToken");
    let account = json!({
        "Name": unique_name("aws"), "AccountID": "123456789012", "DefaultRegion": "eu-central-1", "AccessKeyID": "AKIA",
        "SecretAccessKey": known,
    });
    is_of_another(harness.editor.try_create("aws-accounts", &account).await.unwrap(), "SecretAccessKey");

    // What is sent back as it was read stays as it is, and nothing else happens.
    let before = harness.admin.try_get(&path).await.unwrap().done(200).record().clone();
    let back = json!({"ConnectionToken": before["ConnectionToken"], "CertificateKey": before["CertificateKey"]});
    let after = patch(&harness.admin, &path, back).await.done(200).record().clone();
    for field in ["ConnectionToken", "CertificateKey", "Generation"] {
        assert_eq!(after[field], before[field], "{field}");
    }
}

/// What a list can be asked for can be guessed.
#[tokio::test]
async fn no_record_is_found_by_its_secret() {
    let harness = harness().await;
    let (id, body) = runtime().await;
    let (key, token) = stored(&harness.admin, id).await;
    let ciphertext = [key.unwrap(), token.unwrap()].map(|text| text.replace('+', "%2b").replace('=', "%3d"));
    for client in [&harness.viewer, &harness.editor, &harness.admin] {
        for field in ["ConnectionToken", "connectiontoken", "CertificateKey", "connection_token", "KeyIDs", "key_ids"] {
            for value in ["s3cret", "private", "nothing", &ciphertext[0], &ciphertext[1]] {
                let query = format!("?name={}&{field}={value}", body["Name"].as_str().unwrap());
                let listed = client.try_get(&format!("/v0/{RUNTIMES}{query}")).await.unwrap().answered(200);
                assert_eq!(listed.ids(), [id], "{query}");
            }
        }
    }
}
