//! A gateway controller of another kind than the default one: Traefik, which is controller and proxy in one, has no ListenerSets, and says what it can do.

use std::collections::BTreeSet;

use causeway_testkit::{
    Cleanup, DOMAIN, Harness, INSTALLED, Visitor, answering, api, condition, eventually, harness, id_of,
    kinds::{
        CERTIFICATE, CUSTOM_RESOURCE_DEFINITION, GATEWAY, GATEWAY_CLASS, Gvk, HTTP_ROUTE, LISTENER_SET, NAMESPACE,
    },
    objects::{goes, object},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::{Answering, answers};
use crate::fixture::labelled;

const CLASS: &str = "traefik";
const CONTROLLER: &str = "traefik.io/gateway-controller";

/// Waits until the record of the cluster has what a class lists: from then on the API refuses what isn't among it.
async fn known(harness: &Harness, class: &str) -> BTreeSet<String> {
    let query = "SELECT published_state -> 'classes' -> $2::text -> 'features' FROM reconciliations
        WHERE kind = 'KubernetesRuntimeInstance' AND id = $1";
    eventually(&format!("the features of GatewayClass {class} are on record"), async || {
        let mut database = PgConnection::connect(&harness.platform.database_url()).await.map_err(|e| e.to_string())?;
        let found = sqlx::query_scalar(query).bind(harness.runtime).bind(class);
        let found: Option<Value> = found.fetch_one(&mut database).await.map_err(|error| error.to_string())?;
        let features: BTreeSet<String> = found.and_then(|found| serde_json::from_value(found).ok()).unwrap_or_default();
        if features.is_empty() { Err("there are none".to_owned()) } else { Ok(features) }
    })
    .await
}

/// Which Gateway API the cluster has is on record as its definitions say it.
async fn knows_gateway_api(harness: &Harness, kube: &kube::Client) {
    let definitions = api(kube, CUSTOM_RESOURCE_DEFINITION, None);
    let of_routes = definitions.get("udproutes.gateway.networking.k8s.io").await.unwrap();
    let marked = |what: &str| of_routes.annotations()[&format!("gateway.networking.k8s.io/{what}")].clone();
    let query =
        "SELECT published_state -> 'api' FROM reconciliations WHERE kind = 'KubernetesRuntimeInstance' AND id = $1";
    let mut database = PgConnection::connect(&harness.platform.database_url()).await.unwrap();
    let found: Value = sqlx::query_scalar(query).bind(harness.runtime).fetch_one(&mut database).await.unwrap();
    assert_eq!((&found["version"], &found["channel"]), (&json!(marked("bundle-version")), &json!(marked("channel"))));
    for kind in ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "ListenerSet"] {
        assert!(found["kinds"].as_array().unwrap().contains(&json!(kind)), "{kind}: {found}");
    }
}

/// The listeners of the Gateway of a class, as names of their hostnames by port.
async fn listeners(kube: &kube::Client, class: &str) -> Vec<(i64, Option<String>)> {
    let all = api(kube, GATEWAY, None).list(&ListParams::default()).await.unwrap();
    let gateway = all.iter().find(|gateway| gateway.data["spec"]["gatewayClassName"] == class).unwrap();
    let shown = |one: &Value| (one["port"].as_i64().unwrap(), one["hostname"].as_str().map(str::to_owned));
    gateway.data["spec"]["listeners"].as_array().unwrap().iter().map(shown).collect()
}

/// Refused, with the field and the feature that it would need.
async fn refuses(harness: &Harness, workload: i64, domain: i64, more: Value, (field, feature): (&str, &str)) {
    let name = harness.name("cannot");
    let definition = harness.definition(&name, Some(domain), more).await.unwrap();
    let answer =
        harness.client.try_create("gateway-instances", &harness.instance(&name, definition, workload)).await.unwrap();
    answer.refused(409, &format!("needs {feature} of Gateway API")).because("Unsupported", &[field]);
}

