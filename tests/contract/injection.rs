//! Texts that mean something to SQL, to paths or to shells, wherever a client can put a text: they are values, or refused.

use std::time::Duration;

use causeway_records::{field::columns, nouns, slot::Shape, value::Type};
use causeway_rig::Endpoints;
use causeway_testkit::{ControlPlane, Setup};
use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A part of every trick. It must never be in the text of a statement.
const MARK: &str = "zq7xmark";

/// Tricks, with `§` where the mark goes.
const TRICKS: [&str; 22] = [
    "§' OR '1'='1",
    "1=1 /*§*/",
    "1; DROP TABLE gateway_definitions; --§",
    "§'; SELECT pg_sleep(5); --",
    "1 UNION SELECT '§', secret_access_key FROM aws_accounts",
    "§\"; DROP TABLE reconciliations; --",
    "$1 §",
    "§\\",
    "§\\'; --",
    "E'\\x27§'",
    "§' || (SELECT version()) || '",
    "1) OR (1=1 --§",
    "{§}",
    "%s%n%d§",
    "${jndi:ldap://§}",
    "$(touch /§)",
    "../../§",
    "..%2f..%2f§",
    "§\u{202e}\u{feff}\u{1f600}",
    "ＳＥＬＥＣＴ＇§",
    "999999999999999999999999999999999999§",
    "-9223372036854775809§",
];

fn tricks() -> impl Iterator<Item = String> {
    TRICKS.iter().map(|trick| trick.replace('§', MARK))
}

/// Every byte that isn't plain, as a path or query carries it.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |done, byte| {
        if byte.is_ascii_alphanumeric() { done + &char::from(byte).to_string() } else { format!("{done}%{byte:02X}") }
    })
}

/// The code of the answer to these bytes; `None`: none came before the connection was closed.
async fn raw(url: &str, request: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.expect("nobody listens");
    stream.write_all(request).await.ok()?;
    let mut answer = vec![];
    let read = async {
        while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) { continue } else { return }
        }
    };
    timeout(Duration::from_secs(20), read).await.expect("no answer");
    String::from_utf8_lossy(&answer).split(' ').nth(1)?.parse().ok()
}

