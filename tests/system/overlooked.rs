//! A Gateway's controller that says nothing of a route. Here the test is the controller.

use causeway_testkit::{
    SOON, api, condition, harness,
    kinds::{GATEWAY, GATEWAY_CLASS, HTTP_ROUTE},
    objects::{becomes, object},
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::fixture::Fixture;

/// Says of an object that everything about it is in order.
async fn answer(objects: &Api<DynamicObject>, name: &str, status: impl Fn(&[Value]) -> Value, kinds: &[&str]) {
    let generation = objects.get(name).await.unwrap().metadata.generation.unwrap();
    let conditions: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({
                "type": kind, "status": "True", "reason": kind, "message": "", "observedGeneration": generation,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            })
        })
        .collect();
    let patch = Patch::Merge(json!({"status": status(&conditions)}));
    objects.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test]
async fn a_route_that_its_controller_overlooks_is_shown_to_it_once_more() {
    const CONTROLLER: &str = "controllers.example/in-a-test";
    let harness = harness().await;
    let class = harness.name("overlooked");
    let body = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": class},
        "spec": {"controllerName": CONTROLLER},
    });
    let kube = harness.kube().await.unwrap();
    // A gateway that works: by then the cluster knows the kind.
    let ports = json!({"HttpPorts": [{"Port": 80}]});
    Fixture::ready("overlooked-not", ports.clone()).await;
    api(&kube, GATEWAY_CLASS, None).create(&PostParams::default(), &object(body)).await.unwrap();
    let mut dedicated = ports;
    dedicated["Placement"] = json!("Dedicated");
    dedicated["GatewayClassName"] = json!(class);
    let fixture = Fixture::begun("overlooked", dedicated, json!({})).await;
    let (routes, route) = (fixture.here(HTTP_ROUTE), fixture.route("http-80"));
    let made = becomes(&routes, &route, "the route is made", |_| true).await;
    assert_eq!(made.metadata.generation, Some(1));
    let gateway = fixture.own(GATEWAY).await.remove(0);
    let listener = gateway.data["spec"]["listeners"][0]["name"].clone();
    let working = |conditions: &[Value]| {
        json!({
            "addresses": [{"type": "IPAddress", "value": "203.0.113.99"}], "conditions": conditions,
            "listeners": [{"name": listener, "attachedRoutes": 0, "supportedKinds": [], "conditions": conditions}],
        })
    };
    answer(&fixture.here(GATEWAY), &gateway.name_any(), working, &["Accepted", "Programmed", "ResolvedRefs"]).await;

    let waits = |record: &Value| {
        let is = |step: &str, status: &str| condition(record, step).is_some_and(|c| c["Status"] == *status);
        is("ListenersReady", "True") && is("RoutesAccepted", "Unknown")
    };
    harness.client.until("gateway-instances", fixture.gateway, SOON, waits).await.unwrap();
    // Changed and put right.
    let shown = becomes(&routes, &route, "it is of another generation", |route| route.metadata.generation == Some(3));
    let shown = shown.await;
    assert_eq!((shown.uid(), &shown.data["spec"]), (made.uid(), &made.data["spec"]));

    let parent = made.data["spec"]["parentRefs"][0].clone();
    let taken = |conditions: &[Value]| json!({"parents": [{"parentRef": parent, "controllerName": CONTROLLER, "conditions": conditions}]});
    answer(&routes, &route, taken, &["Accepted", "ResolvedRefs"]).await;
    fixture.until_ready().await;
    let last = routes.get(&route).await.unwrap();
    assert_eq!(last.metadata.generation, Some(3), "made, changed, put right, and left alone since it was answered");
}
