//! A change of a record reaches the cluster without any further call.

use causeway_rig::{Knobs, platform::id_of};
use causeway_tests::SOON;
use serde_json::json;

use crate::scene::{DNS_ENDPOINT, HTTP_ROUTE, Scene, TCP_ROUTE, at, becomes, eventually, labelled};

/// Waits until exactly these ports of the gateway's hostname are served: by listeners, and by routes.
async fn serves(scene: &Scene, ports: &[i64]) {
    let wanted: Vec<_> = ports.iter().map(|port| (*port, "HTTP".to_owned())).collect();
    let mut routes: Vec<_> = ports.iter().map(|port| scene.route(&format!("http-{port}"))).collect();
    routes.sort();
    eventually(&format!("ports {ports:?} are served"), async || {
        let names = scene.own(HTTP_ROUTE).await.into_iter().filter_map(|route| route.metadata.name);
        let mut seen: (Vec<_>, Vec<_>) = (scene.listeners().await, names.collect());
        seen.1.sort();
        if seen == (wanted.clone(), routes.clone()) { Ok(()) } else { Err(seen) }
    })
    .await;
    scene.stage.client.until_ready("gateway-instances", scene.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn a_path_of_a_port_reaches_its_route() {
    let scene = Scene::ready("path", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &scene.stage.client;
    let ports = client.list("gateway-http-ports", &format!("gatewaydefinitionid={}", scene.definition)).await.unwrap();
    client.patch("gateway-http-ports", id_of(&ports[0]).unwrap(), &json!({"Path": "/api"})).await.unwrap();
    becomes(&scene.here(HTTP_ROUTE), &scene.route("http-80"), "the route has the path", |route| {
        at(route, "/spec/rules/0/matches/0/path/value") == "/api"
    })
    .await;
    client.until_ready("gateway-instances", scene.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn a_list_of_ports_replaces_listeners_and_routes() {
    let scene = Scene::ready("ports", json!({"HttpPorts": [{"Port": 80}]})).await;
    serves(&scene, &[80]).await;
    let change = json!({"HttpPorts": [{"Port": 80}, {"Port": 21001}]});
    scene.stage.client.patch("gateway-definitions", scene.definition, &change).await.unwrap();
    serves(&scene, &[80, 21001]).await;
    let change = json!({"HttpPorts": [{"Port": 21001}]});
    scene.stage.client.patch("gateway-definitions", scene.definition, &change).await.unwrap();
    serves(&scene, &[21001]).await;
}

#[tokio::test]
async fn a_single_port_comes_and_goes() {
    let scene = Scene::ready("port", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &scene.stage.client;
    let body = json!({"GatewayDefinitionID": scene.definition, "Port": 21002});
    let http = id_of(&client.create("gateway-http-ports", &body).await.unwrap()).unwrap();
    serves(&scene, &[80, 21002]).await;
    client.delete("gateway-http-ports", http).await.unwrap();
    serves(&scene, &[80]).await;
}

#[tokio::test]
async fn a_tcp_port_comes_and_goes() {
    let scene = Scene::ready("tcp-port", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &scene.stage.client;
    let body = json!({"GatewayDefinitionID": scene.definition, "Port": 21003});
    let tcp = id_of(&client.create("gateway-tcp-ports", &body).await.unwrap()).unwrap();
    becomes(&scene.here(TCP_ROUTE), &scene.route("tcp-21003"), "the TCPRoute is accepted", |route| {
        at(route, "/status/parents/0/conditions")
            .as_array()
            .is_some_and(|all| all.iter().any(|c| c["type"] == "Accepted" && c["status"] == "True"))
    })
    .await;
    client.until_ready("gateway-instances", scene.gateway, SOON).await.unwrap();
    client.delete("gateway-tcp-ports", tcp).await.unwrap();
    crate::scene::vanishes("the TCPRoute goes", || scene.own(TCP_ROUTE)).await;
    client.until_ready("gateway-instances", scene.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn a_ttl_reaches_the_zone() {
    let scene = Scene::ready("ttl", json!({"HttpPorts": [{"Port": 80}]})).await;
    let published = scene.publish().await;
    let fqdn = format!("{}.", scene.hostname());
    let client = &scene.stage.client;
    client.patch("domain-name-definitions", scene.domain, &json!({"TTL": 7})).await.unwrap();
    eventually("the DNSEndpoint has the TTL", async || {
        let endpoints = labelled(&scene.kube, DNS_ENDPOINT, &format!("domain-name-instance-{published}")).await;
        let ttls: Vec<_> = endpoints.iter().map(|e| at(e, "/spec/endpoints/0/recordTTL").clone()).collect();
        if ttls == [json!(7)] { Ok(()) } else { Err(ttls) }
    })
    .await;
    eventually("the zone has the TTL", async || {
        let journal = Knobs::new(&scene.stage.endpoints).route53_journal(0).await.unwrap();
        let last = journal.into_iter().rev().find(|entry| entry.name == fqdn && entry.kind == "A");
        match last {
            Some(entry) if entry.ttl == Some(7) && entry.action != "DELETE" => Ok(()),
            other => Err(other),
        }
    })
    .await;
    client.until_ready("domain-name-instances", published, SOON).await.unwrap();
}
