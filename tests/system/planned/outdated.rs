//! A plan that isn't true any more.

use hyper::Method;
use serde_json::{Value, json};

use crate::fixture::Fixture;

#[tokio::test]
async fn a_write_whose_effect_has_become_another_is_refused() {
    let fixture = Fixture::ready("outdated", json!({"HttpPorts": [{"Port": 80}]})).await;
    let client = &fixture.harness.client;
    let path = format!("/v0/gateway-definitions/{}", fixture.definition);
    let send = async |query: &str, revision: &str, body: Value| {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend((!revision.is_empty()).then_some(("If-Plan", revision)));
        client.send_raw(Method::PATCH, &format!("{path}{query}"), &headers, body.to_string()).await.unwrap()
    };
    let paths = |path: &str| json!({"HttpPorts": [{"Port": 80, "Path": path}]});
    let plan = send("?plan=true", "", paths("/a")).await.answered(200);
    let revision = plan.header("plan-revision").to_owned();
    assert_eq!(plan.record()["Revision"], revision.as_str());
    assert_eq!(
        send("?plan=true", "", paths("/a")).await.answered(200).header("plan-revision"),
        revision,
        "the same again"
    );
    send("", &revision, paths("/b")).await.refused(412, "something else than that plan").because("PlanOutdated", &[]);
    send("", "", json!({"SubDomain": "other"})).await.answered(200);
    let late = send("", &revision, json!({"SubDomain": "other", "HttpPorts": [{"Port": 80, "Path": "/a"}]})).await;
    late.refused(412, "ask for a plan again");
    assert_eq!(client.get("gateway-definitions", fixture.definition).await.unwrap()["SubDomain"], "other");
}
