//! What the conditions of a gateway say when the real controller can't do what is asked for: the controller's reason, and the next step. Once that is done,
//! everything is Ready.

use causeway_rig::{Knobs, Withheld};
use causeway_testkit::{
    Cleanup, Harness, INSTALLED, add_workload_of, answering, api, condition, harness, id_of, is_true,
    kinds::{CLUSTER_ISSUER, GATEWAY, LISTENER_SET, SERVICE},
    objects::object,
};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::fixture::{Fixture, labelled, make_class};

/// Waits until a condition of a gateway instance has this status and reason, and its message tells both what is wrong and what to do.
pub(crate) async fn says(harness: &Harness, instance: i64, step: &str, (status, reason): (&str, &str), words: &[&str]) {
    let is = |record: &Value| {
        condition(record, step).is_some_and(|found| {
            let message = found["Message"].as_str().unwrap_or_default();
            found["Status"] == status && found["Reason"] == reason && words.iter().all(|word| message.contains(word))
        })
    };
    harness.client.until("gateway-instances", instance, INSTALLED, is).await.unwrap();
}

/// A gateway with one HTTP port, for a workload of these manifests.
async fn gateway_of(harness: &Harness, name: &str, manifests: &str) -> (i64, i64) {
    let workload = add_workload_of(&harness.client, harness.runtime, name, manifests).await.unwrap();
    let domain = harness.domain(name).await.unwrap();
    let definition = harness.definition(name, Some(domain), json!({"HttpPorts": [{"Port": 80}]})).await.unwrap();
    let made = harness.client.create("gateway-instances", &harness.instance(name, definition, workload)).await.unwrap();
    (workload, id_of(&made).unwrap())
}

#[tokio::test]
async fn a_service_without_pods_has_no_endpoints() {
    let harness = harness().await;
    let name = harness.name("no-pods");
    let (workload, gateway) = gateway_of(harness, &name, &answering(&name).replace("replicas: 2", "replicas: 0")).await;
    let next = ["no pod of the Service is ready", "see the workload instance's conditions"];
    says(harness, gateway, "RefsResolved", ("False", "EndpointsNotFound"), &next).await;
    let workload = harness.client.get("workload-instances", workload).await.unwrap();
    let definition = workload["WorkloadDefinitionID"].as_i64().unwrap();
    let change = json!({"YAMLDocument": answering(&name)});
    harness.client.patch("workload-definitions", definition, &change).await.unwrap();
    harness.client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
}

#[tokio::test]
async fn a_service_that_is_gone_is_missed() {
    let harness = harness().await;
    let name = harness.name("no-service");
    let (workload, gateway) = gateway_of(harness, &name, &answering(&name)).await;
    harness.client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
    harness.client.pause("workload-instances", workload).await.unwrap();
    let kube = harness.kube().await.unwrap();
    let service = labelled(&kube, SERVICE, &format!("workload-instance-{workload}")).await.remove(0);
    let services = api(&kube, SERVICE, service.metadata.namespace.as_deref());
    services.delete(&service.name_any(), &DeleteParams::default()).await.unwrap();
    let next = ["the Service is not in the cluster yet", "see the workload instance's conditions"];
    says(harness, gateway, "RefsResolved", ("False", "BackendNotFound"), &next).await;
    harness.client.go_on("workload-instances", workload).await.unwrap();
    harness.client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
}

#[tokio::test]
async fn a_class_that_no_controller_serves_is_waited_for() {
    let class = harness().await.name("nobody");
    let own = json!({"Placement": "Dedicated", "GatewayClassName": class, "HttpPorts": [{"Port": 80}]});
    let fixture = Fixture::begun("nobody", own, json!({})).await;
    let next = ["no controller has taken up", "check that its GatewayClass exists and its controller runs"];
    says(fixture.harness, fixture.gateway, "GatewayAccepted", ("Unknown", "Pending"), &next).await;
    make_class(&fixture.kube, &class).await;
    fixture.until_ready().await;
}

#[tokio::test]
async fn an_address_that_the_cloud_keeps_is_missed() {
    let own = json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]});
    let fixture = Fixture::ready("no-address", own).await;
    let gateway = fixture.own(GATEWAY).await.remove(0).name_any();
    let knobs = Knobs::new(&fixture.harness.endpoints);
    let from = [format!("{}/{gateway}", fixture.namespace())].into();
    knobs.withhold_addresses(&Withheld { from }).await.unwrap();
    let next = ["check that the cluster gives addresses to Services of type LoadBalancer"];
    says(fixture.harness, fixture.gateway, "AddressAssigned", ("False", "AddressNotAssigned"), &next).await;
    let next = ["the cloud has given its Service no address yet", "check the cluster's load balancers"];
    says(fixture.harness, fixture.gateway, "GatewayProgrammed", ("False", "AddressNotAssigned"), &next).await;
    knobs.withhold_addresses(&Withheld::default()).await.unwrap();
    fixture.until_ready().await;
}

