//! Who changed what, when.

use causeway_testkit::{Answer, unique_name};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{JSON, chain::Chain, delete, get, id, made, patch, post, put, send};

/// A request with an id of its own.
async fn with_id(method: Method, path: &str, body: &Value) -> (String, Answer) {
    let request = Uuid::new_v4().to_string();
    let headers = [JSON[0], ("x-request-id", &request)];
    let answer = send(method, path, &headers, body.to_string()).await;
    (request, answer)
}

async fn events(query: &str) -> Vec<Value> {
    let listed = get(&format!("/v0/audit-events?{query}")).await;
    assert_eq!((listed.code, &listed.body["Type"]), (200, &json!("AuditEvent")), "{}", listed.text);
    listed.body["Data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_verb_leaves_one_event_with_the_requests_id() {
    let body = json!({"Name": unique_name("audit"), "HttpPorts": [{"Port": 80}]});
    let (create, answer) = with_id(Method::POST, "/v0/gateway-definitions", &body).await;
    let own = id(answer.done(201).record());
    let path = format!("/v0/gateway-definitions/{own}");
    let (change, answer) = with_id(Method::PATCH, &path, &json!({"ServiceName": "web"})).await;
    let changed = answer.done(200);
    let (replace, _) = with_id(Method::PUT, &path, &json!({"Name": body["Name"]})).await;
    let (remove, answer) = with_id(Method::DELETE, &path, &json!({})).await;
    answer.done(200);
    let all = events(&format!("objectid={own}")).await;
    let told: Vec<_> = all.iter().map(|event| (event["Action"].as_str(), event["RequestID"].as_str())).collect();
    let expected = [("Create", &create), ("Update", &change), ("Update", &replace), ("Delete", &remove)];
    assert_eq!(told, expected.map(|(action, request)| (Some(action), Some(request.as_str()))));
    assert!(all.iter().all(|event| event["Caller"] == "anonymous" && event["ObjectKind"] == "GatewayDefinition"));
    assert_eq!(all[1]["Changes"], json!([{"Field": "ServiceName", "New": "web"}]));
    assert_eq!(all[1]["CreatedAt"], changed.record()["UpdatedAt"]);
    assert_eq!(all[2]["Changes"], json!([{"Field": "ServiceName", "Old": "web"}]));
    let one = get(&format!("/v0/audit-events/{}", all[0]["ID"])).await.done(200);
    assert_eq!(one.record(), &all[0]);
}

#[tokio::test]
async fn what_is_refused_leaves_none() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("refused")})).await;
    let path = format!("/v0/gateway-definitions/{own}");
    for (method, body, code) in [
        (Method::PATCH, json!({"Nonsense": 1}), 400),
        (Method::PATCH, json!({"DomainNameDefinitionID": 1}), 400),
        (Method::PUT, json!({}), 400),
    ] {
        let (request, answer) = with_id(method, &path, &body).await;
        assert_eq!((answer.code, events(&format!("requestid={request}")).await), (code, vec![]), "{}", answer.text);
    }
    let headers = [JSON[0], ("If-Match", "\"0\"")];
    send(Method::DELETE, &path, &headers, "").await.refused(412, "has changed");
    assert_eq!(events(&format!("objectid={own}")).await.len(), 1);
}

#[tokio::test]
async fn sets_and_deletions_of_many_leave_one_for_each() {
    let chain = Chain::up_to("workload-instances").await;
    let manifest = |name: &str| {
        json!({
            "JSONDefinition": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": "s3cret"},
            "WorkloadDefinitionID": chain.id("workload-definitions"),
        })
    };
    let set = json!([manifest("a"), manifest("b")]);
    let (request, answer) = with_id(Method::POST, "/v0/workload-resource-definition-sets", &set).await;
    assert_eq!(answer.code, 201, "{}", answer.text);
    let told = events(&format!("requestid={request}")).await;
    assert_eq!(told.iter().map(id_of_object).collect::<Vec<_>>(), answer.ids());
    assert!(!Value::from(told).to_string().contains("s3cret"), "manifests may hold secrets");
    for _ in 0..2 {
        post("workload-events", &chain.body("workload-events")).await.done(201);
    }
    let path = format!("/v0/workload-events?workloadinstanceid={}", chain.id("workload-instances"));
    let (request, answer) = with_id(Method::DELETE, &path, &json!({})).await;
    assert_eq!((answer.code, events(&format!("requestid={request}&action=Delete")).await.len()), (200, 2));
}

fn id_of_object(event: &Value) -> i64 {
    event["ObjectID"].as_i64().unwrap()
}

#[tokio::test]
async fn events_are_read_only_and_have_pages_and_periods() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("pages")})).await;
    for n in 0..4 {
        patch("gateway-definitions", own, &json!({"ServiceName": format!("s{n}")})).await.done(200);
    }
    let all = events(&format!("objectid={own}")).await;
    let ids: Vec<_> = all.iter().map(id).collect();
    let page = get(&format!("/v0/audit-events?objectid={own}&size=2&page=2")).await;
    assert_eq!((page.ids(), &page.body["Meta"]["TotalCount"]), (ids[2..4].to_vec(), &json!(5)));
    let after = get(&format!("/v0/audit-events?objectid={own}&after={}", ids[3])).await;
    assert_eq!(after.ids(), ids[4..]);
    let time = all[2]["CreatedAt"].as_str().unwrap();
    assert_eq!(events(&format!("objectid={own}&since={time}")).await.len(), 3);
    assert_eq!(events(&format!("objectid={own}&until={time}")).await.len(), 2);
    get("/v0/audit-events?since=yesterday").await.refused(400, "since: must be a time");
    for (method, path) in [
        (Method::POST, "/v0/audit-events".to_owned()),
        (Method::PATCH, format!("/v0/audit-events/{}", ids[0])),
        (Method::PUT, format!("/v0/audit-events/{}", ids[0])),
        (Method::DELETE, format!("/v0/audit-events/{}", ids[0])),
    ] {
        assert_eq!(send(method.clone(), &path, JSON, r#"{"Caller":"eve"}"#).await.code, 405, "{method}");
    }
}

#[tokio::test]
async fn secrets_are_masked() {
    let account = json!({
        "Name": unique_name("masked"), "AccountID": "1", "DefaultRegion": "x", "AccessKeyID": "s3cret-1", "SecretAccessKey": "s3cret-2",
    });
    let own = made("aws-accounts", &account).await;
    let changed = patch("aws-accounts", own, &json!({"SecretAccessKey": "s3cret-3"})).await.done(200);
    put("aws-accounts", own, &json!({"Name": account["Name"], "AccountID": "1", "DefaultRegion": "x"})).await.done(200);
    delete("aws-accounts", own).await.done(200);
    let told = events(&format!("objectid={own}")).await;
    assert_eq!(told[1]["Changes"], json!([{"Field": "SecretAccessKey", "Old": "***", "New": "***"}]));
    let masked = json!([{"Field": "AccessKeyID", "Old": "***"}, {"Field": "SecretAccessKey", "Old": "***"}]);
    assert_eq!(told[2]["Changes"], masked);
    let (text, ciphertext) = (Value::from(told).to_string(), changed.record()["SecretAccessKey"].as_str().unwrap());
    assert!(!text.contains("s3cret") && !text.contains(ciphertext), "{text}");
}
