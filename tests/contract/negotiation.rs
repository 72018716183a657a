//! Verbs and media types that nobody offers.

use reqwest::Method;
use serde_json::json;

use crate::{get, id, made, name, post, send};

#[tokio::test]
async fn item_03_other_verbs_are_not_allowed() {
    let own = made("gateway-definitions", &json!({"Name": name("verbs")})).await;
    for path in ["/v0/gateway-definitions".to_owned(), format!("/v0/gateway-definitions/{own}")] {
        for method in [Method::HEAD, Method::OPTIONS] {
            let answer = send(method.clone(), &path, &[], "").await;
            assert_eq!(answer.code, 405, "{method} {path}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn item_03_a_slash_at_the_end_is_another_path() {
    let answer = get("/v0/gateway-definitions/").await;
    assert_eq!((answer.code, answer.body), (404, json!({"message": "Not Found"})));
}

#[tokio::test]
async fn item_04_answers_are_json_or_none() {
    let accept =
        async |value: &str| send(Method::GET, "/v0/gateway-definitions?size=1", &[("Accept", value)], "").await;
    for value in
        ["*/*", "application/json", "application/*;q=0.5", "text/html, application/json;q=0.1", "text/html,*/*"]
    {
        assert_eq!(accept(value).await.code, 200, "{value}");
    }
    for value in ["text/html", "application/xml, text/*;q=0.3", "application/json;q=0, text/html"] {
        accept(value).await.refused(406, "application/json");
    }
}

/// Threeport has no such conditions: who sends none sees no difference.
#[tokio::test]
async fn item_10_a_change_may_name_the_state_it_is_based_on() {
    let made = post("gateway-definitions", &json!({"Name": name("etag")})).await.done(201);
    let (path, first) = (format!("/v0/gateway-definitions/{}", id(made.record())), made.header("etag").to_owned());
    assert_eq!(get(&path).await.header("etag"), first);
    let change = async |method: Method, tag: &str, body: &str| {
        send(method, &path, &[("Content-Type", "application/json"), ("If-Match", tag)], body.to_owned()).await
    };
    let second = change(Method::PATCH, &first, r#"{"ServiceName":"web"}"#).await.done(200).header("etag").to_owned();
    assert_ne!(first, second);
    for (method, body) in
        [(Method::PATCH, r#"{"ServiceName":"a"}"#), (Method::PUT, r#"{"Name":"a"}"#), (Method::DELETE, "")]
    {
        change(method, &first, body).await.refused(412, "changed since it was read");
    }
    change(Method::PATCH, "*", r#"{"ServiceName":"b"}"#).await.done(200);
    let third = get(&path).await.header("etag").to_owned();
    change(Method::DELETE, &format!("{first}, {third}"), "").await.done(200);
}
