//! No secret shows anywhere but in the answer that is meant to hold it.

use causeway_testkit::{ApiClient, ControlPlane, Setup, unique_name, until};
use hyper::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, Row};

use crate::{TlsFixture, token};

/// Secrets by where they are sent; each is different from all other text.
fn secret(what: &str) -> String {
    format!("5ecret-{what}-{}", unique_name("x"))
}

/// All rows of all tables, as text.
async fn stored(platform: &ControlPlane) -> String {
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let mut text = String::new();
    for table in tables {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT t::text FROM {table} t")));
        for row in rows.fetch_all(&mut database).await.unwrap() {
            text += &row.get::<String, _>(0);
            text.push('\n');
        }
    }
    text
}

/// What a test has seen, and the secrets that it must not have seen.
struct Watch {
    secrets: Vec<String>,
    seen: Vec<(String, String)>,
}

impl Watch {
    fn new(what: &str) -> (Self, String) {
        let secret = secret(what);
        (Self { secrets: vec![secret.clone()], seen: vec![] }, secret)
    }

    fn secret(&mut self, what: &str) -> String {
        let secret = secret(what);
        self.secrets.push(secret.clone());
        secret
    }

    async fn send(&mut self, client: &ApiClient, method: Method, path: &str, body: impl Into<String>) -> Value {
        let answer = client.send_text(method.clone(), path, body.into()).await.unwrap();
        self.seen.push((format!("the answer {} to {method} {path}", answer.code), answer.text));
        answer.body
    }

