//! The Service and its port that a gateway's ports lead to.

use crate::{only, service};
use causeway_records::inputs::GatewayInputs;
use causeway_render::{
    gateway,
    samples::{self, http, tcp, udp},
};
use serde_json::{Value, json};

fn with_services(manifests: &str) -> GatewayInputs {
    let mut inputs = samples::gateway(1, "web", None, &[http(80, "/")], &[]);
    inputs.workload.definition.spec.yaml_document = manifests.to_owned();
    only(samples::shared(2, vec![inputs]))
}

/// Backend of the first rule of the first route.
fn backend(inputs: &GatewayInputs) -> Result<Value, String> {
    let plan = gateway::render(inputs).map_err(|invalid| invalid.to_string())?;
    let route = plan.objects.iter().find(|object| object.at.kind.ends_with("Route")).expect("a route");
    Ok(route.body["spec"]["rules"][0]["backendRefs"][0].clone())
}

#[test]
fn the_port_of_the_service_follows_its_rule() {
    let port = |ports: &str, explicit: Option<i64>| {
        let mut inputs = with_services(&service("web", ports));
        inputs.definition.spec.http_ports[0].service_port = explicit.map(|port| port.try_into().unwrap());
        backend(&inputs).map(|backend| backend["port"].clone())
    };
    assert_eq!(port("[{port: 7000}]", None), Ok(json!(7000)), "the only one");
    assert_eq!(
        port("[{port: 7000}, {port: 80}, {port: 53, protocol: UDP}]", None),
        Ok(json!(80)),
        "the same, and the fallback"
    );
    assert_eq!(
        port("[{port: 7000}, {port: 53, protocol: UDP}]", None),
        Ok(json!(7000)),
        "the only one that speaks TCP"
    );
    assert_eq!(port("[{port: 7000}, {port: 80}]", Some(7000)), Ok(json!(7000)), "the one asked for");
    assert_eq!(
        port("[{port: 7000}, {port: 7001}]", None),
        Err("gateway definition web: ServicePort: is needed on port 80, because Service web has the ports 7000, 7001; set it to one of them".into())
    );
    assert_eq!(
        port("[{port: 7000}, {port: 7001}]", Some(80)),
        Err("gateway definition web: ServicePort: 80: Service web has the ports 7000, 7001; take one of them".into())
    );
    assert_eq!(
        port("[{port: 53, protocol: UDP}]", None),
        Err("gateway definition web: ServicePort: is needed on port 80, because Service web has no TCP port; set it to one of them".into())
    );
}

#[test]
fn a_tcp_port_falls_back_to_no_other() {
    let mut inputs = with_services(&service("web", "[{port: 80}, {port: 81}]"));
    inputs.definition.spec.http_ports.clear();
    inputs.definition.spec.tcp_ports = vec![tcp(5432)];
    let scene = samples::shared(2, vec![inputs]);
    let error = backend(&only(scene)).unwrap_err();
    assert!(error.starts_with("gateway definition web: ServicePort: is needed on port 5432"), "{error}");
}

#[test]
fn a_udp_port_leads_to_a_udp_port_of_the_service() {
    let mut inputs = with_services(&service("web", "[{port: 80}, {port: 53}, {port: 5353, protocol: UDP}]"));
    inputs.definition.spec.http_ports.clear();
    inputs.definition.spec.udp_ports = vec![udp(53)];
    let mut inputs = only(samples::shared(2, vec![inputs]));
    assert_eq!(backend(&inputs).unwrap()["port"], 5353, "the only one that speaks UDP");
    inputs.workload.definition.spec.yaml_document = service("web", "[{port: 53}]");
    assert_eq!(
        backend(&inputs).unwrap_err(),
        "gateway definition web: ServicePort: is needed on port 53, because Service web has no UDP port; set it to one of them"
    );
}

#[test]
fn the_service_is_the_only_one_or_the_one_named() {
    let two = service("web", "[{port: 80}]") + &service("api", "[{port: 80}]");
    let named = |manifests: &str, name: Option<&str>| {
        let mut inputs = with_services(manifests);
        inputs.definition.spec.service_name = name.map(|name| name.parse().unwrap());
        backend(&inputs)
    };
    assert_eq!(named(&two, Some("api")).unwrap()["name"], "api");
    assert_eq!(
        named(&two, None).unwrap_err(),
        "gateway definition web: ServiceName: is needed, because workload definition web has several Services: set it to one of api, web"
    );
    assert_eq!(
        named("", None).unwrap_err(),
        "gateway definition web: ServiceName: workload definition web has no Service to send traffic to; add one to its YAMLDocument"
    );
    let unknown = named(&two, Some("other")).unwrap_err();
    assert!(unknown.contains("holds no Service other; correct ServiceName, or set ServicePort"), "{unknown}");
    let broken = named("kind: Pod", None).unwrap_err();
    assert_eq!(
        broken,
        "workload definition web: YAMLDocument: document 1, line 1: Pod has no apiVersion; add one, such as `apiVersion: apps/v1`"
    );
}

#[test]
fn a_service_elsewhere_is_reached_by_permission() {
    let inputs = with_services(
        "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: data}, spec: {ports: [{port: 80}]}}",
    );
    let plan = gateway::render(&inputs).unwrap();
    assert_eq!(plan.objects[0].at.to_string(), "ReferenceGrant data/web-1");
    assert_eq!(
        plan.objects[0].body["spec"],
        json!({
            "from": [{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "web-2001" }],
            "to": [{ "group": "", "kind": "Service", "name": "web" }],
        })
    );
    assert_eq!(backend(&inputs).unwrap()["namespace"], "data");
}
