use crate::{Finding, Import, import};
use causeway_manifests::{Budget, read};
use causeway_records::Kind;
use serde_json::{Value, json};

fn object(group: &str, kind: &str, name: &str, spec: &Value) -> String {
    let body = json!({
        "apiVersion": format!("{group}.solo.io/v1"), "kind": kind, "metadata": {"name": name, "namespace": "gloo-system"}, "spec": spec,
    });
    format!("{body}\n")
}

fn virtual_service(spec: &Value) -> String {
    object("gateway", "VirtualService", "vs", spec)
}

/// A VirtualService for a hostname.
fn with_routes(routes: Value) -> String {
    virtual_service(&json!({"virtualHost": {"domains": ["shop.test"], "routes": routes}}))
}

fn imported(text: &str) -> Import {
    import(read(text, &Budget::default()).unwrap()).unwrap()
}

fn of(import: &Import, kind: Kind) -> Vec<Value> {
    let all = import.documents().into_iter().filter(|document| document.kind == kind);
    all.map(|document| Value::Object(document.fields)).collect()
}

/// The rules of the only route.
fn rules(import: &Import) -> Value {
    let all = of(import, Kind::GatewayDefinition);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0]["HttpRoutes"][0]["Rules"].clone()
}

fn told(import: &Import) -> Vec<String> {
    let line = |finding: &Finding| format!("{} {} {}", finding.loss.as_str(), finding.object.name, finding.field);
    import.report.iter().map(line).filter(|line| !line.ends_with("YAMLDocument")).collect()
}

fn to(service: &str) -> Value {
    json!({"single": {"kube": {"ref": {"name": service, "namespace": "shop"}, "port": 8080}}})
}

fn backend(service: &str) -> Value {
    json!({"name": service, "port": 8080})
}

fn path(value: &str) -> Value {
    json!({"path": {"type": "PathPrefix", "value": value}})
}

