//! What an admin changes in our objects is put back, and where nothing is changed nothing is written.

use causeway_rig::Endpoints;
use causeway_testkit::{
    ControlPlane, SOON, Setup, add_runtime, add_workload_of, api, config_map, eventually,
    kinds::{CONFIG_MAP, CONTROL_PLANE, GATEWAY, HTTP_ROUTE, LISTENER_SET, OWNER, SECRET, TCP_ROUTE},
    kube_client, object_name,
    objects::{at, becomes},
    until,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, ObjectMeta, PostParams},
};
use serde_json::{Value, json};

use crate::fixture::{Fixture, make_class, meddle, our_writes, vanishes};

/// A fixture on a shared gateway of its own, and that gateway's object name.
async fn apart(what: &str, ports: Value) -> (Fixture, String) {
    let class = causeway_testkit::harness().await.name(what);
    let mut more = json!({"GatewayClassName": class});
    more.as_object_mut().unwrap().extend(ports.as_object().unwrap().clone());
    let fixture = Fixture::begun(what, more, json!({})).await;
    make_class(&fixture.kube, &class).await;
    fixture.until_ready().await;
    let query = format!("gatewayclassname={class}");
    let shared = fixture.harness.client.list("shared-gateways", &query).await.unwrap();
    assert_eq!(shared.len(), 1, "{shared:#?}");
    (fixture, format!("shared-gateway-{}", shared[0]["ID"]))
}

fn spec(object: &DynamicObject) -> &Value {
    &object.data["spec"]
}

fn foreign_listener(port: i64) -> Value {
    json!({"name": "foreign", "port": port, "protocol": "HTTP", "hostname": "foreign.example"})
}

#[tokio::test]
async fn an_edited_spec_is_put_back() {
    let fixture = Fixture::ready("edited", json!({"HttpPorts": [{"Port": 80, "Path": "/ours"}]})).await;
    let (routes, name) = (fixture.here(HTTP_ROUTE), fixture.route("http-80"));
    let before = routes.get(&name).await.unwrap();
    let mut rules = spec(&before)["rules"].clone();
    rules[0]["matches"][0]["path"]["value"] = json!("/theirs");
    let edited = meddle(&routes, &name, &json!({"spec": {"rules": rules}})).await;
    assert_ne!(spec(&edited), spec(&before));
    let after = becomes(&routes, &name, "the path is ours again", |route| spec(route) == spec(&before)).await;
    assert_eq!(after.uid(), before.uid());
}

#[tokio::test]
async fn a_rule_that_somebody_adds_is_removed() {
    let fixture = Fixture::ready("added", json!({"HttpPorts": [{"Port": 80, "Path": "/ours"}]})).await;
    let (routes, name) = (fixture.here(HTTP_ROUTE), fixture.route("http-80"));
    let before = routes.get(&name).await.unwrap();
    let mut rules = spec(&before)["rules"].clone();
    rules.as_array_mut().unwrap().push(json!({"matches": [{"path": {"type": "PathPrefix", "value": "/theirs"}}]}));
    let edited = meddle(&routes, &name, &json!({"spec": {"rules": rules}})).await;
    assert_ne!(spec(&edited), spec(&before));
    becomes(&routes, &name, "the rule is gone", |route| spec(route) == spec(&before)).await;
}

#[tokio::test]
async fn a_deleted_route_is_made_again() {
    let fixture = Fixture::ready("deleted", json!({"TcpPorts": [{"Port": 21021}]})).await;
    let (routes, name) = (fixture.here(TCP_ROUTE), fixture.route("tcp-21021"));
    let before = routes.get(&name).await.unwrap();
    routes.delete(&name, &DeleteParams::default()).await.unwrap();
    let again = |route: &DynamicObject| route.uid() != before.uid() && spec(route) == spec(&before);
    becomes(&routes, &name, "the route is made again", again).await;
    fixture.harness.client.until_ready("gateway-instances", fixture.gateway, SOON).await.unwrap();
}