fn request(method: &Method, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

/// The last statements of the API's connections hold no text of a client.
async fn assert_unmarked(database: &mut PgConnection) {
    let text = "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'";
    let found: Vec<String> = sqlx::query_scalar(text).bind(MARK).fetch_all(database).await.unwrap();
    assert!(found.is_empty(), "a client's text stands in a statement: {found:?}");
}

/// Sends all of these, a few at a time; each must be answered with a code below 500 (or, being no HTTP, not at all).
async fn harmless(platform: &ControlPlane, requests: Vec<Vec<u8>>) -> usize {
    let url = platform.url();
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let count = requests.len();
    let answers = stream::iter(requests).map(|request| {
        let url = url.clone();
        async move { (raw(&url, &request).await, request) }
    });
    let mut answers = answers.buffer_unordered(8);
    while let Some((code, request)) = answers.next().await {
        assert!(code.is_none_or(|code| code < 500), "{code:?}: {}", String::from_utf8_lossy(&request));
        assert_unmarked(&mut database).await;
    }
    count
}

/// All rows of all tables of nouns that no trick was meant to make, and the number of tables.
async fn fingerprint(database: &mut PgConnection) -> Vec<(String, i64)> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            .fetch_all(&mut *database)
            .await
            .unwrap();
    let mut all = vec![];
    for table in tables {
        // What the API and the tricks themselves add may come; nothing may go.
        let text = format!("SELECT count(*) FROM {table} t WHERE t::text NOT LIKE '%' || $1 || '%'");
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(text)).bind(MARK).fetch_one(&mut *database).await.unwrap();
        all.push((table, rows));
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_with_a_meaning_elsewhere_are_only_texts() {
    let setup = Setup { workers: 0, ..Setup::for_test("injection") };
    let platform = ControlPlane::start(&Endpoints::from_env().expect("no rig"), setup).await.expect("no control plane");
    let mut database = PgConnection::connect(&platform.database_url()).await.unwrap();
    let before = fingerprint(&mut database).await;
    let mut sent = 0;

    // In the place of an id, with every verb.
    let mut requests = vec![];
    for info in nouns::ALL.iter().chain(nouns::OWN) {
        for (n, trick) in tricks().enumerate() {
            let path = format!("/v0/{}/{}", info.plural, escaped(&trick));
            let method = [Method::GET, Method::DELETE, Method::PATCH, Method::PUT][n % 4].clone();
            requests.push(request(&method, &path, "", if n % 4 > 1 { r#"{"Name":"a"}"# } else { "" }));
        }
    }
    sent += harmless(&platform, requests).await;

    // In the place of a filter, a page, an id to go on after, and of the key itself.
    let mut requests = vec![];
    for info in nouns::ALL.iter().chain(nouns::OWN) {
        let keys = columns(info.fields).filter(|field| field.filterable).map(|field| field.json.to_lowercase());
        for (n, key) in keys.chain(["page", "size", "after", "objectid"].map(str::to_owned)).enumerate() {
            for trick in tricks().skip(n % 7).step_by(7) {
                let path = format!("/v0/{}?{key}={}", info.plural, escaped(&trick));
                requests.push(request(&Method::GET, &path, "", ""));
            }
        }
        let key = escaped(&tricks().nth(info.fields.len() % TRICKS.len()).unwrap());
        requests.push(request(&Method::GET, &format!("/v0/{}?{key}=1", info.plural), "", ""));
    }
    for trick in tricks() {
        let trick = escaped(&trick);
        for path in [
            format!("/v0/events-join-attached-object-references?objectid={trick}"),
            format!("/v0/events-join-attached-object-references?objectid=1&reason={trick}"),
            format!("/{trick}/versions"),
            format!("/v0/{trick}"),
            format!("/swagger/{trick}"),
            format!("/version?{trick}"),
        ] {
            requests.push(request(&Method::GET, &path, "", ""));
        }
        requests.push(request(&Method::DELETE, &format!("/v0/workload-events?workloadinstanceid={trick}"), "", ""));
    }
    sent += harmless(&platform, requests).await;

    // In every field of a body that is a text, and as a key.
    let mut requests = vec![];
    for info in nouns::ALL.iter().chain(nouns::OWN) {
        let path = format!("/v0/{}", info.plural);
        let texts = columns(info.fields)
            .filter(|field| matches!(field.shape, Shape::Column { ty: Type::Text | Type::Json, .. }));
        for (n, field) in texts.enumerate() {
            for trick in tricks().skip(n % 5).step_by(5) {
                requests.push(request(&Method::POST, &path, "", &json!({field.json: trick}).to_string()));
                let with_name = json!({"Name": format!("{MARK}{n}"), field.json: trick});
                requests.push(request(&Method::PATCH, &format!("{path}/1"), "", &with_name.to_string()));
            }
        }
        requests.push(request(&Method::POST, &path, "", &json!({tricks().next().unwrap(): 1}).to_string()));
    }
    for trick in tricks() {
        // The name of a record may be nearly anything: it is stored, found, and given back as it is.
        requests.push(request(&Method::POST, "/v0/gateway-definitions", "", &json!({"Name": trick}).to_string()));
    }
    sent += harmless(&platform, requests).await;
    for trick in tricks() {
        let found = platform.client().list("gateway-definitions", &format!("name={}", escaped(&trick))).await.unwrap();
        let names: Vec<_> = found.iter().map(|record| record["Name"].as_str().unwrap()).collect();
        assert_eq!(names, [trick]);
    }

    // In headers, and in paths that are no text at all.
    let mut requests = vec![];
    for trick in tricks().filter(|trick| trick.is_ascii()) {
        for header in
            ["If-Match", "Accept", "X-Request-Id", "Authorization", "User-Agent", "Accept-Encoding", "X-Forwarded-For"]
        {
            requests.push(request(
                &Method::GET,
                "/v0/gateway-definitions?size=1",
                &format!("{header}: {trick}\r\n"),
                "",
            ));
            requests.push(request(&Method::DELETE, "/v0/gateway-definitions/1", &format!("{header}: {trick}\r\n"), ""));
        }
    }
    let long = format!("/v0/gateway-definitions?name={}", "a".repeat(60_000));
    let many = format!("/v0/gateway-definitions?{}", "name=a&".repeat(5_000));
    for path in [
        "/v0/../v0/events",
        "/v0/%2e%2e/%2e%2e/etc/passwd",
        "/v0/gateway-definitions/%00",
        "/v0/gateway-definitions?name=%00",
        "/v0/gateway-definitions/%c0%af",
        "/v0/gateway-definitions?name=%c0%ae%c0%ae%c0%af",
        "/v0/gateway-definitions/%ff%fe",
        "/v0/gateway-definitions?name=%f0%28%8c%28",
        "/v0/gateway-definitions/1%0d%0aX: y",
        "/v0/gateway-definitions?name=%u0027",
        "/v0/gateway-definitions/-0",
        "/v0/gateway-definitions/+1",
        "/v0/gateway-definitions/0x1",
        "/v0/gateway-definitions/1e3",
        "/v0/gateway-definitions?size=9223372036854775807&page=9223372036854775807",
        "/v0/gateway-definitions?&&==&",
        "//v0/events",
        "/v0//events",
        "*",
        "http://evil.example/v0/events",
        &long,
        &many,
    ] {
        requests.push(request(&Method::GET, path, "", ""));
    }
    requests.push(b"GET /v0/events/\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_vec());
    requests.push(
        b"GET /v0/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIf-Match: \xff\xfe\r\n\r\n".to_vec(),
    );
    sent += harmless(&platform, requests).await;

    println!("{sent} requests with {} tricks", TRICKS.len());
    let after = fingerprint(&mut database).await;
    assert_eq!(after.len(), before.len(), "a table has come or gone");
    for ((table, had), (_, has)) in before.iter().zip(&after) {
        assert!(has >= had, "{table} had {had} rows, has {has}");
    }
    let answer = reqwest::get(format!("{}/metrics", platform.url())).await.unwrap().text().await.unwrap();
    let failed: Vec<_> =
        answer.lines().filter(|line| line.contains("requests_total") && line.contains("code=\"5")).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    platform.stop().await;
}
