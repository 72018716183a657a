//! Teams are editors: what lets a workload attach to a platform team's Gateway is an admin's.

use causeway_testkit::{ApiClient, unique_name};
use hyper::Method;
use serde_json::{Value, json};

use crate::harness;

async fn made(client: &ApiClient, plural: &str, body: &Value) -> Value {
    client.try_create(plural, body).await.unwrap().answered(201).record()["ID"].clone()
}

#[tokio::test]
async fn an_editor_lets_itself_in_nowhere() {
    let harness = harness().await;
    let (admin, editor) = (&harness.admin, &harness.editor);
    let of = json!({"Name": unique_name("let"), "InfraProvider": "kind"});
    let of = made(editor, "kubernetes-runtime-definitions", &of).await;
    let runtime = json!({"Name": unique_name("let"), "Location": "Local", "KubernetesRuntimeDefinitionID": of});
    let runtime = made(editor, "kubernetes-runtime-instances", &runtime).await;
    let workload = json!({"Name": unique_name("let"), "YAMLDocument": "---"});
    let of = made(editor, "workload-definitions", &workload).await;
    let workload =
        json!({"Name": unique_name("let"), "WorkloadDefinitionID": of, "KubernetesRuntimeInstanceID": runtime});
    let mut labelled = workload.clone();
    labelled["NamespaceLabels"] = json!({"purpose": "workloads"});
    let answer = editor.try_create("workload-instances", &labelled).await.unwrap();
    answer.refused(403, "only an admin may change it").because("Forbidden", &["NamespaceLabels"]);
    let mut elsewhere = workload.clone();
    elsewhere["Namespace"] = json!("kube-system");
    let answer = editor.try_create("workload-instances", &elsewhere).await.unwrap();
    answer.refused(403, "only an admin may change it").because("Forbidden", &["Namespace"]);
    let workload = made(editor, "workload-instances", &workload).await;

    let gateway = json!({
        "Name": unique_name("let"), "KubernetesRuntimeInstanceID": runtime, "Namespace": "ingress", "AttachableBy": "Selector",
        "NamespaceSelector": {"purpose": "workloads"}, "Listeners": [{"Name": "http", "Port": 80, "Protocol": "HTTP"}],
    });
    let answer = editor.try_create("shared-gateways", &gateway).await.unwrap();
    let fields = ["Namespace", "Listeners", "AttachableBy", "NamespaceSelector"];
    answer.refused(403, "only an admin may change it").because("Forbidden", &fields);
    let gateway = made(admin, "shared-gateways", &gateway).await;
    for (path, change) in [
        (format!("/v0/shared-gateways/{gateway}"), json!({"AttachableBy": "All", "NamespaceSelector": {}})),
        (format!("/v0/shared-gateways/{gateway}"), json!({"NamespaceSelector": {"a": "b"}})),
        (
            format!("/v0/shared-gateways/{gateway}"),
            json!({"Listeners": [{"Name": "tcp", "Port": 80, "Protocol": "TCP"}]}),
        ),
        (format!("/v0/shared-gateways/{gateway}"), json!({"Addresses": ["192.0.2.7"]})),
        (format!("/v0/workload-instances/{workload}"), json!({"NamespaceLabels": {"purpose": "workloads"}})),
    ] {
        let answer = editor.send_text(Method::PATCH, &path, change.to_string()).await.unwrap();
        answer.refused(403, "only an admin may change it");
    }

    let web = json!({"Name": unique_name("let"), "HttpPorts": [{"Port": 80}]});
    let web = made(editor, "gateway-definitions", &web).await;
    let instance = json!({
        "Name": unique_name("let"), "GatewayDefinitionID": web, "WorkloadInstanceID": workload,
        "KubernetesRuntimeInstanceID": runtime, "SharedGatewayID": gateway,
    });
    let mut taking = instance.clone();
    (taking["RouteName"], taking["KeepOnDelete"]) = (json!("somebodys"), json!(true));
    let answer = editor.try_create("gateway-instances", &taking).await.unwrap();
    answer.refused(403, "only an admin may change it").because("Forbidden", &["RouteName", "KeepOnDelete"]);
    let answer = editor.try_create("gateway-instances", &instance).await.unwrap();
    answer.refused(409, "doesn't let workload instance").because("NotAttachable", &["SharedGatewayID"]);
    let grant = json!({"Name": unique_name("let"), "SharedGatewayID": gateway, "GrantedWorkloadInstanceID": workload});
    let answer = editor.try_create("gateway-grants", &grant).await.unwrap();
    answer.refused(403, "only an admin may change it").because("Forbidden", &["SharedGatewayID"]);
    // Services of a workload are granted by whoever is responsible for it.
    let services =
        json!({"Name": unique_name("let"), "WorkloadInstanceID": workload, "GrantedWorkloadInstanceID": workload});
    made(editor, "gateway-grants", &services).await;
    // Once an admin has let the workload in, everything else is the team's.
    let grant = made(admin, "gateway-grants", &grant).await;
    made(editor, "gateway-instances", &instance).await;
    admin.try_delete("gateway-grants", grant.as_i64().unwrap()).await.unwrap().answered(200);
    let api = json!({"Name": unique_name("let"), "HttpPorts": [{"Port": 80, "Path": "/api"}]});
    let mut second = instance.clone();
    second["Name"] = json!(unique_name("let"));
    second["GatewayDefinitionID"] = made(editor, "gateway-definitions", &api).await;
    editor.try_create("gateway-instances", &second).await.unwrap().refused(409, "doesn't let workload instance");
    let path = format!("/v0/workload-instances/{workload}");
    let labels = json!({"NamespaceLabels": {"purpose": "workloads"}});
    admin.send_text(Method::PATCH, &path, labels.to_string()).await.unwrap().answered(200);
    editor.send_text(Method::PATCH, &path, labels.to_string()).await.unwrap().answered(200);
    made(editor, "gateway-instances", &second).await;
}