#[tokio::test]
async fn a_listener_whose_certificate_nobody_signs_leads_to_the_certificate() {
    let harness = harness().await;
    let name = harness.name("unsigned");
    let workload = harness.workload(&name).await.unwrap();
    let domain = json!({
        "Name": name, "Domain": format!("{name}.example"), "Zone": "Public", "AdminEmail": "ops@test.example",
        "IssuerKind": "Existing", "IssuerName": name,
    });
    let domain = id_of(&harness.client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    let own = json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let definition = harness.definition(&name, Some(domain), own).await.unwrap();
    let made =
        harness.client.create("gateway-instances", &harness.instance(&name, definition, workload)).await.unwrap();
    let gateway = id_of(&made).unwrap();
    let _cleanup = Cleanup::new(&harness.client, &[("gateway-instances", gateway)]);
    let next = ["its certificate may still be on the way, see CertificatesReady"];
    says(harness, gateway, "ListenersReady", ("False", "InvalidCertificateRef"), &next).await;
    let issuer = object(json!({
        "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": name},
        "spec": {"selfSigned": {}},
    }));
    let issuers = api(&harness.kube().await.unwrap(), CLUSTER_ISSUER, None);
    issuers.create(&PostParams::default(), &issuer).await.unwrap();
    harness.client.until_ready("gateway-instances", gateway, INSTALLED).await.unwrap();
    issuers.delete(&name, &DeleteParams::default()).await.unwrap();
}

/// Its controllers leave `True` behind on routes whose Gateway is gone.
#[tokio::test]
async fn a_gateway_that_somebody_deletes_is_missed_and_made_anew() {
    let own = json!({"Placement": "Dedicated", "HttpPorts": [{"Port": 80}]});
    let fixture = Fixture::ready("deleted", own).await;
    let gateway = fixture.own(GATEWAY).await.remove(0);
    let (gateways, name) = (fixture.here(GATEWAY), gateway.name_any());
    let hold = |by: &[&str]| Patch::Merge(json!({"metadata": {"finalizers": by}}));
    gateways.patch(&name, &PatchParams::default(), &hold(&["test.example/hold"])).await.unwrap();
    gateways.delete(&name, &DeleteParams::default()).await.unwrap();
    let next = ["it is being deleted", "test.example/hold"];
    says(fixture.harness, fixture.gateway, "Applied", ("False", "Refused"), &next).await;
    gateways.patch(&name, &PatchParams::default(), &hold(&[])).await.unwrap();
    fixture
        .harness
        .client
        .until("gateway-instances", fixture.gateway, INSTALLED, |record| is_true(record, "Ready"))
        .await
        .unwrap();
    assert_ne!(fixture.own(GATEWAY).await.remove(0).uid(), gateway.uid());
}

/// Somebody's listeners on the Gateway of a class of one's own, older than any ListenerSet of ours there.
#[tokio::test]
async fn a_listener_that_somebody_has_is_a_conflict() {
    let harness = harness().await;
    let (class, name) = (harness.name("conflict"), harness.name("conflicts"));
    let kube = harness.kube().await.unwrap();
    make_class(&kube, &class).await;
    // Without a hostname its listener is on the Gateway itself.
    let workload = harness.workload(&name).await.unwrap();
    let open = json!({"GatewayClassName": class, "HttpPorts": [{"Port": 8080}]});
    let open = harness.definition(&name, None, open).await.unwrap();
    let first = harness.client.create("gateway-instances", &harness.instance(&name, open, workload)).await.unwrap();
    let first = id_of(&first).unwrap();
    let cleanup = Cleanup::new(&harness.client, &[("gateway-instances", first)]);
    harness.client.until_ready("gateway-instances", first, INSTALLED).await.unwrap();
    let gateways = api(&kube, GATEWAY, None).list(&ListParams::default()).await.unwrap();
    let gateway = gateways.iter().find(|gateway| gateway.data["spec"]["gatewayClassName"] == class).unwrap();
    let namespace = gateway.namespace().unwrap();
    let hostname = format!("taken.{name}.example");
    // Of two ListenerSets of one second the first by name has precedence.
    let foreign = object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": {"name": "a-foreign-one"},
        "spec": {
            "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway.name_any()},
            "listeners": [
                {"name": "web", "port": 8081, "protocol": "HTTP", "hostname": hostname},
                {"name": "db", "port": 8082, "protocol": "TCP"},
            ],
        },
    }));
    let sets = api(&kube, LISTENER_SET, Some(&namespace));
    sets.create(&PostParams::default(), &foreign).await.unwrap();
    let mut ours = vec![];
    for (port, reason) in [(8081, "HostnameConflict"), (8082, "ProtocolConflict")] {
        let own = harness.name(&format!("conflict-{port}"));
        let more = json!({"GatewayClassName": class, "Hostnames": [hostname], "HttpPorts": [{"Port": port}]});
        let definition = harness.definition(&own, None, more).await.unwrap();
        let made =
            harness.client.create("gateway-instances", &harness.instance(&own, definition, workload)).await.unwrap();
        let id = id_of(&made).unwrap();
        cleanup.add("gateway-instances", id);
        says(
            harness,
            id,
            "ListenersReady",
            ("False", reason),
            &["conflicts with another one", "somebody else holds that port or hostname"],
        )
        .await;
        ours.push(id);
    }
    sets.delete("a-foreign-one", &DeleteParams::default()).await.unwrap();
    for id in ours {
        harness.client.until_ready("gateway-instances", id, INSTALLED).await.unwrap();
    }
}
