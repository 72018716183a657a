//! An authority that doesn't give what it is asked for: its words are told, nothing else is lost, and the certificate comes by itself when it can.

use causeway_rig::{Knobs, OrderFault};
use causeway_testkit::{DOMAIN, INSTALLED, Visitor, answering, condition, harness};
use serde_json::{Value, json};

use super::{Answering, answers, renew, signed_domain};

/// Waits until the certificate is missing for a reason that has all these words.
async fn until_told(served: &Answering, words: &[&str]) {
    let told = |gateway: &Value| {
        let ready = condition(gateway, "CertificatesReady").cloned().unwrap_or_default();
        let message = ready["Message"].as_str().unwrap_or_default();
        ready["Status"] == "False" && words.iter().all(|word| message.contains(word))
    };
    harness().await.client.until("gateway-instances", served.gateway, INSTALLED, told).await.unwrap();
}

/// Orders are answered so, until the fault is over; then everything is served by itself.
async fn an_order_is_refused(what: &str, fault: OrderFault) {
    let harness = harness().await;
    let name = harness.name(what);
    let (domain_name, knobs) = (format!("{name}.{DOMAIN}"), Knobs::new(&harness.endpoints));
    knobs.set_order_fault(&domain_name, Some(&fault)).await.unwrap();
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let ports = json!({"HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    until_told(&served, &[&domain_name, &fault.detail]).await;
    // What needs no certificate is served meanwhile.
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("http://{domain_name}/"), &served.name).await;
    knobs.set_order_fault(&domain_name, None).await.unwrap();
    renew(harness, &domain_name).await;
    served.until_ready(harness).await;
    answers(&visitor, &format!("https://{domain_name}/"), &served.name).await;
}

#[tokio::test]
async fn an_authority_that_has_had_enough_of_an_account_is_told_in_its_words() {
    let detail = "too many certificates (50) already issued for this set of domains".to_owned();
    an_order_is_refused("limited", OrderFault { status: 429, problem: "rateLimited".into(), detail }).await;
}

#[tokio::test]
async fn an_authority_that_may_not_sign_for_a_domain_is_told_in_its_words() {
    let detail = "CAA record for the domain prevents issuance".to_owned();
    an_order_is_refused("forbidden", OrderFault { status: 403, problem: "caa".into(), detail }).await;
}

#[tokio::test]
async fn an_authority_that_is_not_there_is_told_and_another_one_signs() {
    let harness = harness().await;
    let name = harness.name("absent");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let closed = format!("https://127.0.0.1:{}/dir", causeway_rig::free_port().unwrap());
    let to = async |server: &str| {
        let change = json!({"AcmeServer": server});
        harness.client.patch("domain-name-definitions", domain, &change).await.unwrap();
    };
    to(&closed).await;
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    until_told(&served, &["can't sign", "connection refused", "correct the domain name definition"]).await;
    to(&harness.endpoints.acme.directory).await;
    served.publish(harness, domain).await;
    served.until_ready(harness).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("https://{name}.{DOMAIN}/"), &served.name).await;
}