#[tokio::test]
async fn removed_labels_are_put_back() {
    let fixture = Fixture::ready("labels", json!({"HttpPorts": [{"Port": 80}]})).await;
    let (routes, name) = (fixture.here(HTTP_ROUTE), fixture.route("http-80"));
    let before = routes.get(&name).await.unwrap();
    let both = json!({"metadata": {"labels": {CONTROL_PLANE: null, OWNER: null}}});
    let bare = meddle(&routes, &name, &both).await;
    assert!(bare.labels().is_empty(), "{:?}", bare.labels());
    let after = becomes(&routes, &name, "both labels are back", |route| route.labels() == before.labels()).await;
    assert_eq!((after.uid(), spec(&after)), (before.uid(), spec(&before)));
}

#[tokio::test]
async fn a_changed_owner_label_is_put_back() {
    let fixture = Fixture::ready("owner", json!({"HttpPorts": [{"Port": 80}]})).await;
    let (routes, name) = (fixture.here(HTTP_ROUTE), fixture.route("http-80"));
    let before = routes.get(&name).await.unwrap();
    meddle(&routes, &name, &json!({"metadata": {"labels": {OWNER: "gateway-instance-1"}}})).await;
    let after = becomes(&routes, &name, "the label is ours again", |route| route.labels() == before.labels()).await;
    assert_eq!(after.uid(), before.uid());
}

#[tokio::test]
async fn a_shared_gateway_is_put_back() {
    let (fixture, shared) = apart("shared", json!({"HttpPorts": [{"Port": 80}], "TcpPorts": [{"Port": 21022}]})).await;

    let gateways = api(&fixture.kube, GATEWAY, Some(&shared));
    let before = gateways.get(&shared).await.unwrap();
    let mut listeners = spec(&before)["listeners"].clone();
    listeners.as_array_mut().unwrap().push(foreign_listener(21023));
    let edited = meddle(&gateways, &shared, &json!({"spec": {"listeners": listeners}})).await;
    assert_ne!(spec(&edited), spec(&before));
    becomes(&gateways, &shared, "the foreign listener left the Gateway", |gateway| spec(gateway) == spec(&before))
        .await;

    let sets = api(&fixture.kube, LISTENER_SET, Some(&shared));
    let name = format!("{shared}-0");
    let before = sets.get(&name).await.unwrap();
    let mut listeners = spec(&before)["listeners"].clone();
    listeners.as_array_mut().unwrap().push(foreign_listener(80));
    let edited = meddle(&sets, &name, &json!({"spec": {"listeners": listeners}})).await;
    assert_ne!(spec(&edited), spec(&before));
    becomes(&sets, &name, "the foreign listener left the ListenerSet", |set| spec(set) == spec(&before)).await;

    sets.delete(&name, &DeleteParams::default()).await.unwrap();
    let again = |set: &DynamicObject| set.uid() != before.uid() && spec(set) == spec(&before);
    becomes(&sets, &name, "the ListenerSet is made again", again).await;
    fixture.until_ready().await;
}

/// Has a record reconciled again, as a resync does, and waits until that has happened.
async fn looked_at(fixture: &Fixture, plural: &str, id: i64) {
    let client = &fixture.harness.client;
    let asked = client.patch(plural, id, &json!({"Reconciled": false})).await.unwrap();
    assert_eq!(asked["Reconciled"], false, "{asked:#}");
    client.until(plural, id, SOON, |record| record["Reconciled"] == true).await.unwrap();
}

