//! Changes while requests run: none of them fails.

use causeway_testkit::{DOMAIN, INSTALLED, Load, Tally, Visitor, answering, harness, objects::at, until, within};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Answering, answers, renew, signed_domain};

/// Requests a second.
const RATE: u32 = 200;
/// Requests that are sent before and after a change: then it fell among them.
const AROUND: u64 = 200;

/// Waits until many more requests were answered.
async fn go_on(load: &Load) {
    let sent = load.tally().sent;
    until("further requests are answered", async || load.tally().sent > sent + AROUND).await;
}

fn none_failed(tally: &Tally) {
    eprintln!("{} requests, {:?}", tally.sent, tally.answers);
    assert_eq!(tally.failed, 0, "of {}: {:#?}", tally.sent, tally.failures);
}

#[tokio::test]
async fn no_request_fails_while_the_certificate_is_renewed() {
    let harness = harness().await;
    let name = harness.name("renewed");
    let domain = signed_domain(harness, &name, "DNS01", 1).await;
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]});
    let served = Answering::start(harness, &name, domain, ports).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints).trusting(&harness.endpoints.acme.root).unwrap();
    let url = format!("https://{name}.{DOMAIN}/");
    answers(&visitor, &url, &served.name).await;

    let load = Load::start(&visitor, &url, RATE).unwrap();
    go_on(&load).await;
    let (there, certificate) = renew(harness, &format!("{name}.{DOMAIN}")).await;
    let revision = at(&certificate, "/status/revision").as_i64().unwrap();
    within(INSTALLED, "it is renewed", async || {
        let seen = there.get(&certificate.name_any()).await.map_err(|error| error.to_string())?;
        if at(&seen, "/status/revision").as_i64() > Some(revision) { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await;
    until("the new one is presented", async || load.tally().certificates.len() == 2).await;
    go_on(&load).await;
    none_failed(&load.stop().await);
}

#[tokio::test]
async fn no_request_fails_while_the_path_and_the_service_are_changed() {
    let harness = harness().await;
    let name = harness.name("changed");
    let domain = harness.domain(&name).await.unwrap();
    // Two Services, each with pods of its own, that answer differently.
    let manifests = answering("before") + "---" + &answering("after").replace("web", "other");
    let ports = |path: &str| json!([{"Port": 80, "Path": path, "ServicePort": 80}]);
    let more = json!({"HttpPorts": ports("/"), "ServiceName": "web"});
    let served = Answering::begin(harness, &name, &manifests, Some(domain), more).await;
    served.until_ready(harness).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints);
    let url = format!("http://{name}.{DOMAIN}/shop/cart");
    answers(&visitor, &url, "before").await;

    let load = Load::start(&visitor, &url, RATE).unwrap();
    let change = async |body: Value| {
        go_on(&load).await;
        harness.client.patch("gateway-definitions", served.definition, &body).await.unwrap();
        served.until_ready(harness).await;
    };
    change(json!({"HttpPorts": ports("/shop")})).await;
    change(json!({"ServiceName": "other"})).await;
    until("the other Service answers", async || load.tally().answers.contains_key("after")).await;
    change(json!({"HttpPorts": ports("/")})).await;
    go_on(&load).await;
    let before = load.tally();
    go_on(&load).await;
    let tally = load.stop().await;
    assert_eq!(before.answers["before"], tally.answers["before"], "only the other Service answers in the end");
    none_failed(&tally);
}