/// The VirtualService of the page becomes the sample that the page points to.
#[test]
fn the_example_of_the_page_is_its_sample() {
    let page = include_str!("../../../../docs/from-gloo.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let import = imported(example);
    let sample = include_str!("../../../../deploy/samples/routes/from-gloo.yaml");
    let sample = causeway_manifests::read_documents(sample, &Budget::default()).unwrap()[0].clone();
    let gateway = &sample["Workload"]["Gateway"];
    assert_eq!(rules(&import), gateway["HttpRoutes"][0]["Rules"]);
    let definition = of(&import, Kind::GatewayDefinition)[0].clone();
    assert_eq!((&definition["Hostnames"], &definition["HttpPorts"]), (&gateway["Hostnames"], &gateway["HttpPorts"]));
}

#[test]
fn the_sample_is_said_but_for_what_the_report_names() {
    let import = imported(include_str!("../../../../deploy/samples/import/gloo.yaml"));
    insta::assert_yaml_snapshot!("gloo_documents", import.documents());
    let lines: Vec<_> = import.report.iter().map(|finding| format!("{}: {finding}", finding.loss.as_str())).collect();
    insta::assert_yaml_snapshot!("gloo_report", lines);
}

#[test]
fn routes_become_rules() {
    let routes = json!([
        {
            "name": "login",
            "matchers": [{
                "exact": "/login", "methods": ["GET", "POST"],
                "headers": [{"name": "x-a", "value": "b"}, {"name": "x-c", "value": "d+", "regex": true}, {"name": "x-e"}],
                "queryParameters": [{"name": "q", "value": "r"}],
            }],
            "routeAction": to("login"),
            "options": {
                "timeout": "1.5s",
                "headerManipulation": {
                    "requestHeadersToAdd": [{"header": {"key": "x-from", "value": "gloo"}, "append": false}, {"header": {"key": "x-more", "value": "1"}}],
                    "responseHeadersToRemove": ["x-old"],
                },
            },
        },
        {"matchers": [{"prefix": "/"}], "routeAction": {"multi": {"destinations": [
            {"weight": 9, "destination": {"kube": {"ref": {"name": "web", "namespace": "shop"}, "port": 8080}}},
            {"weight": 1, "destination": {"kube": {"ref": {"name": "canary", "namespace": "shop"}, "port": 8080}}},
        ]}}},
    ]);
    let import = imported(&with_routes(routes));
    assert_eq!(told(&import), [""; 0]);
    let found = rules(&import);
    let methods: Vec<_> = found[0]["matches"].as_array().unwrap().iter().map(|found| &found["method"]).collect();
    assert_eq!(methods, ["GET", "POST"]);
    let headers = json!([
        {"name": "x-a", "value": "b"}, {"name": "x-c", "value": "d+", "type": "RegularExpression"}, {"name": "x-e", "value": ".*", "type": "RegularExpression"},
    ]);
    assert_eq!(found[0]["matches"][0]["headers"], headers);
    assert_eq!(found[0]["matches"][0]["queryParams"], json!([{"name": "q", "value": "r"}]));
    assert_eq!((&found[0]["name"], &found[0]["timeouts"]), (&json!("login"), &json!({"request": "1500ms"})));
    let modifier = json!({"set": [{"name": "x-from", "value": "gloo"}], "add": [{"name": "x-more", "value": "1"}]});
    assert_eq!(found[0]["filters"][0]["requestHeaderModifier"], modifier);
    assert_eq!(found[0]["filters"][1]["responseHeaderModifier"], json!({"remove": ["x-old"]}));
    let weighed = json!([{"name": "web", "port": 8080, "weight": 9}, {"name": "canary", "port": 8080, "weight": 1}]);
    assert_eq!(found[1], json!({"backendRefs": weighed}));
    let definition = &of(&import, Kind::GatewayDefinition)[0];
    assert_eq!((&definition["Hostnames"], &definition["HttpPorts"]), (&json!(["shop.test"]), &json!([{"Port": 80}])));
    assert_eq!(of(&import, Kind::GatewayInstance)[0]["WorkloadInstance"]["Name"], "shop");
}

#[test]
fn a_path_is_rewritten_as_its_match_says() {
    let routes = json!([
        {"matchers": [{"prefix": "/a"}, {"exact": "/b"}], "routeAction": to("web"), "options": {"prefixRewrite": "/x", "hostRewrite": "in.test"}},
        {"matchers": [{"prefix": "/old"}], "redirectAction": {"prefixRewrite": "/new", "httpsRedirect": true, "responseCode": "PERMANENT_REDIRECT"}},
        {"matchers": [{"prefix": "/"}], "redirectAction": {"hostRedirect": "new.test", "pathRedirect": "/", "stripQuery": true}},
    ]);
    let import = imported(&with_routes(routes));
    let found = rules(&import);
    let rewrite = |path: Value| json!([{"type": "URLRewrite", "urlRewrite": {"hostname": "in.test", "path": path}}]);
    assert_eq!(found[0]["matches"], json!([path("/a")]));
    assert_eq!(found[0]["filters"], rewrite(json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"})));
    assert_eq!(found[1]["filters"], rewrite(json!({"type": "ReplaceFullPath", "replaceFullPath": "/x"})));
    let redirect = json!({"scheme": "https", "statusCode": 308, "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"}});
    assert_eq!(found[2]["filters"][0]["requestRedirect"], redirect);
    assert_eq!(found[3]["filters"][0]["requestRedirect"]["hostname"], "new.test");
    let told = told(&import);
    assert!(
        told.contains(&"Unsupported vs spec.virtualHost.routes[2].redirectAction.stripQuery".to_owned()),
        "{told:?}"
    );
    assert!(told.contains(&"Lossy vs spec.virtualHost.routes[0].matchers[0].prefix".to_owned()), "{told:?}");
}

#[test]
fn what_cannot_be_said_is_reported() {
    let routes = json!([
        {"matchers": [{"exact": "/a", "caseSensitive": false}], "routeAction": to("web")},
        {"matchers": [{"exact": "/b", "headers": [{"name": "x", "invertMatch": true}]}], "routeAction": to("web")},
        {"matchers": [{"exact": "/c"}], "directResponseAction": {"status": 200, "body": "ok"}},
        {"matchers": [{"exact": "/d"}], "routeAction": to("web"), "options": {"retries": {"numRetries": 3}, "extauth": {"disable": true}}},
    ]);
    let import = imported(&with_routes(routes));
    let expected = [
        "Unsupported vs spec.virtualHost.routes[0].matchers[0].caseSensitive",
        "Unsupported vs spec.virtualHost.routes[1].matchers[0].headers[0]",
        "Unsupported vs spec.virtualHost.routes[1]",
        "Unsupported vs spec.virtualHost.routes[2].directResponseAction",
        "Unsupported vs spec.virtualHost.routes[3].options",
    ];
    assert_eq!(told(&import), expected);
    assert_eq!(rules(&import).as_array().unwrap().len(), 3);
    assert_eq!(
        rules(&import)[1],
        json!({"matches": [{"path": {"type": "Exact", "value": "/c"}}]}),
        "answered with an error"
    );
}

#[test]
fn the_first_route_counts() {
    let routes = json!([
        {"matchers": [{"prefix": "/"}], "routeAction": to("web")},
        {"matchers": [{"exact": "/login"}], "routeAction": to("login")},
    ]);
    let import = imported(&with_routes(routes));
    assert_eq!(rules(&import), json!([{"backendRefs": [backend("web")]}]));
    assert_eq!(told(&import), ["Unsupported vs spec.virtualHost.routes[1]"]);
}

#[test]
fn an_upstream_stands_for_a_service() {
    let upstream = |name: &str, spec: Value| object("gloo", "Upstream", name, &spec);
    let kube = json!({"kube": {"serviceName": "web", "serviceNamespace": "shop", "servicePort": 8080}, "healthChecks": [{"timeout": "1s"}]});
    let names = |name: &str| json!({"single": {"upstream": {"name": name, "namespace": "gloo-system"}}});
    let routes = json!([
        {"matchers": [{"exact": "/a"}], "routeAction": names("web"), "options": {"shadowing": {"upstream": {"name": "web", "namespace": "gloo-system"}, "percentage": 12.5}}},
        {"matchers": [{"exact": "/b"}], "routeAction": names("outside")},
        {"matchers": [{"exact": "/c"}], "routeAction": names("missing")},
    ]);
    let outside = upstream("outside", json!({"static": {"hosts": [{"addr": "example.org", "port": 443}]}}));
    let unused =
        upstream("unused", json!({"kube": {"serviceName": "x", "serviceNamespace": "shop", "servicePort": 1}}));
    let import = imported(&(with_routes(routes) + &upstream("web", kube) + &outside + &unused));
    let found = rules(&import);
    assert_eq!(found[0]["backendRefs"], json!([backend("web")]));
    let mirror = json!({"backendRef": backend("web"), "fraction": {"numerator": 1250, "denominator": 10000}});
    assert_eq!(found[0]["filters"], json!([{"type": "RequestMirror", "requestMirror": mirror}]));
    let expected = [
        "Unsupported vs spec.virtualHost.routes[1].routeAction.single.upstream",
        "Needed vs spec.virtualHost.routes[2].routeAction.single.upstream",
        "Unsupported web spec.healthChecks",
        "Unsupported outside spec",
        "Unsupported unused ",
    ];
    assert_eq!(told(&import), expected);
}

#[test]
fn delegated_routes_stand_in_the_place_of_those_that_delegate() {
    let table = |name: &str, spec: Value| object("gateway", "RouteTable", name, &spec);
    let routes = json!([
        {"matchers": [{"prefix": "/api"}], "delegateAction": {"ref": {"name": "api", "namespace": "gloo-system"}}, "options": {"timeout": "3s"}},
        {"matchers": [{"prefix": "/deep"}], "inheritablePathMatchers": true, "delegateAction": {"selector": {"labels": {"team": "deep"}}}},
        {"matchers": [{"prefix": "/gone"}], "delegateAction": {"ref": {"name": "gone", "namespace": "gloo-system"}}},
    ]);
    let api = table(
        "api",
        json!({"routes": [
            {"matchers": [{"exact": "/api/v1"}], "routeAction": to("v1")},
            {"matchers": [{"exact": "/other"}], "routeAction": to("v1")},
            {"matchers": [{"exact": "/api/v2"}], "routeAction": to("v2"), "options": {"timeout": "9s"}},
        ]}),
    );
    let mut deep: Value = serde_json::from_str(&table(
        "deep",
        json!({"weight": 1, "routes": [{"matchers": [{"exact": "/x"}], "routeAction": to("x")}]}),
    ))
    .unwrap();
    deep["metadata"]["labels"] = json!({"team": "deep"});
    let idle = table("idle", json!({"routes": [{"routeAction": to("x")}]}));
    let import = imported(&format!("{}{api}{deep}\n{idle}", with_routes(routes)));
    let shown: Vec<_> = rules(&import)
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            format!(
                "{} {} {}",
                rule["matches"][0]["path"]["value"], rule["backendRefs"][0]["name"], rule["timeouts"]["request"]
            )
        })
        .collect();
    assert_eq!(shown, [r#""/api/v1" "v1" "3s""#, r#""/api/v2" "v2" "9s""#, r#""/deep/x" "x" null"#]);
    let told = told(&import);
    for line in [
        "Unsupported api spec.routes[1].matchers[0].exact",
        "Needed vs spec.virtualHost.routes[2].delegateAction",
        "Unsupported idle ",
    ] {
        assert!(told.contains(&line.to_owned()), "{line}: {told:?}");
    }
}

#[test]
fn tables_that_delegate_to_each_other_end() {
    let table = |name: &str, to: &str| {
        let route = json!({"matchers": [{"prefix": "/a"}], "delegateAction": {"ref": {"name": to, "namespace": "gloo-system"}}});
        object("gateway", "RouteTable", name, &json!({"routes": [route]}))
    };
    let routes = json!([{"matchers": [{"prefix": "/a"}], "delegateAction": {"ref": {"name": "one", "namespace": "gloo-system"}}}]);
    let import = imported(&(with_routes(routes) + &table("one", "two") + &table("two", "one")));
    assert!(import.gateways.is_empty());
    assert!(told(&import).contains(&"Needed two spec.routes[0].delegateAction".to_owned()), "{:?}", told(&import));
}

#[test]
fn workloads_share_a_hostname_and_what_goes_across_is_granted() {
    let elsewhere = json!({"multi": {"destinations": [
        {"weight": 1, "destination": {"kube": {"ref": {"name": "search", "namespace": "search"}, "port": 80}}},
        {"weight": 1, "destination": {"kube": {"ref": {"name": "web", "namespace": "shop"}, "port": 8080}}},
    ]}});
    let routes = json!([
        {"matchers": [{"exact": "/search"}], "routeAction": elsewhere},
        {"matchers": [{"prefix": "/"}], "routeAction": to("web")},
    ]);
    let import = imported(&with_routes(routes));
    let all = of(&import, Kind::GatewayDefinition);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| one["Hostnames"] == json!(["shop.test"])));
    let instances = of(&import, Kind::GatewayInstance);
    let workloads: Vec<_> = instances.iter().map(|one| one["WorkloadInstance"]["Name"].clone()).collect();
    assert_eq!(workloads, ["search", "shop"]);
    assert_eq!(all[0]["HttpRoutes"][0]["Rules"][0]["backendRefs"][1]["namespace"], "shop");
    let grants = of(&import, Kind::GatewayGrant);
    assert_eq!(grants.len(), 1);
    assert_eq!((&grants[0]["WorkloadInstance"]["Name"], &grants[0]["ServiceNames"]), (&json!("shop"), &json!(["web"])));
}

