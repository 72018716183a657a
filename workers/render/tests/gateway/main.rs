//! Gateway instances and shared gateways beyond the samples: what ports lead to, what is refused, what is split.

mod certificates;
mod large;
mod routes;
mod services;
mod world;

use causeway_records::{
    inputs::GatewayInputs,
    nouns::{AcmeChallenge, DomainNameDefinition, Placement},
};
use causeway_render::{
    gateway, listener_set,
    plan::Plan,
    samples::{self, Variant, http, tcp},
    shared_gateway,
};
use serde_json::json;

/// The only gateway of a scene.
pub(crate) fn only(mut scene: samples::Scene) -> GatewayInputs {
    scene.gateways.pop().expect("one gateway")
}

/// Manifest of a Service.
pub(crate) fn service(name: &str, ports: &str) -> String {
    format!("---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: {ports}}}}}\n")
}

#[test]
fn redirects_lead_to_the_https_port() {
    let port = |ports: &[_]| {
        let inputs = samples::gateway(1, "web", Some((21, samples::domain(21))), ports, &[]);
        let plan = gateway::render(&only(samples::shared(2, vec![inputs]))).unwrap();
        plan.objects[0].body["spec"]["rules"][0]["filters"][0]["requestRedirect"].clone()
    };
    let redirect = http(80, "/").redirect();
    let standard = json!({ "scheme": "https", "statusCode": 301 });
    assert_eq!(port(&[redirect.clone(), http(443, "/").tls(), http(8443, "/").tls()]), standard);
    assert_eq!(port(std::slice::from_ref(&redirect)), standard);
    assert_eq!(port(&[redirect, http(8443, "/").tls()]), json!({ "scheme": "https", "statusCode": 301, "port": 8443 }));
}

#[test]
fn what_no_gateway_can_do_is_refused_with_the_field() {
    let refused = |inputs: &GatewayInputs| gateway::render(inputs).unwrap_err();
    let mut dedicated = samples::gateway(1, "web", None, &[], &[]);
    dedicated.definition.spec.placement = Some(Placement::Dedicated);
    assert_eq!(refused(&dedicated).field, "HttpPorts", "no port yet");
    dedicated.definition.spec.tcp_ports = vec![tcp(80)];
    assert!(gateway::render(&dedicated).is_ok());
    dedicated.definition.spec.http_ports = vec![http(443, "/").tls()];
    assert_eq!(refused(&dedicated).field, "DomainNameDefinitionID", "TLS without a domain");
    let challenge = DomainNameDefinition { acme_challenge: Some(AcmeChallenge::Http01), ..samples::domain(21) };
    let mut taken = samples::gateway(1, "web", Some((21, challenge)), &[http(443, "/").tls()], &[80]);
    taken.definition.spec.placement = Some(Placement::Dedicated);
    assert_eq!(refused(&taken).field, "HttpPorts", "HTTP-01 needs port 80");
    taken.definition.spec.tcp_ports.clear();
    let plan = gateway::render(&taken).unwrap();
    let gateway = plan.objects.iter().find(|object| object.at.kind == "Gateway").unwrap();
    assert_eq!(gateway.body["spec"]["listeners"][0]["name"], "http-80", "it gets one");
    taken.hostnames = (0..64).map(|i| format!("h{i}.example.org")).collect();
    assert_eq!(refused(&taken).field, "Hostnames", "65 listeners");
    let mut early = samples::gateway(1, "web", None, &[http(80, "/")], &[]);
    assert_eq!(refused(&early).field, "Placement", "no shared gateway");
    early = only(samples::shared(2, vec![early]));
    early.shared_gateway.as_mut().unwrap().listener_sets.clear();
    assert_eq!(refused(&early).field, "HttpPorts", "no listener");
}

#[test]
fn nobody_uses_it_and_it_stands_nowhere() {
    let mut inputs = samples::shared(2, vec![]).shared.unwrap();
    assert_eq!(shared_gateway::render(&inputs), Ok(Plan::default()));
    assert_eq!(shared_gateway::secrets(&inputs), []);
    let used = samples::shared(2, vec![samples::gateway(1, "web", None, &[http(8080, "/")], &[])]).shared.unwrap();
    inputs.listeners = used.listeners;
    assert_eq!(shared_gateway::render(&inputs).unwrap().objects.len(), 3);
    let mut set = samples::shared(2, vec![domain_gateway()]).listener_sets.remove(0);
    assert!(!listener_set::render(&set).unwrap().is_empty());
    set.listeners.clear();
    assert_eq!(listener_set::render(&set), Ok(Plan::default()));
    assert_eq!(listener_set::secrets(&set), []);
}

/// With a hostname, whose listener is in a ListenerSet.
fn domain_gateway() -> GatewayInputs {
    samples::gateway(1, "web", Some((21, samples::domain(21))), &[http(80, "/")], &[])
}
