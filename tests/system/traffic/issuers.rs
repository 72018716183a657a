//! HTTPS with certificates of an authority of one's own: one whose key pair is in the cluster, and an issuer that somebody else looks after.

use causeway_testkit::{
    DOMAIN, Visitor, answering, api, eventually, harness, id_of,
    kinds::{CLUSTER_ISSUER, SECRET},
    objects::{at, object},
};
use kube::api::PostParams;
use rcgen::KeyPair;
use serde_json::json;

use super::{Answering, answers, certificate_of, tls::own_authority};

/// The namespace of the cert-manager that Causeway installs.
const CERT_MANAGER: &str = "cert-manager";

#[tokio::test]
async fn https_is_served_with_certificates_of_an_own_authority_whoever_made_its_issuer() {
    let harness = harness().await;
    let (kube, theirs) = (harness.kube().await.unwrap(), harness.name("authority"));
    let key = KeyPair::generate().unwrap();
    let authority = own_authority(&theirs).self_signed(&key).unwrap().pem();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": theirs},
        "stringData": {"tls.crt": authority, "tls.key": key.serialize_pem()},
    });
    let issuer = json!({
        "apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": theirs},
        "spec": {"ca": {"secretName": theirs}},
    });
    let mut served = vec![];
    for kind in ["CA", "Existing"] {
        let name = harness.name(&kind.to_lowercase());
        let domain = json!({
            "Name": name, "Domain": format!("{name}.{DOMAIN}"), "Zone": "Public", "AdminEmail": "ops@test.example",
            "TTL": 1, "IssuerKind": kind, "IssuerName": theirs,
        });
        let domain = id_of(&harness.client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
        let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
        served.push((Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await, domain));
    }
    // As soon as cert-manager is installed, which the gateways ask for.
    for (kind, namespace, manifest) in [(SECRET, Some(CERT_MANAGER), secret), (CLUSTER_ISSUER, None, issuer)] {
        let (there, wanted) = (api(&kube, kind, namespace), object(manifest));
        eventually("it can be made", async || {
            there.create(&PostParams::default(), &wanted).await.map_err(|error| error.to_string())
        })
        .await;
    }
    let visitor = Visitor::new(&harness.endpoints).trusting(&authority).unwrap();
    let mut issuers = vec![];
    for (gateway, domain) in &served {
        gateway.until_ready(harness).await;
        gateway.publish(harness, *domain).await;
        let host = format!("{}.{DOMAIN}", gateway.name);
        answers(&visitor, &format!("https://{host}/"), &gateway.name).await;
        let (_, certificate) = certificate_of(harness, &host).await;
        issuers.push(at(&certificate, "/spec/issuerRef/name").as_str().unwrap().to_owned());
    }
    assert_ne!(issuers[0], theirs, "the one with the key pair is made for the domain");
    assert_eq!(issuers[1], theirs);
    // Whoever trusts another authority doesn't trust this one: the check is a real one.
    let stranger = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    let refused = stranger.get(&format!("https://{}.{DOMAIN}/", served[0].0.name)).await.unwrap_err();
    assert!(format!("{refused:#}").contains("UnknownIssuer"), "{refused:#}");
}
