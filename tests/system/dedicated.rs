//! Placement Dedicated: a Gateway of one instance's own. And every mode of gateways, as real API servers and webhooks take it.

use causeway_render::samples;
use causeway_testkit::{
    SOON, api, condition, eventually,
    kinds::{
        CERTIFICATE, CLUSTER_ISSUER, DEPLOYMENT, GATEWAY, GATEWAY_CLASS, HTTP_ROUTE, NAMESPACE, SECRET, SERVICE,
        TCP_ROUTE,
    },
    objects::object,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

use crate::fixture::{Fixture, labelled, vanishes};

fn all_ports() -> Value {
    json!({
        "Placement": "Dedicated",
        "HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}],
        "TcpPorts": [{"Port": 5432}],
    })
}

#[tokio::test]
async fn a_dedicated_gateway_has_exactly_its_listeners() {
    let fixture = Fixture::ready("dedicated", all_ports()).await;
    let gateways = fixture.own(GATEWAY).await;
    assert_eq!(gateways.len(), 1);
    assert_eq!(gateways[0].namespace(), Some(fixture.namespace()));
    let listeners = gateways[0].data["spec"]["listeners"].as_array().unwrap();
    let mut seen: Vec<_> = listeners.iter().map(|l| json!([l["port"], l["protocol"], l["hostname"]])).collect();
    seen.sort_by_key(ToString::to_string);
    assert_eq!(
        seen,
        [json!([443, "HTTPS", fixture.hostname()]), json!([5432, "TCP", null]), json!([80, "HTTP", null])]
    );
    let from: Vec<_> = listeners.iter().map(|l| l["allowedRoutes"]["namespaces"]["from"].clone()).collect();
    assert_eq!(from, ["Same", "Same", "Same"]);
    assert!(fixture.listeners().await.is_empty(), "the shared gateway has nothing of it");

    let gateway = gateways[0].name_any();
    for route in fixture.own(HTTP_ROUTE).await.iter().chain(&fixture.own(TCP_ROUTE).await) {
        let parents = route.data["spec"]["parentRefs"].as_array().unwrap();
        assert!(parents.iter().all(|parent| parent["name"] == json!(gateway)), "{parents:#?}");
    }
    let record = fixture.harness.client.until_ready("gateway-instances", fixture.gateway, SOON).await.unwrap();
    for step in ["GatewayProgrammed", "AddressAssigned", "ListenersReady", "CertificatesReady", "RoutesAccepted"] {
        assert_eq!(condition(&record, step).map(|c| &c["Status"]), Some(&json!("True")), "{step}: {record:#}");
    }
}

#[tokio::test]
async fn a_deleted_dedicated_gateway_leaves_nothing() {
    let fixture = Fixture::ready("leaves", all_ports()).await;
    let gateway = fixture.own(GATEWAY).await.remove(0).name_any();
    let certificate = fixture.own(CERTIFICATE).await.remove(0);
    let secret = certificate.data["spec"]["secretName"].as_str().unwrap().to_owned();
    let secrets = fixture.here(SECRET);
    secrets.get(&secret).await.unwrap();
    let selector = format!(
        "gateway.envoyproxy.io/owning-gateway-name={gateway},gateway.envoyproxy.io/owning-gateway-namespace={}",
        fixture.namespace()
    );
    let of_envoy =
        async |kind| api(&fixture.kube, kind, None).list(&ListParams::default().labels(&selector)).await.unwrap().items;
    assert_eq!(of_envoy(SERVICE).await.len(), 1);

    let client = &fixture.harness.client;
    client.delete_and_wait("gateway-instances", fixture.gateway, SOON).await.unwrap();
    // What we make is gone by then.
    for kind in [GATEWAY, GATEWAY_CLASS, HTTP_ROUTE, TCP_ROUTE, CERTIFICATE, CLUSTER_ISSUER, SECRET] {
        let left: Vec<_> = fixture.own(kind).await.iter().map(ResourceExt::name_any).collect();
        assert!(left.is_empty(), "{}: {left:?}", kind.2);
    }
    assert!(secrets.get_opt(&secret).await.unwrap().is_none(), "the certificate's Secret is gone");
    // What Envoy Gateway made for it has a pace of its own.
    for kind in [SERVICE, DEPLOYMENT] {
        vanishes("the proxy goes", || of_envoy(kind)).await;
    }
    // The workload is not the gateway's.
    let workload = format!("workload-instance-{}", fixture.workload);
    assert_eq!(labelled(&fixture.kube, SERVICE, &workload).await.len(), 1);
    client.until_ready("workload-instances", fixture.workload, SOON).await.unwrap();
}

/// Every sample is accepted whole by the real schemas and webhooks, and stored as we rendered it: no field is unknown, none is filled in.
#[tokio::test]
async fn every_mode_is_stored_as_rendered() {
    // The cluster has all kinds and webhooks once a gateway with a certificate and a published name is Ready.
    let fixture = Fixture::ready("modes", json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]})).await;
    fixture.publish().await;
    let namespace = fixture.harness.name("samples");
    let own = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    let namespaces = api(&fixture.kube, NAMESPACE, None);
    namespaces.create(&PostParams::default(), &own).await.unwrap();

    let parameters = PatchParams::apply("samples").force().dry_run().validation_strict();
    let mut compared = 0;
    for (title, plan) in samples::plans() {
        for planned in plan.objects {
            let kind = GroupVersionKind::gvk(&planned.at.group, &planned.at.version, &planned.at.kind);
            let resource = ApiResource::from_gvk(&kind);
            let mut body = planned.body.clone();
            let objects: kube::Api<DynamicObject> = if planned.at.namespace.is_some() {
                body["metadata"]["namespace"] = json!(namespace);
                kube::Api::namespaced_with(fixture.kube.clone(), &namespace, &resource)
            } else {
                kube::Api::all_with(fixture.kube.clone(), &resource)
            };
            // A webhook that has just started may refuse a connection once.
            let stored = eventually(&format!("{title}: {} is accepted", planned.at), async || {
                objects.patch(&planned.at.name, &parameters, &Patch::Apply(&body)).await
            })
            .await;
            if planned.exclusive {
                compared += 1;
                assert_eq!(stored.data["spec"], body["spec"], "{title}: {}", planned.at);
            }
        }
    }
    assert!(compared > 20, "{compared} objects");
    namespaces.delete(&namespace, &DeleteParams::default()).await.unwrap();
}
