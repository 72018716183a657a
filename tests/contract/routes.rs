//! Routes of gateway definitions: their rules are Gateway API's, checked as a cluster checks them, and what they match is claimed.

use causeway_testkit::unique_name;
use serde_json::{Value, json};

use crate::{chain::Chain, delete, get, id, made, patch, post};

/// A gateway definition that answers to two hostnames on ports 80 and 8080, with a redirect on 81.
async fn definition(routes: Value) -> Value {
    let name = unique_name("routes");
    let mut body = json!({
        "Name": name, "Hostnames": [format!("a.{name}.test"), format!("b.{name}.test")],
        "HttpPorts": [{"Port": 80}, {"Port": 8080}, {"Port": 81, "HTTPSRedirect": true}],
    });
    body.as_object_mut().unwrap().extend(routes.as_object().unwrap().clone());
    body
}

fn to_web(found: Value) -> Value {
    json!([{"matches": [found], "backendRefs": [{"name": "web", "port": 80}]}])
}

#[tokio::test]
async fn rules_are_refused_as_a_cluster_refuses_them_and_the_path_is_named() {
    let own = made("gateway-definitions", &definition(json!({})).await).await;
    for (plural, rules, field, sentence) in [
        (
            "gateway-http-routes",
            json!([{}, {"matches": [{"path": {"type": "Exact", "value": "no-slash"}}]}]),
            "Rules[1].matches[0].path",
            "value must be an absolute path and start with '/'",
        ),
        ("gateway-http-routes", json!([{"colour": 1}]), "Rules[0].colour", "Gateway API has no such field here"),
        (
            "gateway-http-routes",
            json!([{"timeouts": {"request": "1s", "backendRequest": "2s"}}]),
            "Rules[0].timeouts",
            "backendRequest timeout cannot be longer than request timeout",
        ),
        (
            "gateway-http-routes",
            json!([{"backendRefs": [{"name": "web", "kind": "Backend", "group": "example.org", "port": 80}]}]),
            "Rules[0].backendRefs[0].kind",
            "is no Service; a backend is a Service of a workload",
        ),
        ("gateway-http-routes", json!([{"name": "a\u{0}"}]), "Rules", "holds a NUL character"),
        ("gateway-http-routes", json!({}), "Rules", "is not of type \"array\""),
        ("gateway-grpc-routes", json!([]), "Rules", "holds no rule; write one"),
        (
            "gateway-grpc-routes",
            json!([{"matches": [{"method": {"method": "a/b"}}]}]),
            "Rules[0].matches[0].method",
            "method must only contain valid characters",
        ),
    ] {
        let answer = post(plural, &json!({"GatewayDefinitionID": own, "Rules": rules})).await;
        answer.refused(400, sentence).because("InvalidField", &[field]);
    }
    let inside =
        definition(json!({"HttpRoutes": [{"Rules": [{}]}, {"Rules": [{"filters": [{"type": "CORS"}]}]}]})).await;
    let answer = post("gateway-definitions", &inside).await.refused(400, "filter.cors must be specified");
    answer.because("InvalidField", &["HttpRoutes[1].Rules[0].filters[0]"]);
}

#[tokio::test]
async fn rules_are_stored_as_they_are_sent() {
    let rules = to_web(json!({"path": {"value": "/a"}, "headers": [{"name": "X-Version", "value": "2"}]}));
    let own = made("gateway-definitions", &definition(json!({"HttpRoutes": [{"Rules": rules}]})).await).await;
    let listed = get(&format!("/v0/gateway-http-routes?gatewaydefinitionid={own}")).await;
    let route = &listed.body["Data"][0];
    assert_eq!((&route["Rules"], route.get("Ports"), route.get("Hostnames")), (&rules, None, None));
}