#[test]
fn ports_are_those_of_the_gateways_that_serve_it() {
    let gateway = |name: &str, spec: Value| object("gateway", "Gateway", name, &spec);
    let routes = json!([{"matchers": [{"prefix": "/"}], "routeAction": to("web")}]);
    let host = json!({"domains": ["shop.example.org", "*"], "routes": routes});
    let secure = virtual_service(
        &json!({"virtualHost": host, "sslConfig": {"secretRef": {"name": "s", "namespace": "gloo-system"}, "sniDomains": ["shop.example.org"]}}),
    );
    let gateways =
        gateway("plain", json!({"bindAddress": "::", "bindPort": 8080, "httpGateway": {}, "useProxyProto": false}))
            + &gateway("tls", json!({"bindPort": 8443, "ssl": true, "httpGateway": {}}))
            + &gateway(
                "more",
                json!({"bindPort": 9443, "ssl": true, "httpGateway": {"virtualServiceSelector": {"team": "other"}}}),
            );
    let import = imported(&(secure.clone() + &gateways));
    let definition = of(&import, Kind::GatewayDefinition)[0].clone();
    assert_eq!(definition["HttpPorts"], json!([{"Port": 443, "TLSEnabled": true}]));
    assert_eq!(
        (&definition["Hostnames"], &definition["DomainNameDefinition"]["Name"]),
        (&json!(["shop.example.org"]), &json!("example.org"))
    );
    let expected = [
        "Unsupported vs spec.virtualHost.domains[1]",
        "Lossy vs spec.sslConfig.secretRef",
        "Lossy plain spec.bindPort",
        "Unsupported plain spec",
        "Lossy tls spec.bindPort",
        "Unsupported more spec",
        "Needed example.org AdminEmail",
    ];
    assert_eq!(told(&import), expected);
    let none = imported(&(secure + &gateway("plain", json!({"bindPort": 8080, "httpGateway": {}}))));
    assert!(none.gateways.is_empty() && told(&none).contains(&"Unsupported vs spec".to_owned()), "{:?}", told(&none));
}

