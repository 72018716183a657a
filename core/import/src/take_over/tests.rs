use super::*;
use crate::Document;
use causeway_manifests::{Budget, read};
use causeway_records::{Kind, nouns::ListenerRoutes};
use serde_json::{Value, json};

fn taken(objects: &[Value]) -> Import {
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    take_over(read(&text, &Budget::default()).unwrap(), "main".parse().unwrap()).unwrap()
}

fn of(import: &Import, kind: Kind) -> Vec<Value> {
    let all = import.documents().into_iter().filter(|document| document.kind == kind);
    all.map(|document| Value::Object(document.fields)).collect()
}

fn told(import: &Import) -> Vec<String> {
    let line = |finding: &Finding| format!("{} {} {}", finding.loss.as_str(), finding.object.name, finding.field);
    import.report.iter().map(line).collect()
}

/// Names the objects and why each is left.
fn left(import: &Import) -> Vec<String> {
    let all = import.report.iter().filter(|finding| finding.problem.starts_with("it isn't taken over, and stays"));
    all.map(|finding| format!("{}: {}", finding.object, finding.problem)).collect()
}

fn object(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "uid": "u", "labels": {"team": "a"}, "annotations": {"a": "b"}},
        "spec": spec, "status": {"conditions": []},
    })
}

fn http() -> Value {
    json!({"name": "http", "port": 80, "protocol": "HTTP", "hostname": "*.shop.test", "allowedRoutes": {"namespaces": {"from": "All"}}})
}

fn gateway_of(listeners: Value) -> Value {
    object("Gateway", "ingress", "edge", json!({"gatewayClassName": "eg", "listeners": listeners}))
}

fn parent() -> Value {
    json!([{"name": "edge", "namespace": "ingress"}])
}

fn route_of(name: &str, hostname: &str, rule: Value) -> Value {
    let spec = json!({"parentRefs": parent(), "hostnames": [hostname], "rules": [rule]});
    object("HTTPRoute", "shop", name, spec)
}

fn rule() -> Value {
    json!({"backendRefs": [{"name": "web", "port": 8080}]})
}

#[test]
fn a_gateway_and_its_routes_are_taken_over_under_their_names() {
    let import = taken(&[
        gateway_of(json!([http()])),
        route_of("web", "www.shop.test", rule()),
        route_of("api", "api.shop.test", rule()),
    ]);
    assert_eq!(told(&import), [""; 0], "labels and annotations stay on the objects");
    let main = json!({"Name": "main"});
    let listener = json!({
        "Name": "http", "Port": 80, "Protocol": "HTTP", "Hostname": "*.shop.test", "AllowedRoutes": {"namespaces": {"from": "All"}},
    });
    let expected = json!({
        "Name": "edge", "KubernetesRuntimeInstance": main, "GatewayClassName": "eg", "Namespace": "ingress", "GatewayName": "edge",
        "Listeners": [listener], "AttachableBy": "WorkloadInstances", "WorkloadInstances": [{"Name": "shop"}], "KeepOnDelete": true,
    });
    assert_eq!(of(&import, Kind::SharedGateway), [expected]);
    let instance = |name: &str| {
        json!({
            "Name": name, "GatewayDefinition": {"Name": name}, "WorkloadInstance": {"Name": "shop"}, "KubernetesRuntimeInstance": main,
            "SharedGateway": {"Name": "edge"}, "RouteName": name, "KeepOnDelete": true,
        })
    };
    assert_eq!(of(&import, Kind::GatewayInstance), [instance("web"), instance("api")]);
    let workload = json!({
        "Name": "shop", "WorkloadDefinition": {"Name": "shop"}, "KubernetesRuntimeInstance": main, "Namespace": "shop",
    });
    assert_eq!(of(&import, Kind::WorkloadInstance), [workload]);
    let manifests = of(&import, Kind::WorkloadDefinition)[0]["YAMLDocument"].as_str().unwrap().to_owned();
    assert!(manifests.contains('\n') && read(&manifests, &Budget::default()).unwrap().is_empty(), "{manifests}");
    let definition = &of(&import, Kind::GatewayDefinition)[0];
    assert_eq!(
        (&definition["HttpPorts"], &definition["Hostnames"]),
        (&json!([{"Port": 80}]), &json!(["www.shop.test"]))
    );
}

