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
    vec![GrantedWorkload { workload: "Team Two".into(), namespace: "team-two-9".into(), services }]
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
