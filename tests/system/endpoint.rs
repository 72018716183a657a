//! Whether gateways answer, seen from workers that connect to them.

use causeway_rig::{Endpoints, Knobs};
use causeway_testkit::{
    ApiClient, ControlPlane, INSTALLED, SOON, Setup, add_gateway, add_runtime, add_workload_of, answering, condition,
    harness, object_name, unique_name,
};
use serde_json::{Value, json};

/// Leads to this machine, where nobody listens at the gateway's port.
const SILENT: &str = "localhost";
/// The addresses of the rig's load balancer, and where that name leads.
const OPEN: &str = "127.80.0.0/12,127.96.0.0/12,127.0.0.1/32,::1/128";

/// Waits until the condition has this status, this reason, and this in its message.
async fn until_told(client: &ApiClient, gateway: i64, status: &str, reason: &str, said: &str) {
    let told = |record: &Value| condition(record, "EndpointReachable").cloned();
    let is_told = |record: &Value| {
        let says = |told: &Value| told["Message"].as_str().is_some_and(|message| message.contains(said));
        told(record).is_some_and(|told| told["Status"] == status && told["Reason"] == reason && says(&told))
    };
    client.until("gateway-instances", gateway, SOON, is_told).await.unwrap();
}

#[tokio::test]
async fn a_gateway_is_ready_as_long_as_it_answers_the_workers() {
    // Its support services are there already, and stay when this control plane goes.
    harness().await;
    let endpoints = Endpoints::from_env().unwrap();
    let probes = ["--endpoint-probe-interval", "1s", "--endpoint-probe-open", OPEN];
    let setup = Setup { worker_arguments: probes.map(str::to_owned).to_vec(), ..Setup::for_test("endpoint") };
    let platform = ControlPlane::start(&endpoints, setup).await.unwrap();
    let (client, name) = (platform.client(), unique_name("endpoint"));
    let runtime = add_runtime(&client, endpoints.cluster(), "main").await.unwrap();
    let workload = add_workload_of(&client, runtime, &name, &answering(&name)).await.unwrap();
    let of = json!({
        "HttpPorts": [{"Port": 8088, "ServicePort": 80}], "Hostnames": [format!("{name}.example")],
        "Placement": "Dedicated",
    });
    let gateway = add_gateway(&client, runtime, &name, workload, of).await.unwrap();
    client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
    until_told(&client, gateway, "True", "EndpointReachable", "").await;

    let definition = client.get("workload-instances", workload).await.unwrap()["WorkloadDefinitionID"].as_i64();
    let replicas = async |number: u32| {
        let manifests = answering(&name).replace("replicas: 2", &format!("replicas: {number}"));
        let body = json!({"YAMLDocument": manifests});
        client.patch("workload-definitions", definition.unwrap(), &body).await.unwrap();
    };
    replicas(0).await;
    // While the proxy is told, a connection may be refused for a moment.
    let said = format!("{name}.example is not served: port 8088/ answers 503");
    until_told(&client, gateway, "False", "NoAnswer", &said).await;
    replicas(2).await;
    until_told(&client, gateway, "True", "EndpointReachable", "").await;

    let (knobs, namespace, object) =
        (Knobs::new(&endpoints), object_name(&name, workload), object_name(&name, gateway));
    knobs.set_ingress(&namespace, &object, Some(&json!([{"hostname": SILENT}]))).await.unwrap();
    until_told(&client, gateway, "False", "NotConnected", &format!("port 8088 of {SILENT} ")).await;
    // What workers may not connect to keeps nothing from being Ready.
    knobs.set_ingress(&namespace, &object, Some(&json!([{"ip": "169.254.169.254"}]))).await.unwrap();
    let is_silent = |record: &Value| condition(record, "EndpointReachable").is_none();
    client.until("gateway-instances", gateway, SOON, is_silent).await.unwrap();
    knobs.set_ingress(&namespace, &object, None).await.unwrap();
    until_told(&client, gateway, "True", "EndpointReachable", "").await;

    client.delete_and_wait("gateway-instances", gateway, SOON).await.unwrap();
    client.delete_and_wait("workload-instances", workload, INSTALLED).await.unwrap();
    platform.stop().await;
}
