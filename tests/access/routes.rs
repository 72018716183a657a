//! What each route asks for, tried with callers of each role.

use causeway_api::{
    app,
    route::{Route, RouteAccess},
};
use causeway_records::nouns::Role;
use causeway_testkit::{Answer, ApiClient};
use hyper::Method;

use crate::harness;

/// A request to a route that changes nothing, whichever caller sends it.
async fn harmless(client: &ApiClient, route: &Route) -> Answer {
    // A stream ends when there is nothing to say.
    let path =
        route.path.replace("{id}", "1").replace("{*rest}", "index.html").replace("/v0/watch", "/v0/watch?wait=0");
    let body = if route.method == Method::GET { "" } else { "{}" };
    client.send_text(route.method.clone(), &path, body).await.unwrap()
}

#[tokio::test]
async fn without_a_token_only_what_is_open_answers() {
    let harness = harness().await;
    let routes = app::routes();
    let open: Vec<_> = routes.list().iter().filter(|route| route.access == RouteAccess::Open).collect();
    let paths: Vec<_> = open.iter().map(|route| route.path.as_str()).collect();
    let swagger = ["/openapi.json", "/swagger", "/swagger/", "/swagger/{*rest}"];
    assert_eq!(paths, [&["/version", "/readyz", "/healthz", "/livez"][..], &swagger[..]].concat(), "what is open");
    for route in routes.list() {
        let answer = harmless(&harness.nobody, route).await;
        if route.access == RouteAccess::Open {
            assert!(matches!(answer.code, 200 | 303), "{} {}: {}", route.method, route.path, answer.text);
        } else {
            assert_eq!(answer.headers["www-authenticate"], r#"Bearer realm="causeway""#);
            answer.refused(401, "`Authorization: Bearer`");
        }
    }
    for path in ["/v0/nonsense", "/", "/v0/gateway-definitions/1/more", "/.well-known/security.txt"] {
        harness.nobody.try_get(path).await.unwrap().refused(401, "nobody knows who asks");
        assert_eq!(harness.viewer.try_get(path).await.unwrap().code, 404);
    }
    harness.nobody.send_text(Method::POST, "/metrics", "").await.unwrap().refused(401, "nobody knows who asks");
}

#[tokio::test]
async fn a_role_passes_where_it_is_enough() {
    let harness = harness().await;
    let callers = [(Role::Viewer, &harness.viewer), (Role::Editor, &harness.editor), (Role::Admin, &harness.admin)];
    for route in app::routes().list() {
        let RouteAccess::Needs(needed) = route.access else { continue };
        for (role, client) in callers {
            let answer = harmless(client, route).await;
            if role < needed {
                answer.refused(403, &format!("needs the role {needed}"));
            } else {
                assert!(!matches!(answer.code, 401 | 403), "{role} {} {}: {}", route.method, route.path, answer.text);
            }
        }
    }
}

/// What is written down in `docs/security.md`.
#[test]
fn reading_is_for_viewers_and_writing_for_editors() {
    let routes = app::routes();
    let admins = |path: &str| path.contains("access-tokens") || path.contains("audit-events");
    for route in routes.list().iter().filter(|route| route.access != RouteAccess::Open) {
        let expected = match route.method {
            _ if admins(&route.path) => Role::Admin,
            Method::GET => Role::Viewer,
            _ => Role::Editor,
        };
        assert_eq!(route.access, RouteAccess::Needs(expected), "{} {}", route.method, route.path);
    }
    let document = app::document();
    let paths = document["paths"].as_object().unwrap().iter();
    let documented = paths.flat_map(|(path, verbs)| verbs.as_object().unwrap().keys().map(move |verb| (verb, path)));
    let mut documented: Vec<_> = documented.map(|(verb, path)| format!("{} {path}", verb.to_uppercase())).collect();
    let pages = routes.list().iter().filter(|route| !route.path.starts_with("/swagger"));
    let mut listed: Vec<_> = pages.map(|route| format!("{} {}", route.method, route.path)).collect();
    documented.sort_unstable();
    listed.sort_unstable();
    assert_eq!(documented, listed, "the API document has every route and no other");
    let mut seen: Vec<_> = routes.list().iter().map(|route| (route.method.as_str(), route.path.as_str())).collect();
    seen.sort_unstable();
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "no route is there twice");
}
