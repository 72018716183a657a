//! Who sends a request, and what it asks for, is said in one place. Nothing else in it speaks for another caller, another method or another path.

use crate::{
    TlsFixture, harness, token,
    wire::{answer, codes, get, open},
};
use causeway_testkit::{ApiClient, ControlPlane, unique_name};
use hyper::Method;
use serde_json::json;

/// For admins only.
const TOKENS: &str = "/v0/access-tokens";

/// The code of the answer to a request with these headers beside `Host`.
async fn code(platform: &ControlPlane, path: &str, headers: &str) -> u16 {
    let said = answer(open(platform, get(path, &format!("Host: localhost\r\n{headers}"))).await).await;
    codes(&said)[0]
}

#[tokio::test]
async fn of_two_tokens_the_first_counts() {
    let platform = &harness().await.platform;
    let bearer = async |role: &str| format!("Bearer {}", token(platform, role).await);
    let (viewer, admin) = (bearer("viewer").await, bearer("admin").await);
    for (first, second, expected) in [
        (&*viewer, &*admin, 403),
        ("Bearer causeway_wrong", &admin, 401),
        ("Basic YTpi", &admin, 401),
        ("Bearer ", &admin, 401),
        (&admin, &viewer, 200),
    ] {
        let headers = format!("Authorization: {first}\r\nAuthorization: {second}\r\n");
        assert_eq!(code(platform, TOKENS, &headers).await, expected, "{headers}");
    }
}

#[tokio::test]
async fn a_token_counts_in_one_form_and_in_one_place() {
    let platform = &harness().await.platform;
    let token = token(platform, "viewer").await;
    for right in [format!("Bearer {token}"), format!("bearer  {token} ")] {
        assert_eq!(code(platform, "/v0/events", &format!("Authorization: {right}\r\n")).await, 200, "{right}");
    }
    // The last character has two bits to spare, which are 0.
    let (rest, last) = token.split_at(token.len() - 1);
    let spare = format!("{rest}{}", char::from(last.as_bytes()[0] + 1));
    let wrong = [
        token.clone(),
        format!("Bearer {spare}"),
        format!("Bearer {token}="),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer {token},{token}"),
        format!("Bearer {token} {token}"),
        format!("Bearer\t{token}"),
        format!("Token {token}"),
    ];
    let headers = wrong.iter().map(|value| format!("Authorization: {value}"));
    let elsewhere = [
        format!("Proxy-Authorization: Bearer {token}"),
        format!("X-Authorization: Bearer {token}"),
        format!("X-Forwarded-Authorization: Bearer {token}"),
        format!("X-Forwarded-Access-Token: {token}"),
        format!("X-Api-Key: {token}"),
        format!("X-Auth-Token: {token}"),
        format!("Cookie: token={token}; access_token={token}; Authorization=Bearer {token}"),
        format!("Cookie: __Host-causeway={token}"),
    ];
    for header in headers.chain(elsewhere) {
        assert_eq!(code(platform, "/v0/events", &format!("{header}\r\n")).await, 401, "{header}");
    }
    for query in ["access_token=", "token=", "api_key=", "authorization=Bearer%20"] {
        assert_eq!(code(platform, &format!("/v0/events?{query}{token}"), "").await, 401, "{query}");
    }
    assert_eq!(code(platform, &format!("http://{token}@localhost/v0/events"), "").await, 401, "as a name of a user");
    // What isn't HTTP isn't read at all.
    for broken in [format!(": Bearer\r\n {token}"), format!(" : Bearer {token}"), format!(": Bearer {token}\0")] {
        assert_eq!(code(platform, "/v0/events", &format!("Authorization{broken}\r\n")).await, 400, "{broken:?}");
    }
}

