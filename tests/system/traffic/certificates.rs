//! HTTPS with certificates of an authority that has looked for itself.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_rig::EXTERNAL_ACCOUNT;
use causeway_testkit::{
    DOMAIN, INSTALLED, Visitor, answering, api, condition, eventually, harness, id_of, kinds::SECRET,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Answering, answers, certificate_of, signed_domain};

#[tokio::test]
async fn https_is_served_with_a_certificate_that_the_authority_gave_after_it_looked_into_the_zone() {
    let harness = harness().await;
    let name = harness.name("signed");
    let (acme, domain) = (&harness.endpoints.acme, signed_domain(harness, &name, "DNS01", 1).await);
    let ports = json!({"HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}]});
    let served = Answering::start(harness, "signed", domain, ports).await;
    served.publish(harness, domain).await;

    let host = format!("{name}.{DOMAIN}");
    let visitor = Visitor::new(&harness.endpoints).trusting(&acme.root).unwrap();
    answers(&visitor, &format!("https://{host}/"), &served.name).await;
    eventually("plain HTTP leads to HTTPS", async || {
        let answer = visitor.get(&format!("http://{host}/page")).await.map_err(|error| format!("{error:#}"))?;
        let led = answer.code == 301 && answer.header("location") == format!("https://{host}/page");
        if led { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    // Who trusts the authority's own server doesn't trust its chains: the check is a real one.
    let stranger = Visitor::new(&harness.endpoints).trusting(&acme.ca).unwrap();
    let refused = stranger.get(&format!("https://{host}/")).await.unwrap_err();
    assert!(format!("{refused:#}").contains("UnknownIssuer"), "{refused:#}");
}

/// Also: what the authority says is told, and when it can see the proof later, the certificate comes by itself.
#[tokio::test]
async fn a_proof_that_the_authority_cannot_see_is_told_in_its_words_and_one_through_our_own_gateway_is_seen() {
    let harness = harness().await;
    let name = harness.name("proved");
    // The authority is asked to look before anybody has published where the name leads.
    let domain = signed_domain(harness, &name, "HTTP01", 3).await;
    // The proof is on port 80, which redirects everything else.
    let ports = json!({"HttpPorts": [{"Port": 80, "HTTPSRedirect": true}, {"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    let host = format!("{name}.{DOMAIN}");
    let in_its_words = |gateway: &Value| {
        let message = condition(gateway, "CertificatesReady").and_then(|ready| ready["Message"].as_str());
        message.is_some_and(|message| {
            message.contains(&format!("the authority doesn't believe that {host} is ours"))
                && message.contains("could not resolve URL")
        })
    };
    harness.client.until("gateway-instances", served.gateway, INSTALLED, in_its_words).await.unwrap();
    served.publish(harness, domain).await;
    served.until_ready(harness).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("https://{host}/"), &served.name).await;
}

/// The owner is somebody whom the authority knows from elsewhere; the certificates are short, with short keys, and are renewed when half of their time is over.
#[tokio::test]
async fn a_domain_says_what_its_certificates_are_like_and_who_its_owner_is_at_the_authority() {
    let harness = harness().await;
    let (client, name) = (&harness.client, harness.name("profiled"));
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let change = async |body: Value| client.patch("domain-name-definitions", domain, &body).await.unwrap();
    let (key_id, key) = EXTERNAL_ACCOUNT;
    change(json!({
        "AcmeExternalAccountKeyID": "somebody", "AcmeExternalAccountKey": key, "AcmeProfile": "shortlived", "KeyType": "ECDSA256",
        "RenewBeforePercentage": 50,
    }))
    .await;
    let stored = client.get("domain-name-definitions", domain).await.unwrap();
    assert_ne!(stored["AcmeExternalAccountKey"], key, "it is ciphertext");
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    let refused = |gateway: &Value| {
        let message = condition(gateway, "CertificatesReady").and_then(|ready| ready["Message"].as_str());
        message.is_some_and(|message| message.contains("can't sign") && message.contains("a key that is not known"))
    };
    client.until("gateway-instances", served.gateway, INSTALLED, refused).await.unwrap();
    change(json!({"AcmeExternalAccountKeyID": key_id})).await;
    served.publish(harness, domain).await;
    served.until_ready(harness).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("https://{name}.{DOMAIN}/"), &served.name).await;

    let (_, certificate) = certificate_of(harness, &format!("{name}.{DOMAIN}")).await;
    let time = |field: &str| {
        let text = certificate.data["status"][field].as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text).unwrap()
    };
    let lifetime = time("notAfter") - time("notBefore");
    // The last second counts as one.
    assert_eq!(lifetime + chrono::TimeDelta::seconds(1), chrono::TimeDelta::days(6));
    let left = time("notAfter") - time("renewalTime");
    assert!((left - lifetime / 2).num_minutes().abs() <= 1, "{left}");
    let secrets = api(&harness.kube().await.unwrap(), SECRET, certificate.metadata.namespace.as_deref());
    let secret = secrets.get(&certificate.name_any()).await.unwrap();
    let pem = STANDARD.decode(secret.data["data"]["tls.key"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(pem).unwrap().contains("BEGIN EC PRIVATE KEY"));
}

/// Manifests of a server of gRPC's own health service, which speaks HTTP/2 without TLS.
const HEALTH: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: health}
spec:
  selector: {matchLabels: {app: health}}
  template:
    metadata: {labels: {app: health}}
    spec:
      containers:
        - name: health
          image: registry.k8s.io/e2e-test-images/agnhost:2.53
          args: [grpc-health-checking]
          readinessProbe: {tcpSocket: {port: 5000}}
---
apiVersion: v1
kind: Service
metadata: {name: health}
spec: {selector: {app: health}, ports: [{name: grpc, port: 5000, appProtocol: kubernetes.io/h2c}]}
";

#[tokio::test]
async fn a_call_of_grpc_arrives_through_the_https_listener() {
    let harness = harness().await;
    let name = harness.name("grpc");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true, "ServicePort": 5000}]});
    let served = Answering::begin(harness, &name, HEALTH, Some(domain), ports).await;
    served.until_ready(harness).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    let host = format!("{name}.{DOMAIN}");
    eventually("the health service answers", async || match visitor.grpc_health(&host).await {
        // Field 1 of the answer, the state, is 1: it serves.
        Ok((message, status)) if status == "0" && message == [0, 0, 0, 0, 2, 8, 1] => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}

/// The rule is for the method that is called, and then for another one.
#[tokio::test]
async fn a_call_of_grpc_goes_where_a_rule_for_its_method_says() {
    let harness = harness().await;
    let name = harness.name("called");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let rules = |service: &str| {
        let method = json!({"service": service, "method": "Check"});
        json!([{"matches": [{"method": method}], "backendRefs": [{"name": "health", "port": 5000}]}])
    };
    let routes = json!([{"Rules": rules("grpc.health.v1.Health")}]);
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}], "GrpcRoutes": routes});
    let served = Answering::begin(harness, &name, HEALTH, Some(domain), ports).await;
    served.until_ready(harness).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    let host = format!("{name}.{DOMAIN}");
    let ends_with = async |wanted: &str| {
        eventually(&format!("the call ends with status {wanted}"), async || match visitor.grpc_health(&host).await {
            Ok((_, status)) if status == wanted => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    };
    ends_with("0").await;
    let query = format!("gatewaydefinitionid={}", served.definition);
    let route = id_of(&harness.client.list("gateway-grpc-routes", &query).await.unwrap()[0]).unwrap();
    harness.client.patch("gateway-grpc-routes", route, &json!({"Rules": rules("shop.v1.Cart")})).await.unwrap();
    // UNIMPLEMENTED: nothing is there for it.
    ends_with("12").await;
}
