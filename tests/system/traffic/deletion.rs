//! The order in which a gateway goes, so that nobody is led to where nothing answers.

use std::time::Duration;

use causeway_rig::{ClusterEndpoints, Knobs};
use causeway_testkit::{
    DOMAIN, INSTALLED, Load, Visitor, answering, api, eventually, harness, id_of, kinds::GATEWAY_CLASS,
};
use chrono::{DateTime, Utc};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::{Answering, answers};
use crate::fixture::{make_class, our_writes};

/// Seconds for which answers of DNS may be kept.
const TTL: u64 = 4;

#[tokio::test]
async fn the_record_goes_first_then_a_ttl_passes_then_the_route_then_the_listener() {
    let harness = harness().await;
    let (name, kube) = (harness.name("leaving"), harness.kube().await.unwrap());
    let host = format!("{name}.{DOMAIN}");
    let domain = json!({
        "Name": name, "Domain": host, "Zone": "Public", "AdminEmail": "ops@test.example", "TTL": TTL,
        "IssuerKind": "SelfSigned",
    });
    let domain = id_of(&harness.client.create("domain-name-definitions", &domain).await.unwrap()).unwrap();
    // A class of its own has a shared gateway of its own: whatever goes of that goes because of this test.
    let more = json!({"HttpPorts": [{"Port": 80}], "GatewayClassName": name});
    let served = Answering::begin(harness, &name, &answering(&name), Some(domain), more).await;
    make_class(&kube, &name).await;
    served.until_ready(harness).await;
    let shared = harness.client.list("shared-gateways", &format!("gatewayclassname={name}")).await.unwrap();
    let shared = format!("shared-gateway-{}", shared[0]["ID"]);
    served.publish(harness, domain).await;
    let (visitor, url) = (Visitor::new(&harness.endpoints), format!("http://{host}/"));
    answers(&visitor, &url, &name).await;

    // Somebody who has asked where the name leads, and goes there for as long as that may be believed.
    let remembering = visitor.clone().remembering(visitor.resolve(&host).await.unwrap());
    let load = Load::start(&remembering, &url, 20).unwrap();
    harness.client.delete_and_wait("gateway-instances", served.gateway, INSTALLED).await.unwrap();
    let tally = load.stop().await;

    let journal = Knobs::new(&harness.endpoints).route53_journal_of(&harness.zone, 0).await.unwrap();
    let withdrawn = journal.iter().find(|entry| entry.action == "DELETE" && entry.name == format!("{host}."));
    let withdrawn = withdrawn.expect("the record went").at;
    let believed = withdrawn + Duration::from_secs(TTL);
    let cluster = harness.endpoints.cluster();
    let route = deleted(cluster, &format!("/httproutes/{name}-")).await;
    let early = believed - route;
    assert!(route >= believed, "the record went at {withdrawn}, and the route at {route}, {early} too early");
    // Whoever asks is answered until the route goes. What is under way in that moment may find it or not.
    let failed = tally.failures.iter().find(|failure| DateTime::<Utc>::from(failure.ended) < route);
    assert!(failed.is_none(), "the record went at {withdrawn}, the route at {route}: {failed:?}");
    // Nobody uses the class any more, so its gateway goes, too. Listeners and Gateway are two records: without a route either may be first.
    let listeners = deleted(cluster, &format!("/listenersets/{shared}-")).await;
    let gateway = deleted(cluster, &format!("/gateways/{shared}")).await;
    assert!(route <= listeners && route <= gateway, "{route}, listeners {listeners}, Gateway {gateway}");
    api(&kube, GATEWAY_CLASS, None).delete(&name, &DeleteParams::default()).await.unwrap();
}

/// When the control plane deleted an object first, by a part of its address.
async fn deleted(cluster: &ClusterEndpoints, part: &str) -> DateTime<Utc> {
    eventually(&format!("{part} goes"), async || {
        let writes = our_writes(cluster, part).await;
        let what = |event: &Value| format!("{} {}", event["verb"], event["requestURI"]);
        let deletion = writes.iter().find(|event| event["verb"] == "delete");
        let deletion =
            deletion.ok_or_else(|| format!("it was not deleted; we last wrote {:?}", writes.last().map(what)))?;
        let at = deletion["requestReceivedTimestamp"].as_str().unwrap_or_default();
        at.parse().map_err(|_| format!("the log has no time: {deletion}"))
    })
    .await
}
