//! The pages at `/ui`: who gets them, how one signs in, and that no other site can press their buttons.

use causeway_testkit::{Answer, ApiClient, unique_name};
use chrono::{TimeDelta, Utc};
use http::Method;
use reqwest::{Client, redirect::Policy};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

use crate::{Harness, TlsFixture, control_plane, harness, token};

/// Several heartbeats of a stream, and looks at its caller.
const AWHILE: Duration = Duration::from_secs(60);

/// A request as a browser sends it.
async fn browse(harness: &Harness, method: Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    harness.nobody.send_raw(method, path, &[&[form], headers].concat(), body).await.unwrap()
}

fn cookie(token: &str) -> String {
    format!("__Host-causeway={token}")
}

#[tokio::test]
async fn a_token_signs_in_to_the_pages_and_to_nothing_else() {
    let harness = harness().await;
    let viewer = token(&harness.platform, "viewer").await;
    let away = browse(harness, Method::GET, "/ui/certificates?valid=false", &[], "").await;
    assert_eq!((away.code, away.header("location")), (303, "/ui/login?next=%2Fui%2Fcertificates%3Fvalid%3Dfalse"));
    let login = browse(harness, Method::GET, away.header("location"), &[], "").await;
    assert!(login.code == 200 && login.text.contains("Access token"), "{}", login.text);

    let body: &'static str = format!("token={viewer}").leak();
    let same = ("Sec-Fetch-Site", "same-origin");
    let signed = browse(harness, Method::POST, away.header("location"), &[same], body).await;
    assert_eq!((signed.code, signed.header("location")), (303, "/ui/certificates?valid=false"));
    let kept = signed.header("set-cookie");
    assert_eq!(kept, format!("{}; Path=/; HttpOnly; Secure; SameSite=Strict", cookie(&viewer)));
    let cookie = cookie(&viewer);
    let page = browse(harness, Method::GET, "/ui/certificates", &[("Cookie", &cookie)], "").await;
    assert!(page.code == 200 && page.text.contains("Sign out"), "{}", page.text);
    let api = harness.nobody.send_raw(Method::GET, "/v0/gateway-instances", &[("Cookie", &cookie)], "").await.unwrap();
    api.refused(401, "`Authorization: Bearer`");
    // A program may read pages, too.
    assert!(harness.viewer.try_get("/ui").await.unwrap().code == 200);

    let out = browse(harness, Method::POST, "/ui/logout", &[same, ("Cookie", &cookie)], "").await;
    assert!(out.code == 303 && out.header("set-cookie").contains("Max-Age=0"), "{:?}", out.headers);
    let wrong = browse(harness, Method::GET, "/ui", &[("Cookie", "__Host-causeway=causeway_wrong")], "").await;
    assert_eq!((wrong.code, wrong.header("location")), (303, "/ui/login?next=%2Fui&refused=true"));
    let again =
        browse(harness, Method::GET, wrong.header("location"), &[("Cookie", "__Host-causeway=causeway_wrong")], "")
            .await;
    assert!(again.text.contains("unknown, revoked or expired") && again.header("set-cookie").contains("Max-Age=0"));
    let elsewhere = browse(harness, Method::POST, "/ui/login?next=//evil.example", &[same], body).await;
    assert_eq!(elsewhere.header("location"), "/ui");
    for odd in ["token=a;b", "token=%0d%0aX: y", "token="] {
        let refused = browse(harness, Method::POST, "/ui/login", &[same], odd).await;
        assert_eq!((refused.code, refused.header("set-cookie")), (303, ""), "{odd}");
    }
}