#[test]
fn documents_have_the_fields_of_their_kinds() {
    let import = taken(&[gateway_of(json!([http()])), route_of("web", "www.shop.test", rule())]);
    for Document { kind, fields } in import.documents() {
        let known = |key: &String| {
            let is = |field: &causeway_records::field::Field| {
                let one = field.json.strip_suffix("ID") == Some(key);
                let many = field.json.strip_suffix("IDs").is_some_and(|stem| key.strip_suffix('s') == Some(stem));
                field.json == key || one || many
            };
            kind.info().fields.iter().any(is)
        };
        assert!(fields.keys().all(known), "{kind}: {fields:?}");
    }
}

#[test]
fn what_a_listener_lets_in_and_its_secret_are_kept() {
    let routes = json!({
        "namespaces": {"from": "Selector", "selector": {"matchLabels": {"purpose": "workloads"}}},
        "kinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
    });
    let https = json!({
        "name": "https", "port": 443, "protocol": "HTTPS", "hostname": "www.shop.test", "allowedRoutes": routes,
        "tls": {"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": "shop-tls"}]},
    });
    let import = taken(&[gateway_of(json!([https])), route_of("web", "www.shop.test", rule())]);
    assert_eq!(told(&import), ["Needed shop.test AdminEmail"]);
    let listener = &of(&import, Kind::SharedGateway)[0]["Listeners"][0];
    assert_eq!((&listener["SecretName"], &listener["AllowedRoutes"]), (&json!("shop-tls"), &routes));
    let kept: ListenerRoutes = serde_json::from_value(routes).unwrap();
    let own = import.shared[0].gateway.listeners.as_ref().unwrap();
    assert_eq!(own.0[0].allowed_routes.as_ref(), Some(&kept));
    assert_eq!(of(&import, Kind::DomainNameDefinition).len(), 1);
}

