//! A change of a record reaches the cluster without any further call.

use causeway_tests::{SOON, api, stage};
use serde_json::json;

#[tokio::test]
async fn a_path_of_a_port_reaches_its_route() {
    let stage = stage().await;
    let name = stage.name("path");
    let (workload, domain) = (stage.workload(&name).await.unwrap(), stage.domain(&name).await.unwrap());
    let definition = stage.definition(&name, Some(domain), json!({"HttpPorts": [{"Port": 80}]})).await.unwrap();
    let gateway = stage.ready_gateway(&name, definition, workload).await.unwrap();
    let ports = stage.client.list("gateway-http-ports", &format!("gatewaydefinitionid={definition}")).await.unwrap();
    let port = ports[0]["ID"].as_i64().unwrap();
    stage.client.patch("gateway-http-ports", port, &json!({"Path": "/api"})).await.unwrap();
    stage.client.until_ready("gateway-instances", gateway, SOON).await.unwrap();
    let routes = api(&stage.kube().await.unwrap(), ("gateway.networking.k8s.io", "v1", "HTTPRoute"), None);
    let selector = format!("causeway.dev/owner=gateway-instance-{gateway}");
    let found = routes.list(&kube::api::ListParams::default().labels(&selector)).await.unwrap();
    assert_eq!(found.items[0].data.pointer("/spec/rules/0/matches/0/path/value"), Some(&json!("/api")));
}
