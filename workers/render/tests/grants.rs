//! Backends of other workloads: what is granted is permitted in the cluster, and what isn't is told.

use causeway_records::{
    inputs::{GatewayInputs, GrantedWorkload},
    nouns::{GatewayHttpRoute, HttpRules},
};
use causeway_render::{
    conditions::gateway_instance,
    gateway,
    observed::Seen,
    samples::{self, http},
};
use serde_json::{Value, json};

/// A gateway of workload `web` that sends `/two` to a Service of another one.
fn inputs(granted: Vec<GrantedWorkload>) -> GatewayInputs {
    let rules = json!([
        {"matches": [{"path": {"value": "/two"}}], "backendRefs": [{"name": "search", "namespace": "team-two", "port": 80}]},
        {"backendRefs": [{"name": "web", "namespace": "web", "port": 8080}]},
    ]);
    let mut inputs = samples::gateway(1, "web", None, &[http(80, "/")], &[]);
    inputs.definition.spec.http_routes =
        vec![GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() }];
    let mut inputs = samples::shared(2, vec![inputs]).gateways.remove(0);
    inputs.granted = granted;
    inputs
}

fn by(services: Option<&[&str]>) -> Vec<GrantedWorkload> {
    let services = services.map(|names| names.iter().map(ToString::to_string).collect());
    vec![GrantedWorkload { workload: "Team Two".into(), namespace: "team-two-9".into(), services, kinds: None }]
}

/// The namespaces of both backends, and the ReferenceGrants.
fn rendered(inputs: &GatewayInputs) -> (Vec<Value>, Vec<String>) {
    let plan = gateway::render(inputs).expect("the sample renders");
    let of = |kind: &str| plan.objects.iter().filter(|object| object.at.kind == kind).collect::<Vec<_>>();
    let namespace = |rule: usize| of("HTTPRoute")[0].body["spec"]["rules"][rule]["backendRefs"][0]["namespace"].clone();
    (vec![namespace(0), namespace(1)], of("ReferenceGrant").iter().map(|grant| grant.at.to_string()).collect())
}

#[test]
fn what_is_granted_is_permitted_in_its_namespace() {
    for services in [None, Some(&["db", "search"][..])] {
        let (namespaces, grants) = rendered(&inputs(by(services)));
        assert_eq!(namespaces, [json!("team-two-9"), Value::Null], "a workload's own name is its own namespace");
        assert_eq!(grants, ["ReferenceGrant team-two-9/web-1"]);
    }
}

#[test]
fn what_is_not_granted_is_told_and_permitted_nowhere() {
    for granted in [vec![], by(Some(&["db"]))] {
        let inputs = inputs(granted);
        let (namespaces, grants) = rendered(&inputs);
        assert_eq!((namespaces[0].clone(), grants), (json!("team-two"), vec![]));
        let conditions = gateway_instance(&inputs, &gateway::render(&inputs).unwrap(), &Seen::default());
        let resolved = conditions.iter().find(|condition| condition.condition_type == "RefsResolved").unwrap();
        assert_eq!(resolved.reason, "RefNotPermitted");
        let sentence = "HttpRoutes[0].Rules[0].backendRefs[0] sends to Service search of workload team-two, which hasn't granted it";
        assert!(resolved.message.contains(sentence), "{}", resolved.message);
    }
}

/// A gateway of workload `web` that sends connections to its own Service and to one of another workload.
fn with_tcp(granted: Vec<GrantedWorkload>) -> GatewayInputs {
    let backends = json!([{"name": "web", "port": 8080, "weight": 90}, {"name": "search", "namespace": "team-two", "port": 80, "weight": 10}]);
    let mut inputs = samples::gateway(1, "web", None, &[], &[5432]);
    inputs.definition.spec.tcp_ports[0].backend_refs =
        Some(serde_json::from_value(backends).expect("they are references"));
    let mut inputs = samples::shared(2, vec![inputs]).gateways.remove(0);
    inputs.granted = granted;
    inputs
}

#[test]
fn a_tcp_port_sends_by_weight_and_to_what_is_granted() {
    let only = |kind: &str| {
        let mut granted = by(None);
        granted[0].kinds = Some(vec![kind.to_owned()]);
        gateway::render(&with_tcp(granted)).unwrap()
    };
    let backend = |name: &str, namespace: Option<&str>, port: i32, weight: i32| {
        let mut backend = json!({"group": "", "kind": "Service", "name": name, "port": port, "weight": weight});
        if let Some(namespace) = namespace {
            backend["namespace"] = json!(namespace);
        }
        backend
    };
    let plan = only("TCPRoute");
    let route = plan.objects.iter().find(|object| object.at.kind == "TCPRoute").unwrap();
    let expected = json!([backend("web", None, 8080, 90), backend("search", Some("team-two-9"), 80, 10)]);
    assert_eq!(route.body["spec"]["rules"], json!([{"backendRefs": expected}]));
    let grant = plan.objects.iter().find(|object| object.at.kind == "ReferenceGrant").unwrap();
    assert_eq!(grant.body["spec"]["from"][0]["kind"], "TCPRoute");
    let other = only("HTTPRoute");
    assert!(other.objects.iter().all(|object| object.at.kind != "ReferenceGrant"), "the grant is for other routes");
    let inputs = with_tcp(vec![]);
    let conditions = gateway_instance(&inputs, &gateway::render(&inputs).unwrap(), &Seen::default());
    let resolved = conditions.iter().find(|condition| condition.condition_type == "RefsResolved").unwrap();
    assert!(
        resolved.message.contains("TcpPorts port 5432, BackendRefs[1] sends to Service search"),
        "{}",
        resolved.message
    );
}

#[test]
fn a_backend_of_a_tcp_port_has_the_port() {
    let mut inputs = with_tcp(by(None));
    inputs.definition.spec.tcp_ports[0].backend_refs =
        Some(serde_json::from_value(json!([{"name": "web", "port": 1}])).unwrap());
    let problem = gateway::render(&inputs).unwrap_err().to_string();
    assert!(problem.contains("BackendRefs[0].port is not there: Service web has the ports 8080"), "{problem}");
}

#[test]
fn a_service_import_is_where_the_route_is_and_needs_no_manifest() {
    let import =
        json!({"group": "multicluster.x-k8s.io", "kind": "ServiceImport", "name": "store", "port": 8080, "weight": 1});
    let mut inputs = inputs(by(None));
    let rules = HttpRules(json!([{"backendRefs": [import]}]));
    inputs.definition.spec.http_routes[0].rules = rules;
    let plan = gateway::render(&inputs).unwrap();
    let route = plan.objects.iter().find(|object| object.at.kind == "HTTPRoute").unwrap();
    assert_eq!(route.body["spec"]["rules"][0]["backendRefs"], json!([import]));
    assert!(plan.objects.iter().all(|object| object.at.kind != "ReferenceGrant"), "nothing is elsewhere");
}