#[tokio::test]
async fn pages_are_for_roles_as_the_api_is() {
    let harness = harness().await;
    let name = unique_name("pages");
    let body = json!({"Name": name, "HttpPorts": [{"Port": 80}]});
    let definition = harness.admin.create("gateway-definitions", &body).await.unwrap()["ID"].as_i64().unwrap();
    let page = format!("/ui/gateway-definitions/{definition}");
    let (viewer, editor) = (token(&harness.platform, "viewer").await, token(&harness.platform, "editor").await);
    let (viewer, editor) = (cookie(&viewer), cookie(&editor));
    let get = async |path: &str, cookie: &str| browse(harness, Method::GET, path, &[("Cookie", cookie)], "").await;

    let seen = get(&page, &viewer).await;
    assert!(seen.code == 200 && seen.text.contains(&definition.to_string()) && !seen.text.contains("Reconcile now"));
    let seen = get(&page, &editor).await;
    assert!(seen.text.contains("Reconcile now") && !seen.text.contains("Audit events"), "{}", seen.text);
    assert!(get("/ui/audit", &editor).await.text.contains("needs the role admin"));
    assert!(get(&format!("{page}/pause"), &viewer).await.text.contains("needs the role editor"));
    let policy = seen.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!((seen.header("cache-control"), seen.header("x-content-type-options")), ("no-store", "nosniff"));

    let press = async |cookie: &str, from: &[(&str, &str)]| {
        browse(harness, Method::POST, &format!("{page}/pause"), &[&[("Cookie", cookie)], from].concat(), "").await
    };
    assert_eq!(press(&viewer, &[("Sec-Fetch-Site", "same-origin")]).await.code, 403);
    for other in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Origin", "https://evil.example")],
        &[],
    ] {
        let refused = press(&editor, other).await;
        assert!(refused.code == 403 && refused.text.contains("nothing was done"), "{other:?}");
    }
    let paused =
        async || harness.admin.get("gateway-definitions", definition).await.unwrap()["InterruptReconciliation"].clone();
    assert_eq!(paused().await, json!(false));
    let done = press(&editor, &[("Sec-Fetch-Site", "same-origin")]).await;
    assert_eq!((done.code, done.header("location")), (303, page.as_str()));
    assert_eq!(paused().await, json!(true));
    let events =
        harness.admin.try_get(&format!("/v0/audit-events?objectid={definition}&before=0&size=1")).await.unwrap();
    let change = &events.record()["Changes"];
    assert_eq!(change, &json!([{"Field": "InterruptReconciliation", "Old": false, "New": true}]), "as by the API");
    assert!(get(&page, &editor).await.text.contains("the work on it is paused"));
}

/// As a browser that has it installed shows it: with each request, and nothing else.
#[tokio::test]
async fn a_client_certificate_signs_in_to_the_pages() {
    let secure = TlsFixture::api("pages_mtls", "mtls,tokens", &[]).await;
    let (ann, bob) = (secure.client_of("ann", "causeway:viewer"), secure.client_of("bob", "causeway:editor"));
    let body = json!({"Name": unique_name("pages"), "HttpPorts": [{"Port": 80}]});
    let definition = bob.create("gateway-definitions", &body).await.unwrap()["ID"].as_i64().unwrap();
    let page = format!("/ui/gateway-definitions/{definition}");
    let away = secure.client(None).try_get(&page).await.unwrap();
    assert_eq!(away.code, 303, "without one there is no page: {}", away.text);
    assert!(away.header("location").starts_with("/ui/login?next="), "{:?}", away.headers);

    for path in ["/ui", &page] {
        let seen = ann.try_get(path).await.unwrap();
        assert!(seen.code == 200 && seen.text.contains("ann · viewer"), "{path}: {}", seen.text);
        assert!(!seen.text.contains("Sign out"), "there is nothing to sign out of");
        assert!(!seen.text.contains("Reconcile now"), "a viewer has no button");
    }
    let seen = bob.try_get(&page).await.unwrap();
    assert!(seen.text.contains("bob · editor") && seen.text.contains("Reconcile now"), "{}", seen.text);
    let same = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "application/x-www-form-urlencoded")];
    let press = async |who: &ApiClient| who.send_raw(Method::POST, &format!("{page}/pause"), &same, "").await.unwrap();
    assert_eq!(press(&ann).await.code, 403);
    assert_eq!(press(&bob).await.code, 303);
    let paused = bob.get("gateway-definitions", definition).await.unwrap();
    assert_eq!(paused["InterruptReconciliation"], json!(true));
    let changes = secure.client_of("cid", "causeway:admin");
    let changes = changes.try_get(&format!("/v0/audit-events?objectid={definition}&before=0&size=1")).await.unwrap();
    assert_eq!(changes.record()["Caller"], "bob", "{}", changes.text);

    // Where no token is taken, there is no form for one.
    let only = TlsFixture::api("pages_only_mtls", "mtls", &[]).await;
    let ann = only.client_of("ann", "causeway:viewer");
    assert!(ann.try_get("/ui").await.unwrap().text.contains("ann · viewer"));
    let login = ann.try_get("/ui/login").await.unwrap();
    assert!(login.code == 401 && login.text.contains("takes client certificates only"), "{}", login.text);
    assert!(only.client(None).try_get("/ui").await.is_err(), "the handshake fails");
}

