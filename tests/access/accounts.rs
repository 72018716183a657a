//! AWS accounts are used where an admin said, and clusters are where an admin left them.

use causeway_testkit::{ApiClient, unique_name};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness;

async fn made(client: &ApiClient, plural: &str, body: &Value) -> Value {
    client.try_create(plural, body).await.unwrap().answered(201).record()["ID"].clone()
}

fn account(name: &str) -> Value {
    json!({
        "Name": unique_name(name), "AccountID": "123456789012", "DefaultRegion": "eu-central-1", "AccessKeyID": "AKIA",
        "SecretAccessKey": "s3cret",
    })
}

/// A runtime at an address of an editor's, with a workload there.
async fn runtime_and_workload(editor: &ApiClient) -> (Value, Value) {
    let of = json!({"Name": unique_name("accounts"), "InfraProvider": "kind"});
    let of = made(editor, "kubernetes-runtime-definitions", &of).await;
    let runtime = json!({
        "Name": unique_name("accounts"), "Location": "Local", "KubernetesRuntimeDefinitionID": of,
        "APIEndpoint": "https://203.0.113.1:6443", "ConnectionToken": "t0ken",
    });
    let runtime = made(editor, "kubernetes-runtime-instances", &runtime).await;
    let workload = json!({"Name": unique_name("accounts"), "YAMLDocument": "---"});
    let workload = made(editor, "workload-definitions", &workload).await;
    let workload = json!({
        "Name": unique_name("accounts"), "WorkloadDefinitionID": workload, "KubernetesRuntimeInstanceID": runtime,
    });
    (runtime, made(editor, "workload-instances", &workload).await)
}

#[tokio::test]
async fn an_editor_brings_no_keys_where_no_admin_wanted_them() {
    let harness = harness().await;
    let (admin, editor) = (&harness.admin, &harness.editor);
    let account = made(admin, "aws-accounts", &account("keys")).await;
    let (runtime, workload) = runtime_and_workload(editor).await;
    let domain = json!({
        "Name": unique_name("keys"), "Domain": "keys.example.org", "Zone": "Public", "AdminEmail": "ops@example.org",
        "AwsAccountID": account,
    });
    let domain = made(editor, "domain-name-definitions", &domain).await;
    let published = json!({
        "Name": unique_name("keys"), "DomainNameDefinitionID": domain, "WorkloadInstanceID": workload,
        "KubernetesRuntimeInstanceID": runtime,
    });
    let service = json!({
        "Name": unique_name("keys"), "Service": "external-dns", "KubernetesRuntimeInstanceID": runtime, "AwsAccountID": account,
    });
    let gateway = json!({
        "Name": unique_name("keys"), "DomainNameDefinitionID": domain, "HttpPorts": [{"Port": 443, "TLSEnabled": true}],
    });
    let gateway = made(editor, "gateway-definitions", &gateway).await;
    let gateway = json!({
        "Name": unique_name("keys"), "GatewayDefinitionID": gateway, "WorkloadInstanceID": workload,
        "KubernetesRuntimeInstanceID": runtime,
    });
    let ways = [
        ("domain-name-instances", &published),
        ("support-service-instances", &service),
        ("gateway-instances", &gateway),
    ];
    for (plural, body) in ways {
        let answer = editor.try_create(plural, body).await.unwrap();
        answer
            .refused(400, "may not be used for kubernetes runtime instance")
            .because("InvalidField", &["AwsAccountID"]);
    }
    // The editor can't allow it either.
    let path = format!("/v0/aws-accounts/{account}");
    for change in [json!({"AllRuntimes": true}), json!({"KubernetesRuntimeInstanceIDs": [runtime]})] {
        let field = change.as_object().unwrap().keys().next().unwrap().clone();
        let answer = editor.send_text(Method::PATCH, &path, change.to_string()).await.unwrap();
        answer.refused(403, "only an admin may change it").because("Forbidden", &[&field]);
    }
    let mut open = self::account("open");
    open["AllRuntimes"] = json!(true);
    editor.try_create("aws-accounts", &open).await.unwrap().refused(403, "only an admin may change it");
    // An admin can, and then it goes.
    let allowed = json!({"KubernetesRuntimeInstanceIDs": [runtime]}).to_string();
    admin.send_text(Method::PATCH, &path, allowed).await.unwrap().answered(200);
    for (plural, body) in [ways[0], ways[2]] {
        editor.try_create(plural, body).await.unwrap().answered(201);
    }
    // From now on the role says what the keys can do.
    let role = json!({"RoleArn": "arn:aws:iam::1:role/other"}).to_string();
    editor.send_text(Method::PATCH, &path, role).await.unwrap().refused(403, "RoleArn: only an admin");
}

