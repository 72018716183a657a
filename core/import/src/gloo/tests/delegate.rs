//! RouteTables, to which routes delegate.

use super::*;

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