#[tokio::test]
async fn a_route_is_for_ports_and_hostnames_of_its_definition() {
    let chain = Chain::up_to("workload-instances").await;
    let own = made("gateway-definitions", &definition(json!({})).await).await;
    chain.instance_of(own).await.done(201);
    for (more, field, sentence) in [
        (json!({"Ports": [443]}), "Ports", "is for port 443, which isn't among its HttpPorts; add it there"),
        (json!({"Hostnames": ["c.test"]}), "Hostnames", "is for c.test, which gateway definition"),
    ] {
        let mut body = json!({"GatewayDefinitionID": own, "Rules": [{}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("gateway-http-routes", &body).await.refused(400, sentence).because("InvalidField", &[field]);
    }
    let ports = get(&format!("/v0/gateway-http-ports?gatewaydefinitionid={own}&port=8080")).await.ids();
    let route = json!({"GatewayDefinitionID": own, "Rules": [{}], "Ports": [8080]});
    let route = made("gateway-http-routes", &route).await;
    delete("gateway-http-ports", ports[0]).await.refused(400, "is for port 8080, which isn't among its HttpPorts");
    delete("gateway-http-routes", route).await.done(200);
    delete("gateway-http-ports", ports[0]).await.done(200);
}

#[tokio::test]
async fn equal_matches_have_one_holder_and_others_stand_beside_each_other() {
    let chain = Chain::up_to("workload-instances").await;
    let first =
        definition(json!({"HttpRoutes": [{"Rules": to_web(json!({"path": {"value": "/a"}, "method": "GET"}))}]})).await;
    let hostnames = first["Hostnames"].clone();
    let first = made("gateway-definitions", &first).await;
    let holder = chain.instance_of(first).await.done(201).record()["Name"].as_str().unwrap().to_owned();
    let with = async |routes: Value| {
        let mut body = definition(routes).await;
        body["Hostnames"] = hostnames.clone();
        let own = made("gateway-definitions", &body).await;
        (own, chain.instance_of(own).await)
    };
    // The same with the defaults written out, in another order.
    let same = to_web(json!({"method": "GET", "headers": [], "path": {"type": "PathPrefix", "value": "/a/"}}));
    let (_, answer) = with(json!({"HttpRoutes": [{"Rules": same, "Ports": [8080]}]})).await;
    let sentence = format!("/a, method GET on HTTP port 8080 is already held by gateway instance {holder}");
    answer.refused(409, &sentence).because("RouteTaken", &[]);
    // The port's own route for `/` goes to whoever has no route there, and other matches are beside it.
    let other = to_web(json!({"path": {"value": "/a"}}));
    let exact = to_web(json!({"path": {"type": "Exact", "value": "/a"}, "method": "GET"}));
    let (own, answer) = with(json!({"HttpRoutes": [{"Rules": other, "Ports": [80, 8080]}, {"Rules": exact}], "HttpPorts": [{"Port": 80}, {"Port": 8080}]})).await;
    answer.done(201);
    // A route that comes later claims, too.
    let same = to_web(json!({"method": "GET", "path": {"value": "/a"}}));
    let body = json!({"GatewayDefinitionID": own, "Rules": same});
    post("gateway-http-routes", &body).await.refused(409, "already held by").because("RouteTaken", &[]);
    // And so does one that is changed.
    let route = made(
        "gateway-http-routes",
        &json!({"GatewayDefinitionID": own, "Rules": to_web(json!({"path": {"value": "/b"}}))}),
    )
    .await;
    patch("gateway-http-routes", route, &json!({"Rules": same})).await.refused(409, &holder).because("RouteTaken", &[]);
}

/// gRPC has methods instead of paths, and hostnames of its own: where two kinds of route meet, a cluster takes the older one and nobody is told.
#[tokio::test]
async fn routes_of_grpc_have_a_hostname_of_a_port_for_themselves() {
    let chain = Chain::up_to("workload-instances").await;
    let first =
        definition(json!({"GrpcRoutes": [{"Rules": [{"matches": [{"method": {"service": "a"}}]}], "Ports": [80]}]}))
            .await;
    let hostnames = first["Hostnames"].clone();
    let first = made("gateway-definitions", &first).await;
    let holder = chain.instance_of(first).await.done(201).record()["Name"].as_str().unwrap().to_owned();
    let grpc =
        json!({"GatewayDefinitionID": first, "Rules": [{"matches": [{"method": {"service": "b"}}]}], "Ports": [80]});
    assert!(id(post("gateway-grpc-routes", &grpc).await.done(201).record()) > 0);
    post("gateway-grpc-routes", &grpc).await.refused(409, "/b/* (gRPC) on HTTP port 80 is already held by");
    // Of the same definition: the field is named.
    let http = json!({"GatewayDefinitionID": first, "Rules": to_web(json!({"path": {"value": "/a"}})), "Ports": [80]});
    let answer = post("gateway-http-routes", &http).await.refused(400, "Gateway API takes one kind of route");
    answer.because("InvalidField", &["GrpcRoutes"]);
    // Of another one: its holder is.
    let with = async |routes: Value| {
        let mut body = definition(routes).await;
        body["Hostnames"] = hostnames.clone();
        body["HttpPorts"] = json!([{"Port": 80}]);
        chain.instance_of(made("gateway-definitions", &body).await).await
    };
    let answer = with(json!({"HttpRoutes": [{"Rules": to_web(json!({"path": {"value": "/x"}}))}]})).await;
    let sentence = format!("(gRPC) on HTTP port 80, which gateway instance {holder} (id ");
    answer.refused(409, &sentence).because("RouteTaken", &[]);
    let answer = with(json!({})).await;
    answer
        .refused(409, "takes routes of HTTP or of gRPC for a hostname of a port, not both")
        .because("RouteTaken", &[]);
    with(json!({"GrpcRoutes": [{"Rules": [{"matches": [{"method": {"service": "c"}}]}]}]})).await.done(201);
}

#[tokio::test]
async fn a_definition_has_so_many_routes_and_matches() {
    let routes: Vec<_> =
        (0..33).map(|n| json!({"Rules": to_web(json!({"path": {"value": format!("/{n}")}}))})).collect();
    let answer = post("gateway-definitions", &definition(json!({"HttpRoutes": routes})).await).await;
    answer.refused(400, "holds 33 routes; 32 are allowed").because("InvalidField", &["HttpRoutes"]);
    let own = made("gateway-definitions", &definition(json!({"HttpRoutes": routes[..32]})).await).await;
    let body = json!({"GatewayDefinitionID": own, "Rules": [{}]});
    post("gateway-http-routes", &body)
        .await
        .refused(400, "holds 33 routes")
        .because("InvalidField", &["GatewayDefinitionID"]);
}
