//! Ingresses, and what comes of them.

use crate::{Import, import};
use causeway_manifests::{Budget, read};
use causeway_records::Kind;
use serde_json::{Value, json};

const NGINX: &str = "nginx.ingress.kubernetes.io/";

fn object(name: &str, annotations: &[(&str, &str)], spec: &Value) -> String {
    let annotations: serde_json::Map<_, _> =
        annotations.iter().map(|(key, value)| (format!("{NGINX}{key}"), json!(value))).collect();
    let metadata = json!({"name": name, "namespace": "shop", "annotations": annotations});
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": spec}).to_string()
        + "\n"
}

fn path(path: &str, service: &str) -> Value {
    json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 8080}}}})
}

/// One host with these paths.
fn host(paths: &[Value]) -> Value {
    json!({"rules": [{"host": "shop.test", "http": {"paths": paths}}]})
}

fn imported(text: &str) -> Import {
    import(read(text, &Budget::default()).unwrap()).unwrap()
}

fn definitions(import: &Import) -> Vec<Value> {
    let all = import.documents().into_iter().filter(|document| document.kind == Kind::GatewayDefinition);
    all.map(|document| Value::Object(document.fields)).collect()
}

/// The rules of the only route.
fn rules(annotations: &[(&str, &str)], spec: &Value) -> Value {
    let all = definitions(&imported(&object("web", annotations, spec)));
    assert_eq!(all.len(), 1, "{all:?}");
    all[0]["HttpRoutes"][0]["Rules"].clone()
}

fn told(import: &Import) -> Vec<String> {
    let line = |finding: &crate::Finding| {
        format!("{} {} {}", finding.loss.as_str(), finding.object.name, finding.field.replace(NGINX, ""))
    };
    import.report.iter().map(line).filter(|line| !line.ends_with("YAMLDocument")).collect()
}

/// An Ingress means one label by its asterisk.
#[test]
fn a_wildcard_is_a_hostname_and_stands_for_more_than_before() {
    let rule = |host: &str| json!({"host": host, "http": {"paths": [path("/", "web")]}});
    let spec = json!({"rules": [rule("*.Shop.test"), rule("www.shop.test"), rule("*")]});
    let import = imported(&object("web", &[], &spec));
    assert_eq!(definitions(&import)[0]["Hostnames"], json!(["*.shop.test", "www.shop.test"]));
    assert_eq!(told(&import), ["Lossy web spec.rules[0].host", "Unsupported web spec.rules[2]"]);
    let wild = import.report.iter().find(|finding| finding.field == "spec.rules[0].host").unwrap();
    assert!(wild.problem.starts_with("stands for one label in an Ingress"), "{}", wild.problem);
}

#[test]
fn paths_become_rules() {
    let import = imported(&object("web", &[], &host(&[path("/login", "login"), path("/", "web")])));
    let rule = |value: &str, service: &str| json!({"matches": [{"path": {"type": "PathPrefix", "value": value}}], "backendRefs": [{"name": service, "port": 8080}]});
    let expected = json!({
        "Name": "web", "Hostnames": ["shop.test"], "HttpPorts": [{"Port": 80}],
        "HttpRoutes": [{"Rules": [rule("/login", "login"), rule("/", "web")]}],
    });
    assert_eq!(definitions(&import), [expected]);
    assert_eq!(told(&import), Vec::<String>::new());
}