#[tokio::test]
async fn where_nothing_changes_nothing_is_written() {
    let fixture = Fixture::ready(
        "quiet",
        json!({"HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}]}),
    )
    .await;
    let published = fixture.publish().await;
    fixture.until_ready().await;
    fixture.harness.client.until_ready("workload-instances", fixture.workload, SOON).await.unwrap();
    // Controllers may still be adding to the objects: quiet begins once a round of reconciles has written nothing.
    let cluster = &fixture.harness.endpoints.clusters[0];
    let round = async || {
        let before = our_writes(cluster, &fixture.name).await.len();
        assert!(before > 0, "our own writes are in the log");
        looked_at(&fixture, "workload-instances", fixture.workload).await;
        looked_at(&fixture, "gateway-instances", fixture.gateway).await;
        looked_at(&fixture, "domain-name-instances", published).await;
        our_writes(cluster, &fixture.name).await.split_off(before)
    };
    eventually("a round without a write", async || {
        let written = round().await;
        if written.is_empty() { Ok(()) } else { Err(written) }
    })
    .await;
    for _ in 0..3 {
        let written = round().await;
        assert!(written.is_empty(), "{written:#?}");
    }
    // And a write that there is would have been seen.
    let (routes, name) = (fixture.here(HTTP_ROUTE), fixture.route("http-80"));
    let before = our_writes(cluster, &name).await.len();
    meddle(&routes, &name, &json!({"spec": {"hostnames": ["elsewhere.example"]}})).await;
    let ours = |route: &DynamicObject| at(route, "/spec/hostnames/0") == &json!(fixture.hostname());
    becomes(&routes, &name, "the hostname is put back", ours).await;
    until("the repair is in the log", async || our_writes(cluster, &name).await.len() > before).await;
}

#[tokio::test]
async fn a_secret_that_cert_manager_writes_when_its_certificate_is_gone_goes_too() {
    let fixture = Fixture::ready("late", json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]})).await;
    let secrets = api(&fixture.kube, SECRET, None);
    let of_fixture = async || {
        let of = |secret: &DynamicObject| {
            secret.annotations().get("cert-manager.io/alt-names").is_some_and(|names| *names == fixture.hostname())
        };
        secrets.list(&ListParams::default()).await.unwrap().into_iter().filter(of).collect::<Vec<_>>()
    };
    let mut secret = of_fixture().await.pop().expect("cert-manager has made it");
    fixture.harness.client.delete("gateway-instances", fixture.gateway).await.unwrap();
    vanishes("the Secret", of_fixture).await;
    // As cert-manager does when it was in the middle of signing.
    secret.metadata = ObjectMeta {
        name: secret.metadata.name,
        namespace: secret.metadata.namespace,
        labels: secret.metadata.labels,
        annotations: secret.metadata.annotations,
        ..ObjectMeta::default()
    };
    let there = api(&fixture.kube, SECRET, secret.metadata.namespace.as_deref());
    there.create(&PostParams::default(), &secret).await.unwrap();
    vanishes("the Secret that came late", of_fixture).await;
}

#[tokio::test]
async fn what_happens_while_no_worker_is_there_is_put_back() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = &endpoints.clusters[1];
    let mut platform = ControlPlane::start(&endpoints, Setup::for_test("absent")).await.unwrap();
    let client = platform.client();
    let name = format!("absent-{}", std::process::id());
    let runtime = add_runtime(&client, cluster, &name).await.unwrap();
    let workload = add_workload_of(&client, runtime, &name, &config_map(&name, "ours")).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let maps = api(&kube_client(cluster).await.unwrap(), CONFIG_MAP, Some(&object_name(&name, workload)));

    platform.stop_workers().await;
    meddle(&maps, &name, &json!({"data": {"key": "theirs"}})).await;
    platform.add_worker().await.unwrap();
    let ours = becomes(&maps, &name, "the value is ours again", |map| map.data["data"]["key"] == "ours").await;

    // The new worker watches as the old one did.
    maps.delete(&name, &DeleteParams::default()).await.unwrap();
    becomes(&maps, &name, "the ConfigMap is made again", |map| map.uid() != ours.uid()).await;
    platform.stop().await;
}