#[tokio::test]
async fn a_gateway_of_traefik_serves_a_request_says_what_it_cannot_do_and_leaves_nothing() {
    let harness = harness().await;
    let (client, kube) = (&harness.client, harness.kube().await.unwrap());
    let body =
        json!({"Name": harness.name(CLASS), "KubernetesRuntimeInstanceID": harness.runtime, "Service": "traefik"});
    let service = id_of(&client.create("support-service-instances", &body).await.unwrap()).unwrap();
    let cleanup = Cleanup::new(client, &[]);
    client.until_ready("support-service-instances", service, INSTALLED).await.unwrap();
    let features = known(harness, CLASS).await;
    assert!(features.contains("HTTPRoute") && !features.contains("ListenerSet"), "{features:?}");
    knows_gateway_api(harness, &kube).await;

    // What it can.
    let name = harness.name("through");
    let host = format!("{name}.{DOMAIN}");
    let domain = json!({
        "Name": name, "Domain": host, "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": 1, "IssuerKind": "SelfSigned",
    });
    let domain = id_of(&client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let ports = json!({"GatewayClassName": CLASS, "HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    cleanup.add("gateway-instances", served.gateway);
    served.until_ready(harness).await;
    let record = client.get("gateway-instances", served.gateway).await.unwrap();
    assert_eq!(condition(&record, "Supported").unwrap()["Status"], "True", "{record:#}");
    let own = Some(host.clone());
    assert_eq!(
        listeners(&kube, CLASS).await,
        [(80, None), (80, own.clone()), (443, own)],
        "all are on the Gateway itself"
    );
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints);
    answers(&visitor, &format!("http://{host}/"), &name).await;

    // What it can't is refused where it is known,
    let udp =
        json!({"GatewayClassName": CLASS, "HttpPorts": [{"Port": 80, "Path": "/udp"}], "UdpPorts": [{"Port": 21054}]});
    refuses(harness, served.workload, domain, udp, ("UdpPorts[0]", "UDPRoute")).await;
    let slow = json!([{"backendRefs": [{"name": "web", "port": 80}], "timeouts": {"request": "1s"}}]);
    let slow = json!({"GatewayClassName": CLASS, "HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": slow}]});
    let field = "HttpRoutes[0].Rules[0].timeouts.request";
    refuses(harness, served.workload, domain, slow, (field, "HTTPRouteRequestTimeout")).await;

    // and told where it was asked for before.
    let late = harness.name("late");
    let more = json!({"GatewayClassName": late, "HttpPorts": [{"Port": 80}], "UdpPorts": [{"Port": 21055, "ServicePort": 53}]});
    let asked = Answering::begin(harness, &late, &answering(&late), Some(domain), more).await;
    cleanup.add("gateway-instances", asked.gateway);
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": late},
        "spec": {"controllerName": CONTROLLER},
    });
    let classes = api(&kube, GATEWAY_CLASS, None);
    classes.create(&PostParams::default(), &object(class)).await.unwrap();
    let told = |record: &Value| condition(record, "Supported").is_some_and(|supported| supported["Status"] == "False");
    let record = client.until("gateway-instances", asked.gateway, INSTALLED, told).await.unwrap();
    let supported = condition(&record, "Supported").unwrap();
    assert_eq!(supported["Reason"], "UDPRoute", "{supported:#}");
    let accepted =
        |record: &Value| condition(record, "RoutesAccepted").is_some_and(|routes| routes["Status"] == "True");
    client.until("gateway-instances", asked.gateway, INSTALLED, accepted).await.unwrap();
    assert_eq!(listeners(&kube, &late).await.len(), 2, "they were placed in a ListenerSet, and are on the Gateway now");

    // Deletion.
    let mut owners = vec![];
    for class in [CLASS, late.as_str()] {
        let shared = client.list("shared-gateways", &format!("gatewayclassname={class}")).await.unwrap();
        owners.push(format!("shared-gateway-{}", shared[0]["ID"]));
    }
    for gateway in [served.gateway, asked.gateway] {
        client.delete_and_wait("gateway-instances", gateway, INSTALLED).await.unwrap();
        owners.push(format!("gateway-instance-{gateway}"));
    }
    for owner in &owners {
        for kind in [GATEWAY, LISTENER_SET, HTTP_ROUTE, CERTIFICATE] {
            nothing_of(&kube, kind, owner).await;
        }
    }
    client.delete_and_wait("support-service-instances", service, INSTALLED).await.unwrap();
    goes(&classes, CLASS, "its class goes with it").await;
    goes(&api(&kube, NAMESPACE, None), "traefik", "and so does its namespace").await;
    nothing_of(&kube, GATEWAY_CLASS, &format!("support-service-instance-{service}")).await;
    classes.delete(&late, &DeleteParams::default()).await.unwrap();
}

async fn nothing_of(kube: &kube::Client, kind: Gvk<'static>, owner: &str) {
    eventually(&format!("nothing of {owner} is left"), async || {
        let left: Vec<_> = labelled(kube, kind, owner).await.iter().map(ResourceExt::name_any).collect();
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}