/// Who writes a name writes it into every page.
#[tokio::test]
async fn texts_of_callers_stay_texts() {
    let harness = harness().await;
    let trick = "\"><script>alert(1)</script>";
    let escaped = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    let body = json!({"Name": unique_name("tricks"), "ServiceName": "web", "HttpPorts": [{"Port": 80}]});
    let definition = harness.admin.create("gateway-definitions", &body).await.unwrap()["ID"].as_i64().unwrap();
    for path in [
        format!("/ui/search?q={escaped}"),
        format!("/ui/hostnames/{escaped}"),
        format!("/ui/gateway-instances?q={escaped}"),
        format!("/ui/login?next={escaped}"),
        format!("/ui/audit?caller={escaped}"),
        format!("/ui/events?name={escaped}"),
        format!("/ui/events?kinds={escaped}"),
        format!("/ui/{escaped}"),
        format!("/ui/gateway-definitions/{definition}/{escaped}"),
        "/ui/gateway-definitions/1".into(),
        "/ui?after=x".into(),
        "/ui/gateway-instances?ready=x&after=y".into(),
    ] {
        let page = harness.admin.try_get(&path).await.unwrap();
        assert!(matches!(page.code, 200 | 400 | 404), "{path}: {}", page.text);
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(!page.text.contains(trick), "{path}: {}", page.text);
        // The only script is our own, by its address.
        let scripts: Vec<_> = page.text.match_indices("<script").map(|(at, _)| &page.text[at..]).collect();
        assert!(scripts.len() == 1 && scripts[0].starts_with("<script src=\"/ui/assets/"), "{path}: {}", page.text);
    }
}

/// A page that follows what happens is held to the same as every page.
#[tokio::test]
async fn a_page_follows_events_for_as_long_as_its_token_counts() {
    let harness = harness().await;
    let made = harness
        .admin
        .create(
            "access-tokens",
            &json!({"Name": unique_name("follows"), "Role": "viewer", "ExpiresAt": Utc::now() + TimeDelta::hours(1)}),
        )
        .await
        .unwrap();
    let (id, token) = (made["ID"].as_i64().unwrap(), made["Token"].as_str().unwrap().to_owned());
    let open = async |path: &str, cookie: &str| {
        let browser = Client::builder().redirect(Policy::none()).build().unwrap();
        browser.get(format!("{}{path}", harness.platform.url())).header("Cookie", cookie).send().await.unwrap()
    };
    assert_eq!(open("/v0/watch", &cookie(&token)).await.status(), 401, "a cookie is for pages");
    assert_eq!(open("/ui/watch", "").await.status(), 303);
    // Of a record that isn't there, so that nothing is told but that the stream lives.
    let mut stream = open("/ui/watch?id=1", &cookie(&token)).await;
    assert_eq!(
        (stream.status().as_u16(), stream.headers()["content-type"].as_bytes()),
        (200, &b"text/event-stream"[..])
    );
    // It outlives the next look at the caller, who has shown a cookie and nothing else.
    let mut heartbeats = 0;
    while heartbeats < 2 {
        let chunk = timeout(AWHILE, stream.chunk()).await.unwrap().unwrap().expect("the stream has ended");
        heartbeats += String::from_utf8_lossy(&chunk).matches(": nothing new").count();
    }
    harness.admin.delete("access-tokens", id).await.unwrap();
    let over = async { while stream.chunk().await.unwrap().is_some() {} };
    timeout(AWHILE, over).await.expect("a stream of a token that was revoked ends");
}

#[tokio::test]
async fn without_authentication_nobody_signs_in() {
    let platform = control_plane("pages", vec![]).await;
    let get = async |path: &str, headers: &[(&str, &str)]| {
        platform.client().send_raw(Method::GET, path, headers, "").await.unwrap()
    };
    let fleet = get("/ui", &[]).await;
    assert!(fleet.code == 200 && fleet.text.contains("anonymous · admin") && !fleet.text.contains("Sign out"));
    assert_eq!(get("/ui/login", &[]).await.header("location"), "/ui");
    let style = fleet
        .text
        .split("href=\"")
        .find_map(|part| part.split_once('"').map(|(path, _)| path).filter(|path| path.ends_with(".css")));
    let style = get(style.unwrap(), &[]).await;
    assert!(style.code == 200 && style.header("cache-control").contains("immutable"));
}
