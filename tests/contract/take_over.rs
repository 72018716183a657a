//! Records whose objects were in a cluster before them: what they are called, and what can't be.

use causeway_testkit::{Answer, unique_name};
use serde_json::{Value, json};

use crate::{chain::Chain, id, made, patch, post, read};

/// A record in the chain's cluster, with these fields.
fn in_cluster(chain: &Chain, name: &str, more: &Value) -> Value {
    let mut body = json!({"Name": name, "KubernetesRuntimeInstanceID": chain.id("kubernetes-runtime-instances")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// A shared gateway that takes over a Gateway of its own name.
async fn gateway(chain: &Chain, name: &str, more: Value) -> Answer {
    let mut fields = json!({
        "Namespace": "ingress", "GatewayName": name, "GatewayClassName": "eg", "AttachableBy": "All",
        "Listeners": [{"Name": "http", "Port": 80, "Protocol": "HTTP", "AllowedRoutes": {"namespaces": {"from": "All"}}}],
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post("shared-gateways", &in_cluster(chain, &unique_name("taken"), &fields)).await
}

async fn definition(hostname: &str) -> i64 {
    let routes = json!([{"Rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}]);
    let body = json!({"Name": unique_name("taken"), "Hostnames": [hostname], "HttpPorts": [{"Port": 80}], "HttpRoutes": routes});
    made("gateway-definitions", &body).await
}

async fn instance(chain: &Chain, definition: i64, gateway: i64, more: Value) -> Answer {
    let mut fields = json!({
        "GatewayDefinitionID": definition, "WorkloadInstanceID": chain.id("workload-instances"), "SharedGatewayID": gateway,
        "RouteName": "web",
    });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post("gateway-instances", &in_cluster(chain, &unique_name("taken"), &fields)).await
}

#[tokio::test]
async fn a_gateway_of_a_name_is_on_record_once() {
    let chain = Chain::up_to("kubernetes-runtime-instances").await;
    let name = unique_name("edge");
    let own = id(gateway(&chain, &name, json!({"KeepOnDelete": true})).await.done(201).record());
    let stored = read("shared-gateways", own).await.done(200);
    assert_eq!((&stored.record()["GatewayName"], &stored.record()["KeepOnDelete"]), (&json!(name), &json!(true)));
    let listener = &stored.record()["Listeners"][0];
    assert_eq!(listener["AllowedRoutes"], json!({"namespaces": {"from": "All"}}));
    let twice = gateway(&chain, &name, json!({})).await;
    twice.refused(409, "is that of another shared gateway in the namespace").because("AlreadyExists", &["GatewayName"]);
    gateway(&chain, &name, json!({"Namespace": "elsewhere"})).await.done(201);
    let renamed = patch("shared-gateways", own, &json!({"GatewayName": "other"})).await;
    assert_eq!(renamed.code, 400, "{}", renamed.text);
    let closed = json!({"Listeners": [{"Name": "http", "Port": 80, "Protocol": "HTTP"}]});
    let refused = patch("shared-gateways", own, &closed).await;
    refused.refused(400, "is needed with KeepOnDelete").because("InvalidField", &["Listeners[0].AllowedRoutes"]);
}

#[tokio::test]
async fn a_route_of_a_name_is_one_and_stays_one() {
    let chain = Chain::up_to("workload-instances").await;
    let gateway = id(gateway(&chain, &unique_name("edge"), json!({})).await.done(201).record());
    let host = format!("{}.test", unique_name("host"));
    let own = definition(&host).await;
    let made = id(instance(&chain, own, gateway, json!({"KeepOnDelete": true})).await.done(201).record());
    let two = json!({"HttpRoutes": [{"Rules": [{"matches": [{"path": {"value": "/a"}}]}]}, {"Rules": [{}]}]});
    let refused = patch("gateway-definitions", own, &two).await;
    refused
        .refused(400, "has not exactly one entry in HttpRoutes and GrpcRoutes")
        .because("InvalidField", &["RouteName"]);
    let renamed = patch("gateway-instances", made, &json!({"RouteName": "other"})).await;
    assert_eq!(renamed.code, 400, "{}", renamed.text);
    patch("gateway-instances", made, &json!({"KeepOnDelete": false})).await.done(200);

    let plain = json!({"Name": unique_name("plain"), "Hostnames": [format!("b.{host}")], "HttpPorts": [{"Port": 80}]});
    let plain = crate::made("gateway-definitions", &plain).await;
    let several = instance(&chain, plain, gateway, json!({})).await;
    several.refused(400, "stands for one route").because("InvalidField", &["RouteName"]);
    let homeless = instance(&chain, plain, gateway, json!({"SharedGatewayID": null})).await;
    homeless.refused(400, "goes with SharedGatewayID").because("InvalidField", &["RouteName"]);
}

#[tokio::test]
async fn a_workload_is_in_a_namespace_that_was_there_before() {
    let chain = Chain::up_to("workload-definitions").await;
    let namespace = unique_name("apps");
    let of =
        |namespace: &str| json!({"WorkloadDefinitionID": chain.id("workload-definitions"), "Namespace": namespace});
    let body = in_cluster(&chain, &unique_name("taken"), &of(&namespace));
    made("workload-instances", &body).await;
    let twice = post("workload-instances", &in_cluster(&chain, &unique_name("taken"), &of(&namespace))).await;
    twice.refused(409, "is that of another workload instance").because("AlreadyExists", &["Namespace"]);
    let wrong = post("workload-instances", &in_cluster(&chain, &unique_name("taken"), &of("a.b"))).await;
    wrong.refused(400, "is no name of a namespace").because("InvalidField", &["Namespace"]);

    // A Gateway that takes workloads of its own namespace takes this one.
    let same = json!({"AttachableBy": "Same", "Namespace": namespace});
    let gateway = id(gateway(&chain, &unique_name("edge"), same).await.done(201).record());
    let workload =
        in_cluster(&chain, &unique_name("other"), &json!({"WorkloadDefinitionID": chain.id("workload-definitions")}));
    let other = made("workload-instances", &workload).await;
    let host = format!("{}.test", unique_name("host"));
    let attaching = |workload: i64, definition: i64| {
        let fields =
            json!({"GatewayDefinitionID": definition, "WorkloadInstanceID": workload, "SharedGatewayID": gateway});
        in_cluster(&chain, &unique_name("taken"), &fields)
    };
    let own = definition(&host).await;
    let refused = post("gateway-instances", &attaching(other, own)).await;
    refused.refused(409, "it takes workloads in its own namespace").because("NotAttachable", &["SharedGatewayID"]);
    let stands = crate::get(&format!("/v0/workload-instances?namespace={namespace}")).await.answered(200);
    let taken = stands.ids()[0];
    post("gateway-instances", &attaching(taken, own)).await.done(201);
}
