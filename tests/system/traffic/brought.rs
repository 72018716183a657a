//! HTTPS with a certificate in a Secret that somebody brings: nothing is ordered, and the Secret stays theirs.

use causeway_testkit::{
    DOMAIN, INSTALLED, Visitor, answering, api, condition, harness,
    kinds::{CERTIFICATE, SECRET},
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use super::{Answering, all_of, answers, presented, tls::Proof};

/// Waits until the certificate is missing for this reason, and returns the message.
async fn until_told(served: &Answering, reason: &str) -> String {
    let harness = harness().await;
    let told = |gateway: &Value| condition(gateway, "CertificatesReady").is_some_and(|ready| ready["Reason"] == reason);
    let gateway = harness.client.until("gateway-instances", served.gateway, INSTALLED, told).await.unwrap();
    condition(&gateway, "CertificatesReady").unwrap()["Message"].as_str().unwrap().to_owned()
}

async fn bring(secrets: &Api<DynamicObject>, name: &str, proof: &Proof) -> DynamicObject {
    let mut secret: Value = serde_json::from_str(&proof.secret).unwrap();
    secret["metadata"]["name"] = json!(name);
    secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap()
}

#[tokio::test]
async fn https_is_served_with_a_secret_that_somebody_brings_for_as_long_as_it_is_there() {
    let harness = harness().await;
    let name = harness.name("brought");
    let (host, secret) = (format!("{name}.{DOMAIN}"), format!("{name}-tls"));
    let domain = harness.domain(&name).await.unwrap();
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true, "TLSSecretName": secret}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    // The condition says where it is missed.
    let message = until_told(&served, "SecretNotFound").await;
    let place = message.strip_prefix("Secret ").and_then(|rest| rest.split_once(' ')).unwrap().0.to_owned();
    let (namespace, named) = place.split_once('/').unwrap();
    assert_eq!(named, secret, "{message}");
    let kube = harness.kube().await.unwrap();
    let secrets = api(&kube, SECRET, Some(namespace));

    bring(&secrets, &secret, &Proof::of("elsewhere.test")).await;
    let message = until_told(&served, "WrongHostname").await;
    assert!(message.contains("is for elsewhere.test;") && message.contains(&host), "{message}");
    secrets.delete(&secret, &DeleteParams::default()).await.unwrap();

    let proof = Proof::of(&host);
    bring(&secrets, &secret, &proof).await;
    served.until_ready(harness).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&proof.authority).unwrap();
    let url = format!("https://{host}/");
    answers(&visitor, &url, &name).await;
    assert_eq!(presented(&visitor, &url).await, proof.certificate);
    let ordered = all_of(&kube, CERTIFICATE).await.unwrap();
    let is_of_host = |certificate: &&DynamicObject| certificate.data["spec"]["dnsNames"][0] == host.as_str();
    assert_eq!(ordered.iter().filter(is_of_host).count(), 0, "nothing is ordered");

    secrets.delete(&secret, &DeleteParams::default()).await.unwrap();
    until_told(&served, "SecretNotFound").await;
    let restored = bring(&secrets, &secret, &proof).await;
    served.until_ready(harness).await;
    answers(&visitor, &url, &name).await;

    // It is theirs: it outlives the gateway, as it was.
    harness.client.delete_and_wait("gateway-instances", served.gateway, INSTALLED).await.unwrap();
    let left = secrets.get(&secret).await.unwrap();
    assert_eq!((left.uid(), left.resource_version()), (restored.uid(), restored.resource_version()));
    secrets.delete(&secret, &DeleteParams::default()).await.unwrap();
}