#[test]
fn hosts_for_tcp_are_ports() {
    let target =
        |service: &str| json!({"single": {"kube": {"ref": {"name": service, "namespace": "shop"}, "port": 5432}}});
    let hosts = json!([
        {"name": "db", "destination": target("db")},
        {"name": "passed", "destination": target("db"), "sslConfig": {"sniDomains": ["db.example.org"]}},
        {"name": "ended", "destination": target("db"), "sslConfig": {"sniDomains": ["e.example.org"], "secretRef": {"name": "s", "namespace": "shop"}}},
    ]);
    let gateway = object("gateway", "Gateway", "tcp", &json!({"bindPort": 5432, "tcpGateway": {"tcpHosts": hosts}}));
    let import = imported(&gateway);
    let ports: Vec<_> = of(&import, Kind::GatewayDefinition).iter().map(|one| one["TcpPorts"].to_string()).collect();
    let expected = [
        r#"[{"Port":5432,"ServicePort":5432}]"#,
        r#"[{"Port":5432,"ServicePort":5432,"TLSEnabled":true,"TLSMode":"Passthrough"}]"#,
        r#"[{"Port":5432,"ServicePort":5432,"TLSEnabled":true,"TLSMode":"Terminate"}]"#,
    ];
    assert_eq!(ports, expected);
}
