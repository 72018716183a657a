//! GatewayClasses that somebody else has made: what is rendered for a controller by what its class says, and what is said of the rest.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use causeway_records::{
    inputs::{ClassInCluster, GatewayApiFacts, GatewayClassFacts, GatewayInputs, SharedGatewayInputs},
    nouns::{DomainNameDefinition, GatewayGrpcRoute, GrpcRules, IssuerKind, Service},
    status::{ConditionStatus, NewCondition},
};
use causeway_render::{
    IssuedCertificates, conditions, gateway,
    k8s::cert_manager::CERTIFICATE,
    observed::{Observed, Seen},
    plan::Plan,
    samples::{self, Variant, http, udp},
    shared_gateway,
};
use serde_json::{Value, json};

const HOST: &str = "shop.example.org";

/// A shared gateway with its instance, whose listeners are all on the Gateway itself: HTTP, HTTPS and TCP.
fn on_gateway(features: &[&str]) -> (SharedGatewayInputs, GatewayInputs) {
    let domain = DomainNameDefinition { issuer_kind: Some(IssuerKind::SelfSigned), ..samples::domain(21) };
    let ports = [http(80, "/").redirect(), http(443, "/").tls()];
    let mut scene = samples::shared(130, vec![samples::gateway(340, "web", Some((21, domain)), &ports, &[5432])]);
    let (mut shared, mut instance) = (scene.shared.unwrap(), scene.gateways.remove(0));
    shared.listener_sets.clear();
    shared.listeners = scene.listener_sets.remove(0).listeners.into_iter().chain(shared.listeners).collect();
    shared.listeners.sort_by(|a, b| a.key.cmp(&b.key));
    shared.listeners.dedup_by(|a, b| a.key == b.key);
    shared.listeners.iter_mut().for_each(|listener| listener.listener_set = None);
    let used = instance.shared_gateway.as_mut().unwrap();
    used.listener_sets.values_mut().for_each(|set| *set = None);
    used.gateway.record.spec.gateway_class_name = "other".parse().ok();
    shared.gateway.record.spec.gateway_class_name = "other".parse().ok();
    instance.definition.spec.gateway_class_name = "other".parse().ok();
    instance.class_in_cluster = class(features);
    shared.class_in_cluster = class(features);
    (shared, instance)
}

fn class(features: &[&str]) -> ClassInCluster {
    let features = features.iter().map(|name| (*name).to_owned()).collect();
    ClassInCluster { api: None, class: Some(GatewayClassFacts { controller: "example.org/other".into(), features }) }
}

fn kinds(plan: &Plan) -> Vec<&str> {
    plan.objects.iter().map(|object| object.at.kind.as_str()).collect()
}

/// The listeners of the Gateway in a plan: protocol, port and Secret.
fn listeners(plan: &Plan) -> Vec<(String, i64, Option<String>)> {
    let gateway = plan.objects.iter().find(|object| object.at.kind == "Gateway").unwrap();
    let shown = |one: &Value| {
        let secret = one["tls"]["certificateRefs"][0]["name"].as_str().map(str::to_owned);
        (one["protocol"].as_str().unwrap().to_owned(), one["port"].as_i64().unwrap(), secret)
    };
    gateway.body["spec"]["listeners"].as_array().unwrap().iter().map(shown).collect()
}

fn certificates(plan: &Plan) -> Vec<String> {
    plan.objects.iter().filter(|object| CERTIFICATE.is(&object.at)).map(|object| object.at.name.clone()).collect()
}

fn supported(conditions: &[NewCondition]) -> Option<&NewCondition> {
    conditions.iter().find(|condition| condition.condition_type == conditions::SUPPORTED)
}

#[test]
fn without_listener_sets_the_gateway_has_all_listeners_and_their_certificates() {
    let (shared, instance) = on_gateway(&["HTTPRoute", "GRPCRoute", "TCPRoute", "HTTPRouteSchemeRedirect"]);
    let plan = shared_gateway::render(&shared).unwrap();
    assert_eq!(kinds(&plan), ["Namespace", "Gateway", "ClusterIssuer", "Certificate"], "no class, and no ListenerSet");
    let secret = certificates(&plan).pop();
    let found = listeners(&plan);
    let of = |protocol: &str, port, secret| (protocol.to_owned(), port, secret);
    assert_eq!(
        found,
        [of("HTTP", 80, None), of("HTTP", 80, None), of("HTTPS", 443, secret), of("TCP", 5432, None)],
        "the first is the Gateway's own"
    );
    let gateway = plan.objects.iter().find(|object| object.at.kind == "Gateway").unwrap();
    assert!(gateway.body["spec"].get("allowedListeners").is_none());
    let plan = gateway::render(&instance).unwrap();
    for route in &plan.objects {
        let parents = route.body["spec"]["parentRefs"].as_array().unwrap();
        assert!(parents.iter().all(|parent| parent["kind"] == "Gateway"), "{parents:?}");
    }
    assert_eq!(shared_gateway::support_services(&shared), [Service::GatewayApi, Service::CertManager]);
}

