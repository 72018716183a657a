//! An object of another owner with one of our names is never touched, and the record that needs the name says so.

use causeway_testkit::{
    INSTALLED, SOON, api, condition, eventually, harness, id_of,
    kinds::{CONTROL_PLANE, HTTP_ROUTE, LISTENER_SET, OWNER},
    objects::{at, becomes, object},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, make_class, our_writes, without_status},
    shown::answer_of,
};

/// A gateway that is about to make a route, and the route as it would make it.
struct Stopped {
    fixture: Fixture,
    routes: Api<DynamicObject>,
    /// The name of the route that the gateway will want.
    name: String,
    /// The spec that it will want.
    spec: Value,
}

impl Stopped {
    /// After a gateway that is the same, and gone by then: so its cluster has all that it needs.
    async fn new(what: &str) -> Self {
        let first = Fixture::ready(what, json!({"HttpPorts": [{"Port": 80}]})).await;
        let client = &first.harness.client;
        client.delete_and_wait("gateway-instances", first.gateway, SOON).await.unwrap();

        let mut body = first.harness.instance(&first.name, first.definition, first.workload);
        body["InterruptReconciliation"] = json!(true);
        let made = client.create("gateway-instances", &body).await.unwrap();
        let fixture = Fixture { gateway: made["ID"].as_i64().unwrap(), ..first };
        let name = fixture.route("http-80");
        // Not the first one's: the listener may be in another ListenerSet now, because other tests use the same shared gateway.
        let path = format!("/v0/gateway-instances/{}/manifests", fixture.gateway);
        let shown = answer_of(&fixture, &path, &[("Accept", "application/json")]).await;
        let objects = shown.body["Data"].as_array().cloned().unwrap_or_default();
        let is_route = |object: &&Value| object["kind"] == "HTTPRoute" && object["metadata"]["name"] == json!(name);
        let spec = objects.iter().find(is_route).unwrap_or_else(|| panic!("no {name} in {objects:#?}"))["spec"].clone();
        Self { routes: fixture.here(HTTP_ROUTE), fixture, name, spec }
    }

    /// Puts a foreign route there, lets the gateway go on, and checks that it backs off until the route is gone.
    async fn meets(self, labels: Value, spec: Value, holder: &str) {
        let Self { fixture, routes, name, spec: wanted } = self;
        let foreign = object(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": name, "namespace": fixture.namespace(), "labels": labels}, "spec": spec,
        }));
        let parameters = PostParams { field_manager: Some("somebody".into()), ..PostParams::default() };
        routes.create(&parameters, &foreign).await.unwrap();
        let settled = |route: &DynamicObject| spec.get("parentRefs").is_none() || is_judged(route);
        let before = becomes(&routes, &name, "Envoy Gateway has judged the foreign route", settled).await;

        let client = &fixture.harness.client;
        client.go_on("gateway-instances", fixture.gateway).await.unwrap();
        let conflict =
            |record: &Value| condition(record, "Applied").is_some_and(|applied| applied["Reason"] == "Conflict");
        let record = client.until("gateway-instances", fixture.gateway, INSTALLED, conflict).await.unwrap();
        let applied = condition(&record, "Applied").unwrap();
        assert_eq!((&applied["Status"], &record["Reconciled"]), (&json!("False"), &json!(false)));
        let message = applied["Message"].as_str().unwrap();
        assert!(message.contains(&name) && message.contains(holder), "{message}");
        // Tried again, it does no more harm.
        let before_again = fixture.attempts().await;
        eventually("it is tried again", async || match fixture.attempts().await {
            now if now > before_again => Ok(()),
            now => Err(now),
        })
        .await;

        let after = routes.get(&name).await.unwrap();
        assert_eq!(of_somebody(&after), of_somebody(&before));
        if spec.get("parentRefs").is_none() {
            assert_eq!(after.resource_version(), before.resource_version());
        }
        let written = our_writes(&fixture.harness.endpoints.clusters[0], &name).await;
        let stored: Vec<_> =
            written.iter().filter(|event| event["responseStatus"]["code"].as_i64() < Some(300)).collect();
        assert!(stored.is_empty(), "{stored:#?}");

        routes.delete(&name, &DeleteParams::default()).await.unwrap();
        // It is tried again after up to a minute, and its controller may overlook a route that comes right after another of its name.
        client.until_ready("gateway-instances", fixture.gateway, INSTALLED).await.unwrap();
        let ours = routes.get(&name).await.unwrap();
        assert_ne!(ours.uid(), before.uid());
        assert_eq!(ours.data["spec"], wanted);
        assert_eq!(ours.labels().get(OWNER), Some(&format!("gateway-instance-{}", fixture.gateway)));
    }
}

