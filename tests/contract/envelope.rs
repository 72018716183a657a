//! Paths, envelopes, encoding.

use causeway_testkit::unique_name;
use std::collections::HashSet;

use causeway_records::nouns;
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    chain::{Chain, PLURALS},
    get, id, made, patch, post, put, read, send,
};

#[tokio::test]
async fn item_01_every_plural_answers_every_verb() {
    let chain = Chain::new().await;
    for (plural, kind) in PLURALS {
        let id = chain.id(plural);
        let stored = read(plural, id).await.done(200);
        assert_eq!(stored.body["Type"], kind);
        let listed = get(&format!("/v0/{plural}?size=-1")).await;
        assert!(listed.code == 200 && listed.ids().contains(&id), "{plural}");
        let own: serde_json::Map<_, _> = stored.record().as_object().unwrap().clone();
        let own = own.into_iter().filter(|(key, _)| !["ID", "CreatedAt", "UpdatedAt"].contains(&key.as_str()));
        let own = Value::Object(own.collect());
        // What was read may be sent back.
        patch(plural, id, &own).await.done(200);
        put(plural, id, &chain.body(plural)).await.done(200);
        let versions = get(&format!("/{plural}/versions")).await;
        assert_eq!(versions.body, json!({"API": kind, "Versions": ["v0"]}));
    }
    assert!(get("/version").await.body["Version"].as_str().is_some_and(|version| version.starts_with('v')));
    assert_eq!(get("/readyz").await.text, "OK");
}

#[tokio::test]
async fn item_01_what_threeport_has_not_answers_alike() {
    for info in nouns::ALL {
        let listed = get(&format!("/v0/{}", info.plural)).await;
        assert_eq!((listed.code, listed.body["Type"].as_str()), (200, Some(info.kind.as_str())));
        let versions = get(&format!("/{}/versions", info.plural)).await;
        assert_eq!(versions.body, json!({"API": info.kind, "Versions": ["v0"]}));
    }
}

#[tokio::test]
async fn item_02_one_record_has_a_page_of_its_own() {
    let body = json!({"Name": unique_name("one")});
    let made = post("gateway-definitions", &body).await.done(201);
    let own = id(made.record());
    let changed = patch("gateway-definitions", own, &json!({"ServiceName": "web"})).await.done(200);
    for (answer, code, message) in
        [(made, 201, "Created"), (changed, 200, "OK"), (read("gateway-definitions", own).await.done(200), 200, "OK")]
    {
        assert_eq!(answer.body["Meta"], json!({"Page": 1, "Size": 1, "TotalCount": 1}));
        assert_eq!(answer.body["Type"], "GatewayDefinition");
        assert_eq!(answer.body["Status"], json!({"code": code, "message": message, "error": ""}));
    }
}

#[tokio::test]
async fn item_03_a_refusal_has_no_data() {
    let answer = read("gateway-definitions", 1).await.refused(404, "record not found");
    assert_eq!(answer.body["Meta"], json!({"Page": 0, "Size": 0, "TotalCount": 0}));
    assert_eq!(answer.body["Type"], "GatewayDefinition");
    assert_eq!(answer.body["Status"]["message"], "Not Found");
    let unknown = get("/v0/nonsense").await;
    assert_eq!((unknown.code, unknown.body), (404, json!({"message": "Not Found"})));
    let method = send(Method::POST, "/v0/gateway-definitions/1", &[], "").await;
    assert_eq!((method.code, method.body), (405, json!({"message": "Method Not Allowed"})));
}

/// Threeport says 500 to what it can't read; Causeway says 400 and 415 (its clients treat both alike).
#[tokio::test]
async fn item_03_what_cannot_be_read_is_the_clients_mistake() {
    let json = [("Content-Type", "application/json")];
    for body in ["", "{", "[1]", r#"{"Name":5}"#] {
        send(Method::POST, "/v0/gateway-definitions", &json, body).await.refused(400, "");
    }
    let text = [("Content-Type", "text/plain")];
    send(Method::POST, "/v0/gateway-definitions", &text, r#"{"Name":"a"}"#).await.refused(415, "application/json");
    get("/v0/gateway-definitions/1=1").await.refused(400, "whole number");
}

#[tokio::test]
async fn item_04_encoding() {
    let body = json!({"Name": unique_name("encoding")});
    let made = post("gateway-definitions", &body).await.done(201);
    assert_eq!(made.header("content-type"), "application/json");
    assert!(made.text.ends_with('\n') && !made.text.contains(":null"), "{}", made.text);
    let record = made.record();
    assert!(record["Reconciled"] == false && record.get("ServiceName").is_none() && record.get("DeletedAt").is_none());
    for field in ["CreatedAt", "UpdatedAt"] {
        let text = record[field].as_str().unwrap();
        assert!(text.ends_with('Z') && text.parse::<DateTime<Utc>>().is_ok(), "{text}");
    }
    let own = id(record);
    assert!(own > 1 << 53, "ids need 64 bits");
    assert_eq!(id(read("gateway-definitions", own).await.done(200).record()), own);
    let order: Vec<_> = ["\"ID\"", "\"CreatedAt\"", "\"UpdatedAt\"", "\"Name\"", "\"Reconciled\""]
        .map(|key| made.text.find(key).unwrap())
        .into();
    assert!(order.is_sorted(), "{}", made.text);
}

#[tokio::test]
async fn item_04_ids_are_unique_across_kinds() {
    let chain = Chain::new().await;
    let ids: HashSet<_> = PLURALS.iter().map(|(plural, _)| chain.id(plural)).collect();
    assert_eq!(ids.len(), PLURALS.len());
    let another = made("gateway-definitions", &chain.body("gateway-definitions")).await;
    assert!(!ids.contains(&another));
}