#[tokio::test]
async fn only_an_admin_moves_a_runtime() {
    let harness = harness().await;
    let (runtime, _) = runtime_and_workload(&harness.editor).await;
    let path = format!("/v0/kubernetes-runtime-instances/{runtime}");
    let change =
        async |client: &ApiClient, body: Value| client.send_text(Method::PATCH, &path, body.to_string()).await.unwrap();
    for field in ["APIEndpoint", "CACertificate"] {
        let elsewhere = json!({field: "https://203.0.113.2:6443", "ConnectionToken": "other"});
        let answer = change(&harness.editor, elsewhere).await;
        answer.refused(403, "only an admin may change it").because("Forbidden", &[field]);
    }
    // What is sent back as it was read, and everything else, is the editor's.
    let same = json!({"APIEndpoint": "https://203.0.113.1:6443", "ConnectionToken": "new", "Status": "moved on"});
    change(&harness.editor, same).await.answered(200);
    change(&harness.admin, json!({"APIEndpoint": "https://203.0.113.2:6443"})).await.answered(200);
}

/// A runtime without address and credentials that says so is reached by the workers as themselves.
#[tokio::test]
async fn only_an_admin_lends_the_identity_of_the_workers() {
    let harness = harness().await;
    let of = json!({"Name": unique_name("own"), "InfraProvider": "kind"});
    let of = made(&harness.editor, "kubernetes-runtime-definitions", &of).await;
    let body = |own: bool| {
        json!({
            "Name": unique_name("own"), "Location": "Local", "KubernetesRuntimeDefinitionID": of,
            "ThreeportControlPlaneHost": own,
        })
    };
    let of_editor = |answer: causeway_testkit::Answer| {
        answer.refused(403, "only an admin may change it").because("Forbidden", &["ThreeportControlPlaneHost"]);
    };
    of_editor(harness.editor.try_create("kubernetes-runtime-instances", &body(true)).await.unwrap());
    let waiting = made(&harness.editor, "kubernetes-runtime-instances", &body(false)).await;
    let path = format!("/v0/kubernetes-runtime-instances/{waiting}");
    let own = json!({"ThreeportControlPlaneHost": true}).to_string();
    of_editor(harness.editor.send_text(Method::PATCH, &path, own.clone()).await.unwrap());
    harness.admin.send_text(Method::PATCH, &path, own).await.unwrap().answered(200);
    // From now on it has a place, and an editor can't move it.
    let elsewhere = json!({"APIEndpoint": "https://203.0.113.9:6443", "ConnectionToken": "mine"}).to_string();
    let answer = harness.editor.send_text(Method::PATCH, &path, elsewhere).await.unwrap();
    answer.refused(403, "only an admin may change it").because("Forbidden", &["APIEndpoint"]);
}

/// A token of EKS is the account's identity in the cluster that is named, wherever it is sent.
#[tokio::test]
async fn only_an_admin_has_tokens_for_eks_sent_anywhere() {
    let harness = harness().await;
    let mut open = account("eks");
    open["AllRuntimes"] = json!(true);
    made(&harness.admin, "aws-accounts", &open).await;
    let of = json!({"Name": unique_name("eks"), "InfraProvider": "eks", "InfraProviderAccountName": open["Name"]});
    let of = made(&harness.editor, "kubernetes-runtime-definitions", &of).await;
    let runtime = json!({"Name": unique_name("eks"), "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    let runtime = made(&harness.editor, "kubernetes-runtime-instances", &runtime).await;
    let path = format!("/v0/kubernetes-runtime-instances/{runtime}");
    let change =
        async |client: &ApiClient, body: Value| client.send_text(Method::PATCH, &path, body.to_string()).await.unwrap();
    let refused = async |body: Value, field: &str| {
        let answer = change(&harness.editor, body).await;
        answer.refused(403, "only an admin may change it").because("Forbidden", &[field]);
    };
    let shop = json!({"APIEndpoint": "https://203.0.113.1", "EKSClusterName": "shop"});
    refused(shop.clone(), "EKSClusterName").await;
    change(&harness.admin, shop.clone()).await.answered(200);
    refused(json!({"APIEndpoint": "https://203.0.113.2"}), "APIEndpoint").await;
    refused(json!({"EKSClusterName": "web"}), "EKSClusterName").await;
    change(&harness.editor, shop).await.answered(200);
}