#[test]
fn what_the_class_does_not_list_is_not_made_and_named() {
    let (shared, mut instance) = on_gateway(&["HTTPRoute", "GRPCRoute", "HTTPRouteSchemeRedirect"]);
    let plan = shared_gateway::render(&shared).unwrap();
    assert!(!listeners(&plan).iter().any(|(protocol, ..)| protocol == "TCP"), "{:?}", listeners(&plan));
    let plan = gateway::render(&instance).unwrap();
    assert_eq!(kinds(&plan), ["HTTPRoute", "HTTPRoute"]);
    let said = conditions::gateway_instance(&instance, &plan, &Seen::new());
    let condition = supported(&said).unwrap();
    assert_eq!((condition.status, condition.reason.as_str()), (ConditionStatus::False, "TCPRoute"));
    assert_eq!(
        condition.message,
        "TcpPorts[0] needs TCPRoute of Gateway API, which can't be had: GatewayClass other of the cluster doesn't list it among the features that its \
         controller (example.org/other) supports; leave it out, or take another GatewayClassName"
    );
    assert_eq!(said[0].condition_type, conditions::SUPPORTED, "the cause comes first");
    let conditions = conditions::shared_gateway(&shared, &Seen::new());
    assert_eq!(supported(&conditions).unwrap().status, ConditionStatus::True, "it asks for nothing itself");
    instance.definition.spec.tcp_ports.clear();
    let said = conditions::gateway_instance(&instance, &plan, &Seen::new());
    assert_eq!(supported(&said).unwrap().status, ConditionStatus::True);
}

#[test]
fn of_what_is_not_known_nothing_is_said() {
    let (_, mut instance) = on_gateway(&[]);
    instance.class_in_cluster = ClassInCluster::default();
    let plan = gateway::render(&instance).unwrap();
    assert!(kinds(&plan).contains(&"TCPRoute"));
    assert_eq!(supported(&conditions::gateway_instance(&instance, &plan, &Seen::new())), None);
}

#[test]
fn a_gateway_of_its_own_has_what_can_be_and_nothing_where_nothing_can() {
    let mut inputs = samples::gateway(341, "dns", None, &[http(8080, "/")], &[]);
    inputs.definition.spec.placement = Some(causeway_records::nouns::Placement::Dedicated);
    inputs.definition.spec.udp_ports = vec![udp(53)];
    inputs.definition.spec.gateway_class_name = "other".parse().ok();
    inputs.class_in_cluster = class(&["HTTPRoute"]);
    let plan = gateway::render(&inputs).unwrap();
    assert_eq!(kinds(&plan), ["Gateway", "HTTPRoute"]);
    let gateway = &plan.objects[0].body["spec"]["listeners"];
    assert_eq!(
        gateway[0]["allowedRoutes"]["kinds"],
        json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}])
    );
    inputs.definition.spec.http_ports.clear();
    assert_eq!(gateway::render(&inputs), Ok(Plan::default()), "a Gateway without listeners isn't valid");
    let said = conditions::gateway_instance(&inputs, &Plan::default(), &Seen::new());
    assert_eq!(supported(&said).unwrap().reason, "UDPRoute");
}

#[test]
fn calls_of_grpc_need_their_kind_of_route() {
    let mut inputs = samples::gateway(342, "web", None, &[http(80, "/")], &[]);
    let rules = json!([{"matches": [{"method": {"service": "a.B"}}], "backendRefs": [{"name": "web", "port": 8080}]}]);
    inputs.definition.spec.grpc_routes =
        vec![GatewayGrpcRoute { rules: GrpcRules(rules), ..GatewayGrpcRoute::default() }];
    inputs.definition.spec.placement = Some(causeway_records::nouns::Placement::Dedicated);
    assert!(kinds(&gateway::render(&inputs).unwrap()).contains(&"GRPCRoute"));
    let installed = GatewayApiFacts {
        version: "v1.6.1".into(),
        channel: "standard".into(),
        kinds: [String::from("HTTPRoute")].into(),
    };
    inputs.class_in_cluster = ClassInCluster { api: Some(installed), class: None };
    assert!(!kinds(&gateway::render(&inputs).unwrap()).contains(&"GRPCRoute"));
    let said = conditions::gateway_instance(&inputs, &Plan::default(), &Seen::new());
    let condition = supported(&said).unwrap();
    assert_eq!(condition.reason, "GRPCRoute", "{}", condition.message);
}

/// Certificates as cert-manager shows those that it has issued.
fn issued(plan: &Plan) -> IssuedCertificates {
    let of_plan = plan.objects.iter().filter(|object| CERTIFICATE.is(&object.at));
    let seen = of_plan.map(|object| {
        let ready = json!({"type": "Ready", "status": "True", "reason": "Ready", "observedGeneration": 1});
        let status = json!({"notAfter": "2026-06-01T00:00:00Z", "conditions": [ready]});
        let at = object.at.clone();
        (at.clone(), Observed { at, uid: "u".into(), generation: 1, replicas: None, status })
    });
    conditions::issued_certificates(&seen.collect())
}

#[test]
fn a_listener_on_the_gateway_changes_over_to_the_certificate_of_its_domain_when_that_is_valid() {
    let (before, _) = on_gateway(&[]);
    let own = shared_gateway::render(&before).unwrap();
    let mut after = before.clone();
    after.domains[0].spec.wildcard_certificate = Some(true);
    let secret = |plan: &Plan| listeners(plan).into_iter().find_map(|(_, _, secret)| secret).unwrap();
    let meanwhile = shared_gateway::render_over(&after, &issued(&own)).unwrap();
    assert_eq!(secret(&meanwhile), secret(&own), "it keeps what it has");
    assert_eq!(certificates(&meanwhile).len(), 2, "both are there");
    let then = shared_gateway::render_over(&after, &issued(&meanwhile)).unwrap();
    assert_ne!(secret(&then), secret(&own));
    assert_eq!(certificates(&then), [secret(&then)]);
    assert!(then.superseded.objects.iter().any(|at| at.name == secret(&own)), "{:?} for {HOST}", then.superseded);
}
