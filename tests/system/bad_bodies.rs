//! Bodies that no field can take, for every noun: the API refuses, never fails, and keeps what is stored.

use causeway_records::{noun::Info, nouns};
use causeway_testkit::{ApiClient, id_of};
use futures::{StreamExt, stream};
use http::Method;
use serde_json::{Value, json};

use crate::api_alone::{assert_unharmed, get, platform, post, raw, refused};

/// Characters of a text that is long.
const LONG: usize = 100_000;

/// Bodies that some field of every noun can't take.
fn generic() -> Vec<Vec<u8>> {
    let texts = [
        "",
        "{",
        "[]",
        "null",
        "true",
        "7",
        "\"a\"",
        "[[]]",
        "[null]",
        "{\"\": 1}",
        "{\"Nonsense\": {}}",
        "{\"ID\": 1}",
        "{\"Name\": \"\"}",
        "{\"Name\": null}",
        "{\"CreatedAt\": \"yesterday\"}",
        "{\"Generation\": \"x\"}",
        "{\"Conditions\": [{}]}",
        "{\"Name\": 1e400}",
        "{\"Name\": \"\\ud800\"}",
        "{\"Name\": \"a\", \"Name\": \"\\u0000\"}",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).chain([vec![0xff, 0xfe], vec![b'['; 100_000]]).collect()
}

/// For each field in turn: every field filled with what is no value of anything, and each one alone.
fn per_field(info: &Info) -> Vec<Vec<u8>> {
    let values = [
        json!("\u{0}"),
        json!("x".repeat(LONG)),
        json!({"a": 1}),
        json!([[1]]),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(-1.5),
        json!(true),
        json!("1' OR '1'='1"),
        json!(["\u{0}"]),
        json!("0000-00-00T00:00:00Z"),
        json!("+262142-12-31T23:59:59Z"),
    ];
    let alone = |value: &Value| {
        info.fields.iter().map(|field| json!({field.json: value}).to_string().into_bytes()).collect::<Vec<_>>()
    };
    let all = |value: &Value| {
        // Together no longer than one alone: what megabytes cost a busy machine is for other tests.
        let part =
            value.as_str().filter(|text| text.len() == LONG).map(|_| json!("x".repeat(LONG / info.fields.len())));
        let value = part.unwrap_or_else(|| value.clone());
        let map = info.fields.iter().map(|field| (field.json.to_owned(), value.clone())).collect();
        Value::Object(map).to_string().into_bytes()
    };
    values.iter().flat_map(|value| alone(value).into_iter().chain([all(value)])).collect()
}

#[tokio::test]
async fn no_noun_answers_bad_input_with_a_failure_of_the_server() {
    stream::iter(nouns::ALL).for_each_concurrent(8, |info| never_fails(info)).await;
    assert_unharmed(platform().await).await;
}

async fn never_fails(info: &Info) {
    let plural = info.plural;
    for body in generic().into_iter().chain(per_field(info)) {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let answer = post(plural, body.clone()).await;
        assert!(answer.code < 500, "POST {plural} {shown}: {:#}", answer.body);
        if answer.code >= 400 {
            assert_eq!(answer.body["Type"], info.kind.as_str(), "POST {plural} {shown}: {:#}", answer.body);
            assert!(!answer.error().is_empty(), "POST {plural} {shown}");
        }
        for method in [Method::PATCH, Method::PUT] {
            let answer = raw(method.clone(), &format!("/v0/{plural}/1"), "application/json", body.clone()).await;
            assert!((400..500).contains(&answer.code), "{method} {plural} {shown}: {:#}", answer.body);
        }
    }
    for field in info.fields {
        for value in ["", "%00", "x", "-1", "1e400", "99999999999999999999", "%27", "%7B", "9999-99-99T00:00:00Z"] {
            let answer = get(&format!("/v0/{plural}?{}={value}", field.json.to_lowercase())).await;
            assert!(answer.code < 500, "GET {plural}?{}={value}: {:#}", field.json, answer.body);
        }
    }
}

#[tokio::test]
async fn a_stored_record_survives_bad_changes_as_it_was() {
    let client: ApiClient = platform().await.client();
    let of = client.create("gateway-definitions", &json!({"Name": "kept", "HttpPorts": [{"Port": 80}]})).await.unwrap();
    let id = id_of(&of).unwrap();
    let before = client.get("gateway-definitions", id).await.unwrap();
    let ports = client.list("gateway-http-ports", &format!("gatewaydefinitionid={id}")).await.unwrap();
    for body in [
        json!({"Name": ""}),
        json!({"Name": "other", "Nonsense": 1}),
        json!({"Name": "other", "HttpPorts": [{"Port": 81}, {"Port": 0}]}),
        json!({"DomainNameDefinitionID": 1}),
        json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}]}),
        json!({"Generation": 77}),
    ] {
        let answer = client.send(Method::PATCH, &format!("/v0/gateway-definitions/{id}"), Some(&body)).await.unwrap();
        refused(&answer, 400, &[]);
    }
    assert_eq!(client.get("gateway-definitions", id).await.unwrap(), before);
    assert_eq!(client.list("gateway-http-ports", &format!("gatewaydefinitionid={id}")).await.unwrap(), ports);
    assert_unharmed(platform().await).await;
}
