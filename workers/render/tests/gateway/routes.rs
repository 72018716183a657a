//! Routes with rules of their own.

use crate::{only, service};
use causeway_records::{
    inputs::GatewayInputs,
    nouns::{GatewayHttpRoute, HttpRules},
};
use causeway_render::{
    gateway,
    samples::{self, http},
};
use serde_json::{Value, json};

fn with_routes(routes: Vec<GatewayHttpRoute>, manifests: &str) -> GatewayInputs {
    let mut inputs = samples::gateway(1, "web", None, &[http(80, "/"), http(8080, "/api")], &[]);
    inputs.definition.spec.http_routes = routes;
    inputs.workload.definition.spec.yaml_document = manifests.to_owned();
    only(samples::shared(2, vec![inputs]))
}

fn route(rules: Value) -> GatewayHttpRoute {
    GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() }
}

#[test]
fn a_route_stands_in_the_place_of_a_ports_own_and_leaves_other_paths() {
    let to_web = route(json!([{"backendRefs": [{"name": "web", "port": 80}]}]));
    let plan = gateway::render(&with_routes(vec![to_web], &service("web", "[{port: 80}]"))).unwrap();
    let names: Vec<_> = plan.objects.iter().map(|object| object.at.name.as_str()).collect();
    assert_eq!(names, ["web-1-http-8080", "web-1-http-80-rules-0", "web-1-http-8080-rules-0"]);
    assert_eq!(plan.objects[0].body["spec"]["rules"][0]["matches"][0]["path"]["value"], "/api");
    assert_eq!(plan.objects[1].body["spec"]["parentRefs"][0]["sectionName"], "http-80");
}

/// Nobody has to say which of several Services is behind a port that no request reaches.
#[test]
fn a_service_is_asked_for_only_where_a_port_needs_it() {
    let manifests = service("web", "[{port: 80}]") + &service("other", "[{port: 80}]");
    let mut inputs = with_routes(vec![route(json!([{"backendRefs": [{"name": "other", "port": 80}]}]))], &manifests);
    let refused = gateway::render(&inputs).unwrap_err().to_string();
    assert!(refused.contains("has several Services"), "port 8080 has a path of its own: {refused}");
    inputs.definition.spec.http_ports.truncate(1);
    assert!(gateway::render(&inputs).is_ok());
}

#[test]
fn what_rules_name_must_be_there() {
    let render = |rules: Value| {
        let inputs = with_routes(
            vec![route(json!([])), route(rules)],
            &service("web", "[{port: 80}, {port: 53, protocol: UDP}]"),
        );
        gateway::render(&inputs).map_err(|invalid| invalid.to_string())
    };
    let refused = render(json!([{}, {"backendRefs": [{"name": "web", "port": 53}]}])).unwrap_err();
    assert!(
        refused
            .contains("[1].Rules[1].backendRefs[0].port is not there: Service web has the ports 80; take one of them"),
        "{refused}"
    );
    assert!(render(json!([{"backendRefs": [{"name": "made-at-run-time", "port": 7000}]}])).is_ok());
}

#[test]
fn services_elsewhere_need_one_grant_in_each_namespace() {
    let elsewhere = |name: &str, namespace: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{ports: [{{port: 80}}]}}}}\n"
        )
    };
    let manifests =
        [service("web", "[{port: 80}]"), elsewhere("a", "near"), elsewhere("b", "near"), elsewhere("c", "far")]
            .concat();
    let mirror = json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "c", "port": 80}}});
    let backends = json!([{"name": "web", "port": 80}, {"name": "b", "port": 80}, {"name": "a", "port": 80}]);
    let mut inputs = with_routes(vec![route(json!([{"filters": [mirror], "backendRefs": backends}]))], &manifests);
    inputs.definition.spec.http_ports.truncate(1);
    let plan = gateway::render(&inputs).unwrap();
    let grants: Vec<_> = plan.objects.iter().filter(|object| object.at.kind == "ReferenceGrant").collect();
    let to = |at: usize| -> Vec<_> {
        grants[at].body["spec"]["to"].as_array().unwrap().iter().map(|to| to["name"].as_str().unwrap()).collect()
    };
    assert_eq!((grants.len(), to(0), to(1)), (2, vec!["c"], vec!["a", "b"]));
    let rule = &plan.objects.last().unwrap().body["spec"]["rules"][0];
    assert_eq!(rule["filters"][0]["requestMirror"]["backendRef"]["namespace"], "far");
    assert!(rule["backendRefs"][0].get("namespace").is_none() && rule["backendRefs"][1]["namespace"] == "near");
}