/// Envoy Gateway writes the status of every route that names one of its Gateways, whosever it is.
fn is_judged(route: &DynamicObject) -> bool {
    route.data["status"]["parents"].as_array().is_some_and(|parents| !parents.is_empty())
}

/// All of an object that one person has made, but what controllers note in its status.
fn of_somebody(route: &DynamicObject) -> (Value, Value) {
    let (metadata, spec) = without_status(route);
    assert_eq!(metadata["managedFields"].as_array().unwrap().len(), 1, "{metadata:#}");
    (metadata, spec)
}

#[tokio::test]
async fn a_foreign_object_with_our_very_spec_is_left_alone() {
    let stopped = Stopped::new("same-spec").await;
    let spec = stopped.spec.clone();
    stopped.meets(json!({}), spec, "somebody").await;
}

#[tokio::test]
async fn a_foreign_object_with_none_of_our_fields_is_left_alone() {
    Stopped::new("no-fields")
        .await
        .meets(json!({"app": "theirs"}), json!({"hostnames": ["theirs.example"]}), "somebody")
        .await;
}

#[tokio::test]
async fn an_object_of_another_control_plane_is_left_alone() {
    let stopped = Stopped::new("other-plane").await;
    let owner = format!("gateway-instance-{}", stopped.fixture.gateway);
    let spec = stopped.spec.clone();
    stopped.meets(json!({CONTROL_PLANE: "0123456789", OWNER: owner}), spec, "control plane 0123456789").await;
}

#[tokio::test]
async fn an_owner_label_alone_makes_nothing_ours() {
    let stopped = Stopped::new("owner-only").await;
    let owner = format!("gateway-instance-{}", stopped.fixture.gateway);
    stopped.meets(json!({OWNER: owner}), json!({"hostnames": ["theirs.example"]}), "somebody").await;
}

/// A gateway that is added to others reads only the ListenerSet of its listener. What keeps that one from being applied is reported all the same.
#[tokio::test]
async fn a_foreign_listener_set_is_left_alone_and_named() {
    let harness = harness().await;
    let (class, kube) = (harness.name("full-set"), harness.kube().await.unwrap());
    make_class(&kube, &class).await;
    let shared = |more: Value| {
        let mut body = json!({"HttpPorts": [{"Port": 80}], "GatewayClassName": class});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let fixture = Fixture::ready("full-set", shared(json!({}))).await;
    let add = async |what: &str, hostnames: Value| {
        let name = harness.name(what);
        let definition = harness.definition(&name, Some(fixture.domain), shared(json!({"Hostnames": hostnames}))).await;
        let body = harness.instance(&name, definition.unwrap(), fixture.workload);
        let id = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        fixture.cleanup.add("gateway-instances", id);
        id
    };
    // With the fixture's own the first ListenerSet is full.
    let seven: Vec<String> = (1..8).map(|n| format!("h{n}.{}", fixture.hostname())).collect();
    harness.client.until_ready("gateway-instances", add("seven", json!(seven)).await, SOON).await.unwrap();

    let route = fixture.own(HTTP_ROUTE).await.remove(0);
    let parent = at(&route, "/spec/parentRefs/0");
    let (namespace, first) = (parent["namespace"].as_str().unwrap(), parent["name"].as_str().unwrap());
    assert_eq!(first, format!("{namespace}-0"));
    let (sets, name) = (api(&kube, LISTENER_SET, Some(namespace)), format!("{namespace}-1"));
    let spec = json!({
        "parentRef": {"name": namespace}, "listeners": [{"name": "theirs", "port": 80, "protocol": "HTTP", "hostname": "theirs.example"}],
    });
    let foreign = object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    }));
    let before = sets.create(&PostParams::default(), &foreign).await.unwrap();

    let last = add("last", json!([format!("h8.{}", fixture.hostname())])).await;
    let gateway: i64 = namespace.rsplit_once('-').unwrap().1.parse().unwrap();
    let conflict = |record: &Value| condition(record, "Applied").is_some_and(|applied| applied["Reason"] == "Conflict");
    let record = harness.client.until("shared-gateways", gateway, SOON, conflict).await.unwrap();
    let applied = condition(&record, "Applied").unwrap();
    assert!(applied["Message"].as_str().unwrap().contains(&name), "{applied:#}");
    let after = sets.get(&name).await.unwrap();
    assert_eq!((after.uid(), &after.data["spec"]), (before.uid(), &before.data["spec"]));

    sets.delete(&name, &DeleteParams::default()).await.unwrap();
    harness.client.until_ready("gateway-instances", last, INSTALLED).await.unwrap();
}
