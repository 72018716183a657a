//! What a page of somebody else can make a browser send to this server: everything that needs no question first, and the question.

use crate::control_plane;
use causeway_testkit::{Answer, unique_name};
use hyper::Method;
use serde_json::json;

/// Whether an answer lets pages of other origins do anything.
fn lets_others(answer: &Answer) -> bool {
    answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"))
}

/// Without authentication every request counts, whoever had it sent.
#[tokio::test]
async fn a_foreign_page_can_make_no_browser_write() {
    let platform = control_plane("browsers", vec![]).await;
    let client = platform.client();
    let origin = ("Origin", "https://evil.example");
    let name = unique_name("forged");
    let body = json!({"Name": name, "Role": "admin", "ExpiresAt": "2099-01-01T00:00:00Z"}).to_string();
    let post = async |headers: &[(&str, &str)]| {
        let headers = [&[origin], headers].concat();
        client.send_raw(Method::POST, "/v0/access-tokens", &headers, body.clone()).await.unwrap()
    };
    // These a browser sends at once. Whoever takes the body for JSON all the same has been had.
    for content_type in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=application/json",
        "multipart/form-data; boundary=application/json",
        "",
    ] {
        post(&[("Content-Type", content_type)]).await.refused(415, "the body must be JSON");
    }
    post(&[]).await.refused(415, "the body must be JSON");
    let made = async || client.list("access-tokens", &format!("name={name}")).await.unwrap();
    assert!(made().await.is_empty(), "{:?}", made().await);

    // For these it asks first.
    for (path, method) in [
        ("/v0/access-tokens", "POST"),
        ("/v0/gateway-definitions/1", "DELETE"),
        ("/metrics", "GET"),
        ("/version", "GET"),
    ] {
        let asks = [
            origin,
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "content-type,authorization"),
            ("Access-Control-Request-Private-Network", "true"),
        ];
        let answer = client.send_raw(Method::OPTIONS, path, &asks, "").await.unwrap().answered(405);
        assert!(!lets_others(&answer), "{path}: {:?}", answer.headers);
        let read = client.send_raw(Method::GET, path, &[origin], "").await.unwrap();
        assert!(!lets_others(&read), "{path}: {:?}", read.headers);
    }
    // A program may say what it likes.
    let answer = post(&[("Content-Type", "application/json")]).await.answered(201);
    assert!(!lets_others(&answer) && made().await.len() == 1);
    platform.stop().await;
}