/// What proxies add is for whoever stands behind one that they trust. Nobody does here.
#[tokio::test]
async fn no_header_speaks_for_another_caller() {
    let secure = TlsFixture::api("callers", "mtls,tokens", &[]).await;
    let (nobody, viewer) = (secure.client(None), secure.client_of("ann", "causeway:viewer"));
    for (name, value) in [
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1;host=localhost;proto=https"),
        ("X-Real-IP", "127.0.0.1"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-User", "admin"),
        ("X-Remote-User", "admin"),
        ("Remote-User", "admin"),
        ("X-Forwarded-Groups", "causeway:admin"),
        ("X-Forwarded-Client-Cert", "Subject=\"CN=ann,O=causeway:admin\""),
        ("X-SSL-Client-S-DN", "CN=ann,O=causeway:admin"),
        ("SSL-Client-Verify", "SUCCESS"),
        ("Client-Cert", ":MIIB:"),
    ] {
        let send = async |client: &ApiClient| client.send_raw(Method::GET, TOKENS, &[(name, value)], "").await.unwrap();
        send(&nobody).await.refused(401, "nobody knows who asks");
        send(&viewer).await.refused(403, "ann has the role viewer");
    }
    secure.platform.stop().await;
}

#[tokio::test]
async fn no_header_makes_another_request_of_one() {
    let harness = harness().await;
    let body = json!({"Name": unique_name("override"), "ServiceName": "web"});
    let made = harness.editor.create("gateway-definitions", &body).await.unwrap();
    let path = format!("/v0/gateway-definitions/{}", made["ID"]);
    let made = harness.editor.try_get(&path).await.unwrap().done(200).record().clone();
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        for method in ["DELETE", "PUT", "PATCH"] {
            let asked = harness.editor.send_raw(Method::GET, &path, &[(name, method)], "").await.unwrap();
            assert_eq!(asked.done(200).record(), &made, "{name}: {method}");
        }
    }
    for query in ["_method=DELETE", "method=DELETE", "_HttpMethod=DELETE"] {
        let asked = harness.editor.try_get(&format!("{path}?{query}")).await.unwrap();
        assert_eq!(asked.done(200).record(), &made, "{query}");
    }
    let kept = harness.editor.try_get(&path).await.unwrap().done(200);
    assert_eq!(kept.record(), &made, "nothing was done to it");
    for name in ["X-Original-URL", "X-Rewrite-URL", "X-Original-URI", "X-Forwarded-Uri", "X-Forwarded-Prefix"] {
        let asked = harness.nobody.send_raw(Method::GET, "/version", &[(name, TOKENS)], "").await.unwrap();
        let asked = asked.answered(200);
        assert!(asked.body["Version"].is_string() && asked.body["Data"].is_null(), "{name}: {}", asked.text);
    }
}

/// A path is compared as it came: no spelling of it gets past the role that it needs.
#[tokio::test]
async fn no_spelling_of_a_request_gets_past_its_role() {
    let platform = &harness().await.platform;
    let viewer = format!("Authorization: Bearer {}\r\n", token(platform, "viewer").await);
    let spelled = [
        // Another method.
        "HEAD /v0/access-tokens HTTP/1.1",
        "TRACE /v0/access-tokens HTTP/1.1",
        "PROPFIND /v0/access-tokens HTTP/1.1",
        "get /v0/access-tokens HTTP/1.1",
        // Another form.
        "GET /v0/access-tokens HTTP/1.0",
        "GET http://localhost/v0/access-tokens HTTP/1.1",
        "GET https://localhost:1/v0/access-tokens HTTP/1.1",
        "CONNECT localhost:1 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        // Another path, which something before or behind could take for this one.
        "GET //v0/access-tokens HTTP/1.1",
        "GET /v0//access-tokens HTTP/1.1",
        "GET /./v0/access-tokens HTTP/1.1",
        "GET /v0/./access-tokens HTTP/1.1",
        "GET /v0/../v0/access-tokens HTTP/1.1",
        "GET /version/../v0/access-tokens HTTP/1.1",
        "GET /version/..;/v0/access-tokens HTTP/1.1",
        "GET /version%2f..%2fv0%2faccess-tokens HTTP/1.1",
        "GET /v0/access-tokens/ HTTP/1.1",
        "GET /v0/access-tokens/. HTTP/1.1",
        "GET /v0/access-tokens/%2e HTTP/1.1",
        "GET /v0/access-tokens/..%2fevents HTTP/1.1",
        "GET /v0/access-tokens;x=1 HTTP/1.1",
        "GET /v0/access-tokens%00 HTTP/1.1",
        "GET /v0/access-tokens%20 HTTP/1.1",
        "GET /v0/access-tokens%2f HTTP/1.1",
        "GET /v0/access-tokens%3f HTTP/1.1",
        "GET /v0/access-tokens#x HTTP/1.1",
        "GET /v0%2faccess-tokens HTTP/1.1",
        "GET /v0\\access-tokens HTTP/1.1",
        "GET /V0/access-tokens HTTP/1.1",
        "GET /v0/Access-Tokens HTTP/1.1",
        "GET /v0/%61ccess-tokens HTTP/1.1",
        "GET /v0/access%2dtokens HTTP/1.1",
        "GET /v0/access-tokens.json HTTP/1.1",
    ];
    for start in spelled {
        let send = async |headers: &str| {
            let request = format!("{start}\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
            answer(open(platform, request).await).await
        };
        let (stranger, caller) = (send("").await, send(&viewer).await);
        assert_eq!(codes(&stranger), [401], "{start}: {stranger}");
        assert!(matches!(codes(&caller)[..], [403..=405]), "{start}: {caller}");
    }
    // What is open to everybody leads to nothing else.
    for path in ["/swagger/../v0/access-tokens", "/swagger/..%2fv0%2faccess-tokens", "/swagger//v0/access-tokens"] {
        assert_eq!(code(platform, path, "").await, 404, "{path}");
    }
}
