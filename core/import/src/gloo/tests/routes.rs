//! The routes of a VirtualService: matches, actions and options.

use super::*;

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