#[test]
fn a_gateway_that_no_record_says_whole_is_left_with_its_routes() {
    let with = |listener: Value, spec: Value| {
        let mut gateway = gateway_of(json!([listener]));
        gateway["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let import = taken(&[gateway, route_of("web", "www.shop.test", rule())]);
        assert!(import.documents().is_empty(), "{:?}", import.documents());
        let left = left(&import);
        assert!(left.len() == 2 && left[1].ends_with("its Gateway isn't taken over"), "{left:?}");
        told(&import).join("; ")
    };
    let https = |tls: Value| json!({"name": "https", "port": 443, "protocol": "HTTPS", "hostname": "www.shop.test", "tls": tls, "allowedRoutes": http()["allowedRoutes"]});
    let refs = |refs: Value| https(json!({"certificateRefs": refs}));
    for (listener, spec, field) in [
        (http(), json!({"allowedListeners": {"namespaces": {"from": "Named"}}}), "spec.allowedListeners"),
        (http(), json!({"infrastructure": {"parametersRef": {"name": "p"}}}), "spec.infrastructure"),
        (refs(json!([{"name": "a"}, {"name": "b"}])), json!({}), "spec.listeners[0].tls.certificateRefs[1]"),
        (
            https(json!({"certificateRefs": [{"name": "a"}], "options": {"x/y": "z"}})),
            json!({}),
            "spec.listeners[0].tls.options",
        ),
    ] {
        let told = with(listener, spec);
        assert!(told.contains(&format!(" edge {field}")), "{told}");
    }
    let without = taken(&[gateway_of(json!([https(json!({}))]))]);
    assert!(left(&without)[0].contains(NOT_WHOLE), "{:?}", left(&without));
    assert!(told(&without).contains(&"Unsupported edge spec.listeners[0]".to_owned()), "{:?}", told(&without));
}

#[test]
fn a_route_of_which_something_would_be_lost_is_left_alone() {
    let lossy = json!({"retry": {"attempts": 2}, "backendRefs": [{"name": "web", "port": 8080}]});
    let import = taken(&[
        gateway_of(json!([http()])),
        route_of("kept", "www.shop.test", rule()),
        route_of("lossy", "api.shop.test", lossy),
        route_of("wild", "*.eu.shop.test", rule()),
        route_of("twin", "www.shop.test", rule()),
    ]);
    let names: Vec<_> = of(&import, Kind::GatewayInstance).iter().map(|one| one["RouteName"].clone()).collect();
    assert_eq!(names, ["kept", "wild"]);
    let left = left(&import);
    assert!(left.iter().any(|line| line.starts_with("HTTPRoute shop/lossy:") && line.contains(NOT_WHOLE)), "{left:?}");
    assert!(
        left.iter().any(|line| line.contains("HTTPRoute shop/twin") && line.contains("is HTTPRoute shop/kept's, too")),
        "{left:?}"
    );
}

#[test]
fn what_takes_several_records_or_routes_is_left_alone() {
    let tcp = |name: &str, port: i64| json!({"name": name, "port": port, "protocol": "TCP", "allowedRoutes": {"namespaces": {"from": "All"}}});
    let own = json!({"name": "own", "port": 8080, "protocol": "HTTP", "hostname": "www.shop.test", "allowedRoutes": {"namespaces": {"from": "All"}}});
    let two = json!({"parentRefs": parent(), "hostnames": ["www.shop.test", "api.shop.test"], "rules": [rule()]});
    let both = json!({"parentRefs": parent(), "rules": [rule()]});
    let import = taken(&[
        gateway_of(json!([http(), own, tcp("one", 5432), tcp("two", 5433)])),
        object("HTTPRoute", "shop", "two", two),
        object("TCPRoute", "shop", "both", both),
    ]);
    let left = left(&import);
    assert!(
        left.len() == 1 && left[0].starts_with("HTTPRoute shop/two:") && left[0].contains("on different ports"),
        "{left:?}"
    );
    let instances = of(&import, Kind::GatewayInstance);
    assert_eq!(instances.len(), 1, "two ports that lead to one port of a Service are one route");
    assert_eq!(instances[0]["RouteName"], "both");
}

#[test]
fn a_route_goes_along_with_its_gateway() {
    let import = taken(&[route_of("web", "www.shop.test", rule())]);
    assert!(import.documents().is_empty());
    assert!(
        import.report.iter().any(|finding| finding.problem.contains("isn't among the objects that are taken over"))
    );
}

#[test]
fn a_grant_of_gateway_api_stays_beside_the_one_on_record() {
    let grant = json!({
        "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": {"name": "from-shop", "namespace": "search"},
        "spec": {
            "from": [
                {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"},
                {"group": "gateway.networking.k8s.io", "kind": "GRPCRoute", "namespace": "shop"},
            ],
            "to": [{"group": "", "kind": "Service", "name": "web"}],
        },
    });
    let elsewhere = json!({"backendRefs": [{"name": "web", "namespace": "search", "port": 8080}]});
    let import = taken(&[gateway_of(json!([http()])), grant, route_of("web", "www.shop.test", elsewhere)]);
    assert_eq!(told(&import), ["Lossy from-shop "]);
    let names: Vec<_> = of(&import, Kind::WorkloadInstance).iter().map(|one| one["Namespace"].clone()).collect();
    assert_eq!(names, ["search", "shop"]);
    assert_eq!(of(&import, Kind::GatewayGrant).len(), 1);
    let alone = taken(&[
        gateway_of(json!([http()])),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}),
    ]);
    assert_eq!(told(&alone), ["Lossy web "]);
    assert_eq!(of(&alone, Kind::SharedGateway).len(), 1, "a Gateway may be taken over before its routes");
}
