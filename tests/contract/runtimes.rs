//! Clusters, the reconcile contract as the API shows it, and clients.

use causeway_records::secret::Keyring;
use causeway_testkit::unique_name;
use reqwest::Method;
use serde_json::json;

use crate::{chain::Chain, get, id, made, patch, post, read, send};

/// In Threeport a client that sends `Reconciled: true` keeps controllers from working. Here only workers say what is done: a change of intent is
/// work whatever it carries, and `Reconciled: true` alone is accepted and counts for nothing.
#[tokio::test]
async fn item_19_reconciled() {
    let made =
        post("gateway-definitions", &json!({"Name": unique_name("reconciled"), "Reconciled": true})).await.done(201);
    assert_eq!((&made.record()["Reconciled"], &made.record()["Generation"]), (&json!(false), &json!(1)));
    let own = id(made.record());
    let unchanged = patch("gateway-definitions", own, &json!({"Reconciled": true})).await.done(200);
    assert_eq!((&unchanged.record()["Reconciled"], &unchanged.record()["Generation"]), (&json!(false), &json!(1)));
    let changed = patch("gateway-definitions", own, &json!({"ServiceName": "web", "Reconciled": true})).await.done(200);
    assert_eq!((&changed.record()["Reconciled"], &changed.record()["Generation"]), (&json!(false), &json!(2)));
    let same = patch("gateway-definitions", own, &json!({"ServiceName": "web"})).await.done(200);
    assert_eq!(same.record()["Generation"], 2, "nothing was changed");
    let forced = patch("gateway-definitions", own, &json!({"Reconciled": false})).await.done(200);
    assert_eq!((&forced.record()["Reconciled"], &forced.record()["Generation"]), (&json!(false), &json!(3)));
}

/// What workers say may be sent back as it was read, and not otherwise.
#[tokio::test]
async fn item_19_what_workers_say_is_theirs() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("status")})).await;
    let stored = read("gateway-definitions", own).await.done(200);
    let generation = stored.record()["Generation"].as_i64().unwrap();
    patch("gateway-definitions", own, &json!({"Generation": generation, "ServiceName": "a"})).await.done(200);
    patch("gateway-definitions", own, &json!({"Generation": 99})).await.refused(400, "Generation");
}

#[tokio::test]
async fn item_21_what_is_attached_to_a_workload_is_on_record() {
    let chain = Chain::new().await;
    let workload = chain.id("workload-instances");
    for (plural, kind) in
        [("gateway-instances", "v0.GatewayInstance"), ("domain-name-instances", "v0.DomainNameInstance")]
    {
        let query = format!("objectid={workload}&objecttype=v0.WorkloadInstance&attachedobjecttype={kind}");
        let listed = get(&format!("/v0/attached-object-references?{query}")).await.done(200);
        assert_eq!(listed.record()["AttachedObjectID"], chain.id(plural));
    }
    // Threeport lets the database fail with 500.
    let reference = chain.body("attached-object-references");
    post("attached-object-references", &reference).await.refused(409, "already exists");
}

#[tokio::test]
async fn item_22_secrets_are_ciphertext() {
    let chain = Chain::up_to("kubernetes-runtime-definitions").await;
    let mut body = chain.body("kubernetes-runtime-instances");
    for (field, value) in
        [("Certificate", "cert"), ("CertificateKey", "s3cret-key"), ("ConnectionToken", "s3cret-token")]
    {
        body[field] = json!(value);
    }
    let made = post("kubernetes-runtime-instances", &body).await.done(201);
    assert!(!made.text.contains("s3cret"), "{}", made.text);
    let own = id(made.record());
    for (field, plain) in [("CertificateKey", "s3cret-key"), ("ConnectionToken", "s3cret-token")] {
        let sealed = made.record()[field].as_str().unwrap().to_owned();
        // Base64 of a nonce of 12 bytes, the text and a tag of 16.
        assert_eq!(sealed.len(), (12 + plain.len() + 16).div_ceil(3) * 4, "{sealed}");
        let key = Keyring::from_base64(crate::platform().await.encryption_key()).unwrap();
        assert_eq!(key.decrypt(&sealed).unwrap(), plain, "whoever has the key reads it");
        let back = patch("kubernetes-runtime-instances", own, &json!({field: sealed})).await.done(200);
        assert_eq!(back.record()[field], sealed, "what is sent back stays");
        let fresh = patch("kubernetes-runtime-instances", own, &json!({field: plain})).await.done(200);
        assert_ne!(fresh.record()[field], sealed, "plain text is encrypted anew");
        assert!(!fresh.text.contains("s3cret"));
    }
}

#[tokio::test]
async fn item_23_names_and_rules_of_runtimes() {
    let chain = Chain::up_to("kubernetes-runtime-definitions").await;
    for provider in ["kind", "eks"] {
        let body = json!({"Name": unique_name("provider"), "InfraProvider": provider});
        post("kubernetes-runtime-definitions", &body).await.done(201);
    }
    let gke = json!({"Name": unique_name("provider"), "InfraProvider": "gke"});
    post("kubernetes-runtime-definitions", &gke).await.refused(400, "InfraProvider");
    let mut body = chain.body("kubernetes-runtime-instances");
    let names = ["GatewayWorkloadInstanceID", "DnsControllerInstanceId", "SecretsControllerInstanceId"];
    for field in names {
        body[field] = json!(9);
    }
    let made = post("kubernetes-runtime-instances", &body).await.done(201);
    assert!(names.iter().all(|field| made.record()[field] == 9), "{}", made.text);
    let own = id(made.record());
    patch("kubernetes-runtime-instances", own, &json!({"Location": "Asia:Tokyo"}))
        .await
        .refused(400, "can't be changed");
    patch("kubernetes-runtime-instances", own, &json!({"Location": "Local"})).await.done(200);
    // Threeport takes the names of its Go fields and drops what they carry.
    let go = patch("kubernetes-runtime-instances", own, &json!({"GatewayControllerInstanceID": 7})).await;
    go.refused(400, "Unsupported fields are not allowed : GatewayControllerInstanceID");
}

/// Threeport lets a hook fail with 500.
#[tokio::test]
async fn item_23_locations_are_threeports() {
    let chain = Chain::up_to("kubernetes-runtime-definitions").await;
    for location in ["Local", "NorthAmerica:NewYork", "Asia:Tokyo", "Oceana:Sydney", "SouthAmerica"] {
        let mut body = chain.body("kubernetes-runtime-instances");
        body["Location"] = json!(location);
        made("kubernetes-runtime-instances", &body).await;
    }
    for location in ["Mars", "local", "", "Local "] {
        let mut body = chain.body("kubernetes-runtime-instances");
        body["Location"] = json!(location);
        let refused = post("kubernetes-runtime-instances", &body).await.refused(400, "is no location; one of Local,");
        refused.because("InvalidField", &["Location"]);
    }
}

/// Plain HTTP on loopback: a token that isn't required is no error, and GET may say that nothing is JSON.
#[tokio::test]
async fn item_24_plain_http() {
    let headers = [("Authorization", "Bearer "), ("Content-Type", "application/json")];
    let answer = send(Method::GET, "/v0/gateway-definitions?size=1", &headers, "").await;
    assert_eq!(answer.code, 200, "{}", answer.text);
}
