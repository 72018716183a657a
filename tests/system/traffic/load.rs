//! Changes while requests run: none of them fails.

use causeway_testkit::{
    DOMAIN, INSTALLED, Load, Tally, Visitor, answering, eventually, harness, objects::at, until, within,
};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Answering, answers, renew, signed_domain};

/// Requests a second.
pub(super) const RATE: u32 = 200;
/// Requests that are sent before and after a change: then it fell among them.
const AROUND: u64 = 200;

/// Waits until many more requests were answered.
pub(super) async fn go_on(load: &Load) {
    let sent = load.tally().sent;
    until("further requests are answered", async || load.tally().sent > sent + AROUND).await;
}

pub(super) fn none_failed(tally: &Tally) {
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

/// Two Services, each with pods of its own, that answer differently.
pub(super) fn two_services() -> String {
    answering("before") + "---" + &answering("after").replace("web", "other")
}

#[tokio::test]
async fn no_request_fails_while_the_path_and_the_service_are_changed() {
    let harness = harness().await;
    let name = harness.name("changed");
    let domain = harness.domain(&name).await.unwrap();
    let manifests = two_services();
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

/// Waits until so many requests in a row are answered by these, by each of them, and by nobody else.
pub(super) async fn only(load: &Load, texts: &[&str]) {
    eventually(&format!("only {texts:?} answer"), async || {
        let before = load.tally().answers;
        go_on(load).await;
        let mut now = load.tally().answers;
        now.retain(|text, count| *count > before.get(text).copied().unwrap_or_default());
        if now.keys().eq(texts) { Ok(()) } else { Err(now) }
    })
    .await;
}

#[tokio::test]
async fn no_request_fails_while_the_weights_of_two_services_are_changed() {
    let harness = harness().await;
    let name = harness.name("weighed");
    let domain = harness.domain(&name).await.unwrap();
    let weights = |web: u32, other: u32| {
        let to = |service: &str, weight: u32| json!({"name": service, "port": 80, "weight": weight});
        json!([{"Rules": [{"backendRefs": [to("web", web), to("other", other)]}]}])
    };
    let more = json!({"HttpPorts": [{"Port": 80}], "HttpRoutes": weights(100, 0)});
    let served = Answering::begin(harness, &name, &two_services(), Some(domain), more).await;
    served.until_ready(harness).await;
    served.publish(harness, domain).await;
    let visitor = Visitor::new(&harness.endpoints);
    let url = format!("http://{name}.{DOMAIN}/");
    answers(&visitor, &url, "before").await;

    let load = Load::start(&visitor, &url, RATE).unwrap();
    only(&load, &["before"]).await;
    for (web, other, texts) in [(50, 50, vec!["after", "before"]), (0, 100, vec!["after"]), (100, 0, vec!["before"])] {
        let change = json!({"HttpRoutes": weights(web, other)});
        harness.client.patch("gateway-definitions", served.definition, &change).await.unwrap();
        served.until_ready(harness).await;
        only(&load, &texts).await;
    }
    none_failed(&load.stop().await);
}
