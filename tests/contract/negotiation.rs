//! Verbs and media types that nobody offers.

use reqwest::Method;
use serde_json::json;

use crate::{get, made, name, send};

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
