//! Objects that were in a cluster before their records: their names, and nothing beside what they say themselves.

use causeway_records::{
    inputs::{GatewayInputs, SharedGatewayInputs, WorkloadInputs},
    nouns::{GatewayHttpRoute, HttpRules, ListenerProtocol, ListenerRoutes, SharedGateway},
};
use causeway_render::{
    gateway,
    plan::{Object, Plan},
    samples::{self, Variant, given_listener, http},
    shared_gateway, workload,
};
use serde_json::{Value, json};

/// A Gateway `ingress/edge` with a listener for HTTP and one for HTTPS, and a route `shop` on both; the workload is in namespace `apps`.
fn taken() -> (SharedGatewayInputs, GatewayInputs) {
    let below = Some("*.example.org");
    let listeners = vec![
        given_listener("http", 80, ListenerProtocol::Http, below),
        given_listener("https", 443, ListenerProtocol::Https, below),
    ];
    let ports = [http(80, "/"), http(443, "/").tls()];
    let mut inputs = samples::gateway(1, "web", Some((21, samples::domain(21))), &ports, &[]);
    let rules = json!([{"backendRefs": [{"name": "web", "port": 8080}]}]);
    inputs.definition.spec.http_routes =
        vec![GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() }];
    inputs.instance.record.spec.route_name = "shop".parse().ok();
    inputs.workload.instance.record.spec.namespace = "apps".parse().ok();
    inputs.workload.instance.object_name = "apps".into();
    let mut scene = samples::given(2, listeners, vec![inputs]);
    let (mut shared, mut inputs) = (scene.shared.take().expect("a shared gateway"), scene.gateways.remove(0));
    let name = |gateway: &mut SharedGateway| {
        gateway.namespace = "ingress".parse().ok();
        gateway.gateway_name = "edge".parse().ok();
        gateway.gateway_class_name = "eg".parse().ok();
    };
    name(&mut shared.gateway.record.spec);
    name(&mut inputs.shared_gateway.as_mut().expect("it is shared").gateway.record.spec);
    (shared, inputs)
}

fn said(routes: Value) -> Option<ListenerRoutes> {
    serde_json::from_value(routes).ok()
}

fn only(plan: &Plan) -> &Object {
    let [object] = plan.objects.as_slice() else { panic!("{plan:#?}") };
    object
}

#[test]
fn a_gateway_is_taken_over_under_its_name_and_lets_in_what_it_says() {
    let (mut shared, _) = taken();
    let listeners = &mut shared.gateway.record.spec.listeners.as_mut().unwrap().0;
    listeners[0].allowed_routes = said(json!({"namespaces": {"from": "All"}, "kinds": [{"kind": "HTTPRoute"}]}));
    listeners[1].allowed_routes =
        said(json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"purpose": "workloads"}}}}));
    let plan = shared_gateway::render(&shared).unwrap();
    let gateway = only(&plan);
    assert_eq!(
        (gateway.at.to_string().as_str(), gateway.take_over, gateway.keep),
        ("Gateway ingress/edge", true, false)
    );
    let allowed = |n: usize| gateway.body["spec"]["listeners"][n]["allowedRoutes"].clone();
    let kind = json!({"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"});
    assert_eq!(allowed(0), json!({"namespaces": {"from": "All"}, "kinds": [kind]}));
    let selector = json!({"matchLabels": {"purpose": "workloads"}});
    assert_eq!(allowed(1), json!({"namespaces": {"from": "Selector", "selector": selector}}));
    // Nobody is let in or shut out by who is on record.
    shared.listeners.clear();
    assert_eq!(only(&shared_gateway::render(&shared).unwrap()).body, gateway.body);
}

#[test]
fn without_a_name_nothing_is_taken_over() {
    let (mut shared, mut inputs) = taken();
    shared.gateway.record.spec.gateway_name = None;
    let plan = shared_gateway::render(&shared).unwrap();
    assert_eq!(
        (only(&plan).at.to_string().as_str(), only(&plan).take_over),
        ("Gateway ingress/shared-gateway-2", false)
    );
    inputs.instance.record.spec.route_name = None;
    let plan = gateway::render(&inputs).unwrap();
    assert!(plan.objects.len() == 2 && plan.objects.iter().all(|object| !object.take_over), "{plan:#?}");
}

#[test]
fn all_ports_are_one_route_of_its_name() {
    let (_, inputs) = taken();
    let plan = gateway::render(&inputs).unwrap();
    let route = only(&plan);
    assert_eq!((route.at.to_string().as_str(), route.take_over), ("HTTPRoute apps/shop", true));
    assert_eq!(route.body["metadata"]["name"], "shop");
    let sections: Vec<_> =
        route.body["spec"]["parentRefs"].as_array().unwrap().iter().map(|parent| &parent["sectionName"]).collect();
    assert_eq!(sections, ["http", "https"]);
    let parent = &route.body["spec"]["parentRefs"][0];
    assert_eq!((&parent["namespace"], &parent["name"]), (&json!("ingress"), &json!("edge")));
    assert_eq!(route.body["spec"]["hostnames"], json!(["shop.example.org"]));
    assert_eq!(route.body["spec"]["rules"][0]["backendRefs"][0]["name"], "web");
}

#[test]
fn what_takes_several_routes_is_told() {
    let (_, mut inputs) = taken();
    inputs.definition.spec.http_routes.clear();
    let invalid = gateway::render(&inputs).unwrap_err().to_string();
    let starts =
        "gateway instance web: RouteName: stands for one route, and gateway definition web has not exactly one entry";
    assert!(invalid.starts_with(starts), "{invalid}");
}

#[test]
fn a_route_that_is_to_stay_needs_a_listener_that_lets_it_in_without_a_record() {
    let (_, mut inputs) = taken();
    let why = gateway::shut_out(&inputs).unwrap();
    assert!(
        why.starts_with("its route is to stay, and listener http of shared gateway given lets in nothing"),
        "{why}"
    );
    let gateway = &mut inputs.shared_gateway.as_mut().unwrap().gateway.record.spec;
    for listener in &mut gateway.listeners.as_mut().unwrap().0 {
        listener.allowed_routes = said(json!({"namespaces": {"from": "All"}}));
    }
    assert_eq!(gateway::shut_out(&inputs), None);
}

#[test]
fn a_namespace_that_was_there_before_is_not_made() {
    let mut inputs = samples::workload(11, "shop");
    inputs.instance.record.spec.namespace = "apps".parse().ok();
    inputs.instance.object_name = "apps".into();
    let render = |inputs: &WorkloadInputs| {
        workload::render(inputs, workload::manifests(inputs).unwrap(), &samples::scopes).unwrap()
    };
    let plan = render(&inputs);
    assert!(plan.objects.iter().all(|object| object.at.namespace.as_deref() == Some("apps")), "{plan:#?}");
    inputs.definition.spec.yaml_document = "# Nothing.\n{}\n".into();
    assert!(render(&inputs).is_empty());
}