    fn check(&self) {
        for (place, text) in &self.seen {
            for secret in &self.secrets {
                assert!(!text.contains(secret.as_str()), "{secret} stands in {place}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn no_secret_shows_anywhere() {
    let environment = vec![("RUST_LOG".to_owned(), "debug".to_owned())];
    let secure = TlsFixture::start("mtls,tokens", Setup { environment, ..Setup::for_test("leaks") }).await;
    let (platform, nobody) = (&secure.platform, secure.client(None));
    let own = token(platform, "admin").await;
    let admin = nobody.with_token(&own);

    let (mut watch, in_token) = Watch::new("connection-token");
    let (key, id, access) =
        (watch.secret("certificate-key"), watch.secret("access-key-id"), watch.secret("access-key"));
    watch.secrets.extend([own.clone(), platform.encryption_key().to_owned()]);
    // Stored, and used by a worker, which reaches nothing at that address.
    let of = json!({"Name": unique_name("leaks"), "InfraProvider": "kind"}).to_string();
    let of = watch.send(&admin, Method::POST, "/v0/kubernetes-runtime-definitions", of).await;
    let runtime = json!({
        "Name": unique_name("leaks"), "Location": "Local", "KubernetesRuntimeDefinitionID": of["Data"][0]["ID"],
        "APIEndpoint": "https://127.0.0.1:1", "CACertificate": secure.authority.pem(), "Certificate": "nonsense",
        "CertificateKey": key, "ConnectionToken": in_token,
    });
    let runtime = watch.send(&admin, Method::POST, "/v0/kubernetes-runtime-instances", runtime.to_string()).await;
    let runtime = runtime["Data"][0]["ID"].as_i64().unwrap();
    let account = json!({
        "Name": unique_name("leaks"), "AccountID": "123456789012", "DefaultRegion": "eu-central-1", "AccessKeyID": id,
        "SecretAccessKey": access,
    });
    let account = watch.send(&admin, Method::POST, "/v0/aws-accounts", account.to_string()).await;
    let domain = json!({
        "Name": unique_name("leaks"), "Domain": "leaks.test.example", "Zone": "Public", "AdminEmail": "ops@test.example",
        "AwsAccountID": account["Data"][0]["ID"],
    });
    watch.send(&admin, Method::POST, "/v0/domain-name-definitions", domain.to_string()).await;
    // Made by an editor, whose answers have masks in their place.
    let author = nobody.with_token(&token(platform, "editor").await);
    let in_manifest = watch.secret("manifest");
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": in_manifest}});
    let workload = json!({"Name": unique_name("leaks"), "YAMLDocument": secret.to_string()});
    let workload = watch.send(&author, Method::POST, "/v0/workload-definitions", workload.to_string()).await;
    let workload = &workload["Data"][0]["ID"];
    let manifest = json!({"WorkloadDefinitionID": workload, "JSONDefinition": secret});
    let manifest = watch.send(&author, Method::POST, "/v0/workload-resource-definitions", manifest.to_string()).await;
    let path = format!("/v0/workload-resource-definitions/{}", manifest["Data"][0]["ID"]);
    let in_change = watch.secret("changed-manifest");
    let change = json!({"JSONDefinition": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": in_change}}});
    watch.send(&author, Method::PATCH, &path, change.to_string()).await;
    watch.send(&author, Method::DELETE, &path, "").await;
    let instance =
        json!({"Name": unique_name("leaks"), "KubernetesRuntimeInstanceID": runtime, "WorkloadDefinitionID": workload});
    watch.send(&author, Method::POST, "/v0/workload-instances", instance.to_string()).await;

    // Refused, each for another reason.
    let path = format!("/v0/kubernetes-runtime-instances/{runtime}");
    let wrong = watch.secret("wrong");
    for body in [
        format!(r#"{{"ConnectionToken":"{wrong}"#),
        format!(r#"{{"ConnectionToken":{{"{wrong}":"{wrong}"}}}}"#),
        format!(r#"{{"ConnectionToken":["{wrong}"]}}"#),
        format!(r#"{{"ConnectionToken":"{wrong}\u0000"}}"#),
        format!(r#"{{"ConnectionToken":"{wrong}","Location":"Mars"}}"#),
        format!(r#"{{"ConnectionToken":"{wrong}","Nonsense":1}}"#),
        format!(r#"{{"ConnectionToken":"{wrong}","Name":7}}"#),
        format!(r#"{{"connectiontoken":"{wrong}" "x"}}"#),
        wrong.clone(),
    ] {
        for method in [Method::PATCH, Method::PUT] {
            watch.send(&admin, method, &path, body.clone()).await;
        }
        watch.send(&admin, Method::POST, "/v0/kubernetes-runtime-instances", body).await;
    }
    let digits = "84627384650192";
    watch.secrets.push(digits.to_owned());
    watch.send(&admin, Method::PATCH, &path, format!(r#"{{"ConnectionToken":{digits}}}"#)).await;
    watch.send(&admin, Method::PATCH, "/v0/aws-accounts/1", format!(r#"{{"SecretAccessKey":{digits}}}"#)).await;

    // Tokens: a good one, revoked ones, wrong ones, in wrong places.
    let ends = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    let body = json!({"Name": unique_name("leaks"), "Role": "editor", "ExpiresAt": ends}).to_string();
    let made = admin.send_text(Method::POST, "/v0/access-tokens", body).await.unwrap().answered(201);
    let (made, made_id) = (made.record()["Token"].as_str().unwrap().to_owned(), made.record()["ID"].clone());
    watch.secrets.push(made.clone());
    let editor = nobody.with_token(&made);
    watch.send(&editor, Method::GET, "/v0/events", "").await;
    watch.send(&editor, Method::GET, "/v0/access-tokens", "").await;
    watch.send(&admin, Method::DELETE, &format!("/v0/access-tokens/{made_id}"), "").await;
    for value in [format!("Bearer {made}"), format!("Basic {wrong}"), format!("Bearer {wrong}"), wrong.clone()] {
        watch.send(&nobody.with_authorization(&value), Method::GET, "/v0/events", "").await;
    }
    watch.send(&nobody, Method::GET, &format!("/v0/events?access_token={wrong}"), "").await;
    watch.send(&admin, Method::GET, &format!("/v0/gateway-definitions?token={wrong}"), "").await;

    until("a worker's reconcile", async || {
        let read = admin.try_get(&path).await.unwrap();
        read.record()["Conditions"].as_array().is_some_and(|conditions| !conditions.is_empty())
    })
    .await;
    for path in
        ["/metrics", "/healthz", "/v0/events?size=-1", "/v0/audit-events?size=-1", "/v0/access-tokens", path.as_str()]
    {
        watch.send(&admin, Method::GET, path, "").await;
    }
    let audited = watch.seen.iter().rev().find(|(place, _)| place.contains("audit-events"));
    assert!(audited.is_some_and(|(_, text)| text.contains("ConnectionToken")), "the audit names the field");
    watch.seen.push(("the log of the API".into(), platform.api().log().unwrap()));
    watch.seen.push(("the log of the worker".into(), platform.workers()[0].log().unwrap()));
    watch.seen.push(("the database".into(), stored(platform).await));
    // The places were searched, and hold what is no secret.
    let account = account["Data"][0]["Name"].as_str().unwrap();
    for (place, part) in
        [("the log of the API", "\"caller\":\"admin-"), ("the log of the worker", "leaks"), ("the database", account)]
    {
        assert!(watch.seen.iter().any(|(seen, text)| seen == place && text.contains(part)), "{part} is not in {place}");
    }
    // Postgres prints bytes as hexadecimal digits.
    let hex = |text: &String| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let in_bytes: Vec<_> = watch.secrets.iter().map(hex).collect();
    watch.secrets.extend(in_bytes);
    watch.check();
}
