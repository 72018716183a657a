//! Listeners of a platform team's Gateway whose certificates are ordered.

use causeway_testkit::{
    DOMAIN, INSTALLED, SOON, Visitor, add_workload_of, answering, api, condition, harness, id_of,
    kinds::{CERTIFICATE, NAMESPACE},
    objects::{goes, object},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use super::{Answering, answers, certificate_of, signed_domain};

#[tokio::test]
async fn a_listener_of_a_platform_team_is_served_with_a_certificate_that_is_ordered_once_for_all_who_attach() {
    let harness = harness().await;
    let (kube, name, ingress) = (harness.kube().await.unwrap(), harness.name("given"), harness.name("ingress"));
    let namespaces = api(&kube, NAMESPACE, None);
    let namespace = object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ingress}}));
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let under = format!("*.{name}.{DOMAIN}");
    let body = json!({
        "Name": ingress, "KubernetesRuntimeInstanceID": harness.runtime, "Namespace": ingress, "DomainNameDefinitionID": domain,
        "Listeners": [{"Name": "https", "Port": 443, "Protocol": "HTTPS", "Hostname": under}], "AttachableBy": "All",
    });
    let gateway = id_of(&harness.client.create("shared-gateways", &body).await.unwrap()).unwrap();
    // Before anybody attaches.
    let ready = harness.client.until_ready("shared-gateways", gateway, INSTALLED).await.unwrap();
    assert_eq!(condition(&ready, "CertificatesReady").unwrap()["Message"], "one certificate");
    let (certificates, ordered) = certificate_of(harness, &under).await;
    assert_eq!(ordered.metadata.namespace.as_deref(), Some(ingress.as_str()));

    let (visitor, mut served) =
        (Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap(), vec![]);
    for what in ["one", "two"] {
        let own = harness.name(what);
        let workload = add_workload_of(&harness.client, harness.runtime, &own, &answering(&own)).await.unwrap();
        let host = format!("{what}.{name}.{DOMAIN}");
        let ports = json!({"Hostnames": [host], "HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
        let definition = harness.definition(&own, Some(domain), ports).await.unwrap();
        let mut body = harness.instance(&own, definition, workload);
        body["SharedGatewayID"] = json!(gateway);
        let instance = id_of(&harness.client.create("gateway-instances", &body).await.unwrap()).unwrap();
        let attached = Answering { name: own, workload, definition, gateway: instance };
        attached.until_ready(harness).await;
        let record = harness.client.get("gateway-instances", instance).await.unwrap();
        assert_eq!(condition(&record, "CertificatesReady").unwrap()["Message"], "one certificate");
        let published = attached.publish(harness, domain).await;
        answers(&visitor, &format!("https://{host}/"), &attached.name).await;
        served.push((attached, published));
    }
    let same = certificates.get(&ordered.name_any()).await.unwrap();
    assert_eq!(same.metadata.uid, ordered.metadata.uid, "it is one for both");

    // It goes along with the Gateway; the namespace stays.
    for (attached, published) in served {
        harness.client.delete("domain-name-instances", published).await.unwrap();
        harness.client.delete("gateway-instances", attached.gateway).await.unwrap();
        harness.client.until_gone("gateway-instances", attached.gateway, INSTALLED).await.unwrap();
    }
    harness.client.delete("shared-gateways", gateway).await.unwrap();
    harness.client.until_gone("shared-gateways", gateway, SOON).await.unwrap();
    goes(&api(&kube, CERTIFICATE, Some(&ingress)), &ordered.name_any(), "the certificate goes").await;
    namespaces.delete(&ingress, &DeleteParams::default()).await.unwrap();
}
