//! An authority that doesn't give what it is asked for: its words are told, nothing else is lost, and the certificate comes by itself when it can.

use causeway_rig::{Knobs, OrderFault};
use causeway_testkit::{
    DOMAIN, Harness, INSTALLED, Visitor, answering, api, condition, harness,
    kinds::{Gvk, POD},
    objects::goes,
    within,
    zone::{create_zone, delete_zone, put_record, remove_record},
};
use kube::{
    ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams},
};
use serde_json::{Value, json};

use super::{Answering, all_of, answers, renew, signed_domain};

/// Waits until the certificate is missing for a reason that has all these words.
async fn until_told(served: &Answering, words: &[&str]) {
    let told = |gateway: &Value| {
        let ready = condition(gateway, "CertificatesReady").cloned().unwrap_or_default();
        let message = ready["Message"].as_str().unwrap_or_default();
        ready["Status"] == "False" && words.iter().all(|word| message.contains(word))
    };
    harness().await.client.until("gateway-instances", served.gateway, INSTALLED, told).await.unwrap();
}

/// Orders for one of two hostnames of a gateway are answered so, until the fault is over; then a person has the certificate ordered once more.
async fn an_order_is_refused(what: &str, fault: OrderFault) {
    let harness = harness().await;
    let name = harness.name(what);
    let [refused, other] = ["refused", "other"].map(|sub| format!("{sub}.{name}.{DOMAIN}"));
    let knobs = Knobs::new(&harness.endpoints);
    knobs.set_order_fault(&refused, Some(&fault)).await.unwrap();
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let more = json!({"Hostnames": [refused, other], "HttpPorts": [{"Port": 80}, {"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), more).await;
    until_told(&served, &[&refused, &fault.detail]).await;
    // What needs no certificate is served meanwhile, and what has one.
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("http://{refused}/"), &served.name).await;
    answers(&visitor, &format!("https://{other}/"), &served.name).await;
    knobs.set_order_fault(&refused, None).await.unwrap();
    renew(harness, &refused).await;
    served.until_ready(harness).await;
    answers(&visitor, &format!("https://{refused}/"), &served.name).await;
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

/// Somebody has delegated the name of the proof to a zone of their own, so the authority doesn't see what cert-manager writes.
#[tokio::test]
async fn a_proof_that_is_another_one_in_the_world_is_told_in_the_authoritys_words() {
    let harness = harness().await;
    let (endpoints, name) = (&harness.endpoints, harness.name("proof"));
    let host = format!("{name}.{DOMAIN}");
    let proof = format!("_acme-challenge.{host}");
    let theirs = create_zone(endpoints, &proof).await.unwrap();
    put_record(endpoints, &theirs, &proof, "TXT", "\"of-another-order\"").await.unwrap();
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    // cert-manager would look for the zone in DNS, and write into theirs.
    let change = json!({"HostedZoneID": harness.zone, "DnsDriver": "route53"});
    harness.client.patch("domain-name-definitions", domain, &change).await.unwrap();
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    let told = format!("the authority doesn't believe that {host} is ours");
    until_told(&served, &[&told, "Correct value not found for DNS challenge"]).await;
    remove_record(endpoints, &theirs, &proof, "TXT", "\"of-another-order\"").await.unwrap();
    delete_zone(endpoints, &theirs).await.unwrap();
    renew(harness, &host).await;
    served.publish(harness, domain).await;
    served.until_ready(harness).await;
    let visitor = Visitor::new(endpoints).trusting(&endpoints.acme.root).unwrap();
    answers(&visitor, &format!("https://{host}/"), &served.name).await;
}

/// Nobody does anything about it.
#[tokio::test]
async fn an_authority_that_is_down_is_told_and_signs_when_it_is_back() {
    let harness = harness().await;
    let name = harness.name("down");
    let (host, knobs, acme) = (format!("{name}.{DOMAIN}"), Knobs::new(&harness.endpoints), &harness.endpoints.acme);
    let detail = "the service is down for maintenance".to_owned();
    let fault = OrderFault { status: 503, problem: "serverInternal".into(), detail };
    knobs.set_order_fault(&host, Some(&fault)).await.unwrap();
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let change = json!({"AcmeServer": format!("{}/{host}", acme.directory)});
    harness.client.patch("domain-name-definitions", domain, &change).await.unwrap();
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    until_told(&served, &["can't sign", &fault.detail, "cert-manager asks it again by itself"]).await;
    served.publish(harness, domain).await;
    knobs.set_order_fault(&host, None).await.unwrap();
    served.until_ready(harness).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&acme.root).unwrap();
    answers(&visitor, &format!("https://{host}/"), &served.name).await;
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

const ORDER: Gvk<'static> = ("acme.cert-manager.io", "v1", "Order");

/// The orders of a certificate for a hostname, with the state of each.
async fn orders_of(harness: &Harness, hostname: &str) -> Vec<(String, String)> {
    let all = all_of(&harness.kube().await.unwrap(), ORDER).await.unwrap();
    let of_host = all.iter().filter(|order| order.data["spec"]["dnsNames"] == json!([hostname]));
    let state = |order: &DynamicObject| order.data["status"]["state"].as_str().unwrap_or_default().to_owned();
    of_host.map(|order| (order.uid().unwrap(), state(order))).collect()
}

/// Pods go when a node is drained, or cert-manager is upgraded. The one that comes after it goes on with the order: the authority counts orders.
/// It is the cert-manager of all tests of this cluster. The others wait for it some seconds longer: it goes on with their orders in the same way.
#[tokio::test]
async fn a_cert_manager_that_is_restarted_in_the_middle_of_an_order_goes_on_with_it() {
    let harness = harness().await;
    let name = harness.name("restarted");
    let hostname = format!("{name}.{DOMAIN}");
    // Between the proof and the question to the authority there is time enough for a restart, on a slow machine, too.
    let domain = signed_domain(harness, &name, "DNS01", 60).await;
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), ports).await;
    let kube = harness.kube().await.unwrap();
    let order =
        within(INSTALLED, "the order is pending", async || match orders_of(harness, &hostname).await.as_slice() {
            [(uid, state)] if state == "pending" => Ok(uid.clone()),
            other => Err(other.to_vec()),
        })
        .await;
    let controllers = ListParams::default().labels("app.kubernetes.io/name=cert-manager");
    let pods = api(&kube, POD, Some("cert-manager"));
    let before = pods.list(&controllers).await.unwrap().items;
    assert!(!before.is_empty(), "cert-manager runs");
    for pod in &before {
        pods.delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
        goes(&pods, &pod.name_any(), "the pod is gone").await;
    }
    assert_eq!(orders_of(harness, &hostname).await, [(order.clone(), "pending".to_owned())], "it was in the middle");
    served.publish(harness, domain).await;
    served.until_ready(harness).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    answers(&visitor, &format!("https://{hostname}/"), &served.name).await;
    assert_eq!(orders_of(harness, &hostname).await, [(order, "valid".to_owned())], "nothing was ordered twice");
}
