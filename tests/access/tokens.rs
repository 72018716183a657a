//! Access tokens from their making to their end.

use causeway_testkit::{unique_name, until};
use chrono::{DateTime, TimeDelta, Utc};
use hyper::Method;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::harness;

fn later(seconds: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(seconds)
}

#[tokio::test]
async fn a_token_is_shown_once_and_works_until_it_is_revoked() {
    let harness = harness().await;
    let name = unique_name("robot");
    let body = json!({"Name": name, "Role": "viewer", "ExpiresAt": later(3600)});
    let made = harness.admin.try_create("access-tokens", &body).await.unwrap().answered(201);
    assert_eq!(
        (made.body["Type"].as_str(), made.headers["cache-control"].to_str().unwrap()),
        (Some("AccessToken"), "no-store")
    );
    let (token, id) = (made.record()["Token"].as_str().unwrap().to_owned(), made.record()["ID"].as_i64().unwrap());
    assert!(token.starts_with("causeway_") && token.len() == 52, "256 bits and a prefix");

    let robot = harness.nobody.with_token(&token);
    robot.try_get("/v0/gateway-definitions").await.unwrap().answered(200);
    robot
        .try_create("gateway-definitions", &json!({"Name": name}))
        .await
        .unwrap()
        .refused(403, &format!("POST /v0/gateway-definitions needs the role editor, and {name} has the role viewer"));
    for path in [format!("/v0/access-tokens/{id}"), format!("/v0/access-tokens?name={name}&role=viewer")] {
        let read = harness.admin.try_get(&path).await.unwrap().answered(200);
        assert_eq!(
            (read.record()["Name"].as_str(), read.record()["Role"].as_str()),
            (Some(name.as_str()), Some("viewer"))
        );
        assert!(
            !read.text.contains(&token) && !read.text.contains("Token\":\"") && !read.text.contains("ash"),
            "{}",
            read.text
        );
    }
    until("the note of its use", async || {
        let read = harness.admin.try_get(&format!("/v0/access-tokens/{id}")).await.unwrap();
        read.record()["LastUsedAt"].is_string()
    })
    .await;

    harness.admin.try_create("access-tokens", &body).await.unwrap().refused(409, "already exists");
    harness.admin.try_delete("access-tokens", id).await.unwrap().answered(200);
    robot.try_get("/v0/gateway-definitions").await.unwrap().refused(401, "unknown, revoked or expired");
    harness.admin.try_get(&format!("/v0/access-tokens/{id}")).await.unwrap().refused(404, "not found");
    harness.admin.try_create("access-tokens", &body).await.unwrap().answered(201);
}

#[tokio::test]
async fn a_revocation_by_another_process_counts_within_seconds() {
    let harness = harness().await;
    let body = json!({"Name": unique_name("remote"), "Role": "viewer", "ExpiresAt": later(3600)});
    let made = harness.admin.try_create("access-tokens", &body).await.unwrap().answered(201);
    let client = harness.nobody.with_token(made.record()["Token"].as_str().unwrap());
    client.try_get("/v0/events").await.unwrap().answered(200);
    let mut database = PgConnection::connect(&harness.platform.database_url()).await.unwrap();
    let revoke = "UPDATE access_tokens SET deleted_at = now() WHERE id = $1";
    sqlx::query(revoke).bind(made.record()["ID"].as_i64().unwrap()).execute(&mut database).await.unwrap();
    until("the revocation", async || client.try_get("/v0/events").await.unwrap().code == 401).await;
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let harness = harness().await;
    let ends = later(3);
    let body = json!({"Name": unique_name("brief"), "Role": "editor", "ExpiresAt": ends});
    let made = harness.admin.try_create("access-tokens", &body).await.unwrap().answered(201);
    let client = harness.nobody.with_token(made.record()["Token"].as_str().unwrap());
    client.try_get("/v0/events").await.unwrap().answered(200);
    until("the end", async || {
        let (asked, answer) = (Utc::now(), client.try_get("/v0/events").await.unwrap());
        assert!(answer.code == 200 || Utc::now() >= ends, "too early");
        assert!(answer.code == 401 || asked < ends, "too late, though it was looked up before its end");
        answer.code == 401
    })
    .await;
}

#[tokio::test]
async fn wrong_tokens_are_refused_and_wrong_bodies_explained() {
    let harness = harness().await;
    let unknown = "causeway_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for wrong in [unknown, "causeway_short", "hunter2", "a b c"] {
        let answer = harness.nobody.with_token(wrong).try_get("/v0/events").await.unwrap();
        answer.refused(401, "unknown, revoked or expired");
    }
    harness.nobody.with_authorization("Basic YTpi").try_get("/v0/events").await.unwrap().refused(401, "takes `Bearer`");
    harness
        .nobody
        .with_authorization("Bearer ")
        .try_get("/v0/events")
        .await
        .unwrap()
        .refused(401, "nobody knows who asks");
    harness.nobody.with_authorization("Bearer ").try_get("/version").await.unwrap().answered(200);

    let refused = |body: serde_json::Value, says: &'static str| async move {
        harness.admin.try_create("access-tokens", &body).await.unwrap().refused(400, says);
    };
    refused(json!({}), "JSON payload is empty").await;
    refused(json!({"Name": unique_name("a"), "ExpiresAt": later(60)}), "Missing required field(s) : Role").await;
    refused(json!({"Name": unique_name("a"), "Role": "viewer"}), "Missing required field(s) : ExpiresAt").await;
    refused(json!({"Name": unique_name("a"), "Role": "root", "ExpiresAt": later(60)}), "Role").await;
    refused(json!({"Name": unique_name("a"), "Role": "viewer", "ExpiresAt": later(-60)}), "is over already").await;
    for method in [Method::PATCH, Method::PUT] {
        assert_eq!(harness.admin.send_text(method, "/v0/access-tokens/1", "{}").await.unwrap().code, 405);
    }
}

#[tokio::test]
async fn the_command_prints_the_token_alone() {
    let harness = harness().await;
    let name = unique_name("first");
    let create = ["token", "create", "--name", &name, "--role", "admin", "--expires", "1h"];
    let made = harness.platform.run_api(&create).await.unwrap();
    let (token, said) = (String::from_utf8(made.stdout).unwrap(), String::from_utf8(made.stderr).unwrap());
    assert!(token.starts_with("causeway_") && token.lines().count() == 1 && said.contains("only this once"), "{said}");
    harness.nobody.with_token(token.trim()).try_get("/v0/access-tokens").await.unwrap().answered(200);
    let again = harness.platform.run_api(&create).await.unwrap();
    assert!(!again.status.success() && String::from_utf8(again.stderr).unwrap().contains("already exists"));
}

#[tokio::test]
async fn making_and_revoking_are_audited() {
    let harness = harness().await;
    let body = json!({"Name": unique_name("audited"), "Role": "viewer", "ExpiresAt": later(60)});
    let made = harness.admin.try_create("access-tokens", &body).await.unwrap().answered(201);
    let id = made.record()["ID"].as_i64().unwrap();
    harness.admin.try_delete("access-tokens", id).await.unwrap().answered(200);
    let events = harness.admin.try_get(&format!("/v0/audit-events?objectid={id}")).await.unwrap().answered(200);
    let actions: Vec<_> = events.body["Data"].as_array().unwrap().iter().map(|event| event["Action"].clone()).collect();
    assert_eq!(actions, ["Create", "Delete"], "{}", events.text);
    assert!(events.body["Data"][0]["Caller"].as_str().unwrap().starts_with("admin-"), "{}", events.text);
}
