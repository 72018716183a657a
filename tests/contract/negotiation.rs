//! Verbs and media types that the API doesn't offer.

use causeway_testkit::unique_name;
use reqwest::Method;
use serde_json::json;

use crate::{get, id, made, post, send};

#[tokio::test]
async fn item_03_other_verbs_are_not_allowed() {
    let own = made("gateway-definitions", &json!({"Name": unique_name("verbs")})).await;
    let paths = [
        ("/v0/gateway-definitions".to_owned(), "GET, POST", Method::PUT),
        (format!("/v0/gateway-definitions/{own}"), "GET, PATCH, PUT, DELETE", Method::POST),
        ("/v0/workload-events".to_owned(), "GET, POST, DELETE", Method::PATCH),
        ("/v0/workload-resource-definition-sets".to_owned(), "POST", Method::GET),
        ("/gateway-definitions/versions".to_owned(), "GET", Method::POST),
    ];
    for (path, allowed, other) in paths {
        for method in [Method::OPTIONS, Method::TRACE, other] {
            let answer = send(method.clone(), &path, &[("Content-Type", "application/json")], "").await;
            assert_eq!((answer.code, answer.header("allow")), (405, allowed), "{method} {path}: {}", answer.text);
            assert_eq!(answer.text, "{\"message\":\"Method Not Allowed\"}\n");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
    let head = send(Method::HEAD, "/v0/gateway-definitions", &[], "").await;
    assert_eq!((head.code, head.header("allow"), head.text.as_str()), (405, "GET, POST", ""));
}

#[tokio::test]
async fn item_03_paths_that_nobody_offers() {
    for path in
        ["/nonsense", "/v0", "/v0/", "/v1/gateway-definitions", "/v0/gateway-definitions/1/2", "/gateway-definitions"]
    {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let answer = send(method.clone(), path, &[("Content-Type", "application/json")], "").await;
            assert_eq!((answer.code, answer.text.as_str()), (404, "{\"message\":\"Not Found\"}\n"), "{method} {path}");
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

#[tokio::test]
async fn item_04_every_answer_is_a_line_of_json_without_a_charset() {
    for path in ["/version", "/events/versions", "/v0/events?size=1", "/v0/events/1", "/v0/nonsense"] {
        let answer = get(path).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert!(answer.text.ends_with("}\n"), "{path}: {:?}", answer.text);
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
    let made = post("gateway-definitions", &json!({"Name": unique_name("etag")})).await.done(201);
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
