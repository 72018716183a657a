//! What filters do to requests and answers on their way.

use causeway_testkit::{
    Answer, DOMAIN, Harness, INSTALLED, Visitor, add_domain_name, add_workload_of, answering, eventually, harness,
};
use serde_json::{Value, json};

/// A workload that tells what it was asked, where [`answering`] says the same to everybody.
fn telling() -> String {
    answering("x").replace(", '--http-override=/echo?msg=x'", "")
}

fn at(path: &str, filters: &Value) -> Value {
    json!({"matches": [{"path": {"value": path}}], "filters": filters, "backendRefs": [{"name": "web", "port": 80}]})
}

/// A filter that has the workload asked for another path.
fn instead(path: &str) -> Value {
    json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": path}}})
}

fn rules() -> Value {
    let requests = json!({
        "set": [{"name": "x-set", "value": "gateway"}], "add": [{"name": "x-add", "value": "second"}], "remove": ["x-gone"],
    });
    let changed = json!([
        {"type": "RequestHeaderModifier", "requestHeaderModifier": requests},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "cache-control", "value": "no-store"}]}},
        instead("/header"),
    ]);
    let cors = json!([
        {"type": "CORS", "cors": {"allowOrigins": ["https://*.shop.example"], "allowMethods": ["GET"]}}, instead("/hostname"),
    ]);
    let away = json!({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/second"}, "statusCode": 307});
    let by_header = json!({
        "matches": [{"headers": [{"name": "x-version", "type": "RegularExpression", "value": "2.*"}], "method": "GET"}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": away}],
    });
    json!([at("/changed", &changed), at("/shared", &cors), by_header, {"backendRefs": [{"name": "web", "port": 80}]}])
}

/// Where the rules are served.
async fn served(harness: &Harness) -> String {
    let name = harness.name("filtered");
    let domain = harness.domain(&name).await.unwrap();
    let workload = add_workload_of(&harness.client, harness.runtime, &name, &telling()).await.unwrap();
    let more = json!({"HttpPorts": [{"Port": 80}], "HttpRoutes": [{"Rules": rules()}]});
    let definition = harness.definition(&name, Some(domain), more).await.unwrap();
    harness.ready_gateway(&name, definition, workload).await.unwrap();
    let published = add_domain_name(&harness.client, harness.runtime, &name, domain, workload).await.unwrap();
    harness.client.until_ready("domain-name-instances", published, INSTALLED).await.unwrap();
    format!("http://{name}.{DOMAIN}")
}

#[tokio::test]
async fn requests_and_answers_are_changed_as_filters_say() {
    let harness = harness().await;
    let (host, visitor) = (served(harness).await, Visitor::new(&harness.endpoints));
    let asked = async |path: &str, headers: &[(&str, &str)], is_so: &dyn Fn(&Answer) -> bool| {
        eventually(&format!("{path} with {headers:?} is answered as the rules say"), async || {
            let url = format!("{host}{path}");
            let answer = visitor.get_with(&url, headers).await.map_err(|error| format!("{error:#}"))?;
            if is_so(&answer) { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    };
    let sent = [("x-set", "visitor"), ("x-add", "first"), ("x-gone", "secret")];
    asked("/changed", &sent, &|answer| {
        let (seen, added) = (&answer.body, answer.body["X-Add"].to_string());
        let is_changed = seen["X-Set"] == json!(["gateway"]) && added.contains("first") && added.contains("second");
        answer.code == 200 && is_changed && seen["X-Gone"].is_null() && answer.header("cache-control") == "no-store"
    })
    .await;
    let origin = |answer: &Answer| answer.header("access-control-allow-origin").to_owned();
    let own = "https://www.shop.example";
    asked("/shared", &[("origin", own)], &|answer| answer.code == 200 && origin(answer) == own).await;
    asked("/shared", &[("origin", "https://shop.elsewhere")], &|answer| origin(answer).is_empty()).await;
    asked("/any", &[("x-version", "2.1")], &|answer| {
        answer.code == 307 && answer.header("location") == format!("{host}/second")
    })
    .await;
    asked("/any", &[("x-version", "1")], &|answer| answer.code == 200).await;
}