#[test]
fn hosts_with_a_certificate_redirect_to_https() {
    let spec = json!({
        "tls": [{"hosts": ["a.shop.test"], "secretName": "s"}],
        "rules": [{"host": "a.shop.test", "http": {"paths": [path("/", "a")]}}, {"host": "b.shop.test", "http": {"paths": [path("/", "b")]}}],
    });
    let import = imported(&object("web", &[], &spec));
    let shown: Vec<_> =
        definitions(&import).iter().map(|one| format!("{} {}", one["Hostnames"], one["HttpPorts"])).collect();
    let redirect = r#"["a.shop.test"] [{"HTTPSRedirect":true,"Port":80},{"Port":443,"TLSEnabled":true}]"#;
    assert_eq!(shown, [r#"["b.shop.test"] [{"Port":80}]"#, redirect]);
    let lossy = r#"Lossy web metadata.annotations["ssl-redirect"]"#;
    assert_eq!(told(&import), ["Lossy web spec.tls[0].secretName", lossy, "Needed shop.test AdminEmail"]);
    let without = imported(&object("web", &[("ssl-redirect", "false")], &spec));
    assert!(definitions(&without)[1]["HttpPorts"][0].get("HTTPSRedirect").is_none());
    let of_another = object(
        "tls",
        &[],
        &json!({"tls": [{"hosts": ["shop.test"]}], "rules": [{"host": "shop.test", "http": {"paths": [path("/x", "x")]}}]}),
    );
    let both = imported(&(object("web", &[], &host(&[path("/", "web")])) + &of_another));
    assert!(
        definitions(&both).iter().all(|one| one["HttpPorts"][1]["TLSEnabled"] == true),
        "a certificate is the hostname's"
    );
}

#[test]
fn hosts_with_the_same_rules_share_a_route() {
    let rule = |host: &str, service: &str| json!({"host": host, "http": {"paths": [path("/", service)]}});
    let spec = json!({"rules": [rule("a.test", "web"), rule("b.test", "web"), rule("c.test", "other")]});
    let all = definitions(&imported(&object("web", &[], &spec)));
    let hostnames: Vec<_> =
        all[0]["HttpRoutes"].as_array().unwrap().iter().map(|route| route["Hostnames"].clone()).collect();
    assert_eq!((all.len(), hostnames), (1, vec![json!(["a.test", "b.test"]), json!(["c.test"])]));
    assert_eq!(all[0]["Hostnames"], json!(["a.test", "b.test", "c.test"]));
}

#[test]
fn annotations_become_filters_and_timeouts() {
    let one = host(&[path("/a", "web")]);
    let filter = |annotations: &[(&str, &str)]| rules(annotations, &one)[0]["filters"][0].clone();
    let rewrite =
        json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/b"}}});
    assert_eq!(filter(&[("rewrite-target", "/b")]), rewrite);
    let both = filter(&[("rewrite-target", "/b"), ("upstream-vhost", "inner.test")]);
    assert_eq!(both["urlRewrite"]["hostname"], "inner.test", "an address is rewritten once: {both}");
    let redirect = filter(&[("permanent-redirect", "https://new.test/x"), ("permanent-redirect-code", "308")]);
    assert_eq!(
        (&redirect["requestRedirect"]["hostname"], &redirect["requestRedirect"]["statusCode"]),
        (&json!("new.test"), &json!(308))
    );
    let cors = filter(&[
        ("enable-cors", "true"),
        ("cors-allow-origin", "https://a.test, https://b.test"),
        ("cors-max-age", "60"),
    ]);
    assert_eq!(
        (&cors["cors"]["allowOrigins"], &cors["cors"]["maxAge"]),
        (&json!(["https://a.test", "https://b.test"]), &json!(60))
    );
    assert_eq!(rules(&[("proxy-read-timeout", "30")], &one)[0]["timeouts"], json!({"request": "30s"}));
    let root = rules(&[("app-root", "/home")], &one);
    assert_eq!(root[1]["matches"][0]["path"], json!({"type": "Exact", "value": "/"}), "{root}");
}

#[test]
fn annotations_without_counterpart_are_reported_with_the_reason() {
    let annotations =
        [("auth-url", "http://a"), ("use-regex", "perhaps"), ("proxy-body-size", "1m"), ("backend-protocol", "HTTPS")];
    let import = imported(&object("web", &annotations, &host(&[path("/", "web")])));
    let mut told = told(&import);
    told.sort();
    let expected = ["auth-url", "backend-protocol", "proxy-body-size", "use-regex"]
        .map(|key| format!(r#"Unsupported web metadata.annotations["{key}"]"#));
    assert_eq!(told, expected);
}

#[test]
fn backends_of_grpc_have_grpc_routes() {
    let spec = host(&[path("/shop.v1.Cart/Add", "cart"), path("/", "web"), path("/a/b/c", "x")]);
    let import = imported(&object("web", &[("backend-protocol", "GRPC"), ("rewrite-target", "/x")], &spec));
    let rules = definitions(&import)[0]["GrpcRoutes"][0]["Rules"].clone();
    assert_eq!(rules[0]["matches"], json!([{"method": {"service": "shop.v1.Cart", "method": "Add"}}]));
    assert_eq!(rules[1], json!({"backendRefs": [{"name": "web", "port": 8080}]}));
    let told = told(&import);
    assert!(told.contains(&"Unsupported web spec.rules[0].http.paths[2]".to_owned()), "{told:?}");
    assert!(told.contains(&r#"Lossy web metadata.annotations["rewrite-target"]"#.to_owned()), "{told:?}");
}

#[test]
fn a_canary_gets_its_share() {
    let main = object("web", &[], &host(&[path("/", "web")]));
    let canary = |annotations: &[(&str, &str)]| {
        let all = [&[("canary", "true")][..], annotations].concat();
        let import = imported(&(main.clone() + &object("next", &all, &host(&[path("/", "next")]))));
        assert_eq!(told(&import), Vec::<String>::new());
        definitions(&import)[0]["HttpRoutes"][0]["Rules"].clone()
    };
    let weighed = json!([{"name": "web", "port": 8080, "weight": 80}, {"name": "next", "port": 8080, "weight": 20}]);
    assert_eq!(canary(&[("canary-weight", "20")])[0]["backendRefs"], weighed);
    let by_header = canary(&[("canary-by-header", "x-next"), ("canary-weight", "20")]);
    let of: Vec<_> = by_header
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (rule["matches"][0]["headers"][0]["value"].clone(), rule["backendRefs"][0]["name"].clone()))
        .collect();
    let expected = [(Value::Null, json!("web")), (json!("always"), json!("next")), (json!("never"), json!("web"))];
    assert_eq!(of, expected);
    let alone = imported(&object("next", &[("canary", "true"), ("canary-weight", "20")], &host(&[path("/", "next")])));
    assert!(definitions(&alone).is_empty());
    let told = told(&alone);
    assert!(told.contains(&"Unsupported next spec.rules[0].http.paths[0]".to_owned()), "{told:?}");
    assert!(told.contains(&"Unsupported next spec.rules[0].host".to_owned()), "{told:?}");
}

#[test]
fn a_port_with_a_name_needs_its_service() {
    let spec = host(&[
        json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"name": "http"}}}}),
    ]);
    let import = imported(&object("web", &[], &spec));
    assert_eq!(told(&import), ["Needed web spec.rules[0].http.paths[0].backend.service"]);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"ports": [{"name": "http", "port": 81}]}});
    let import = imported(&format!("{}{service}", object("web", &[], &spec)));
    assert_eq!(
        definitions(&import)[0]["HttpRoutes"][0]["Rules"][0]["backendRefs"],
        json!([{"name": "web", "port": 81}])
    );
}

#[test]
fn what_the_default_backend_gets_has_no_host() {
    let spec = json!({"defaultBackend": {"service": {"name": "rest", "port": {"number": 80}}}});
    let all = definitions(&imported(&object("web", &[], &spec)));
    assert_eq!(all[0].get("Hostnames"), None);
    assert_eq!(all[0]["HttpRoutes"], json!([{"Rules": [{"backendRefs": [{"name": "rest", "port": 80}]}]}]));
}

#[test]
fn more_than_sixteen_paths_are_several_routes() {
    let paths: Vec<_> = (0..20).map(|n| path(&format!("/p{n}"), "web")).collect();
    let all = definitions(&imported(&object("web", &[], &host(&paths))));
    let counts: Vec<_> =
        all[0]["HttpRoutes"].as_array().unwrap().iter().map(|route| route["Rules"].as_array().unwrap().len()).collect();
    assert_eq!((all.len(), counts), (1, vec![16, 4]));
}
