//! Routes of layer 4, and the Services behind one. A gateway definition has one list of them for each of its ports.

use super::{Surroundings, gateway, groups};
use crate::{attach::attach, output::Output, rules::MOST, source::Source};
use causeway_records::{
    inputs::Protocol,
    nouns::{GatewayDefinition, PortBackend, PortBackends},
    text::{BackendWeight, Port, ServiceName},
};

/// What a port leads to.
pub(super) struct Target {
    /// The port of the definition's Service.
    pub(super) service_port: Option<Port>,
    /// Services by weight.
    pub(super) backend_refs: Option<PortBackends>,
}

/// Writes the gateways of a route of layer 4. `add` adds a port, which leads to the target, to a definition.
pub(super) fn import(
    source: &mut Source,
    around: &mut Surroundings<'_>,
    add: impl Fn(&mut GatewayDefinition, Port, Protocol, Target),
) {
    let attached = attach(source, around.parents, around.namespaces);
    if attached.is_empty() {
        return;
    }
    let backends = backends(source, around.output);
    if backends.is_empty() {
        source.unsupported("/spec/rules", "has no backend that a record could have, so there is nothing to serve");
        return;
    }
    for group in groups(attached, around.output) {
        let ports = group.ports.clone();
        let mut gateway = gateway(source, group, around.output);
        for (port, protocol) in ports {
            add(&mut gateway.definition, port, protocol, target(&backends));
        }
        if let [only] = backends.as_slice()
            && is_plain(only)
        {
            gateway.definition.service_name = Some(only.name.clone());
        }
        around.output.gateways.push(gateway);
    }
}

/// A Service of the workload that gets everything: a definition names it for all of its ports.
fn is_plain(backend: &PortBackend) -> bool {
    backend.namespace.is_none() && backend.weight.is_none()
}

fn target(backends: &[PortBackend]) -> Target {
    match backends {
        [only] if is_plain(only) => Target { service_port: Some(only.port), backend_refs: None },
        several => Target { service_port: None, backend_refs: Some(PortBackends(several.to_vec())) },
    }
}

/// The Services of the route's rule, with their weights. What is none is reported.
fn backends(source: &mut Source, output: &mut Output) -> Vec<PortBackend> {
    for index in 1..source.entries("/spec/rules", MOST) {
        source.unsupported(&format!("/spec/rules/{index}"), "a port has one rule; the first counts");
    }
    const LIST: &str = "/spec/rules/0/backendRefs";
    let count = source.entries(LIST, MOST);
    (0..count).filter_map(|index| backend(source, &format!("{LIST}/{index}"), output)).collect()
}

fn backend(source: &mut Source, path: &str, output: &mut Output) -> Option<PortBackend> {
    let seen = source.seen(path).clone();
    let text = |key: &str| seen[key].as_str().filter(|text| !text.is_empty());
    let own = source.object.namespace.clone();
    if text("group").is_some() || text("kind").is_some_and(|kind| kind != "Service") {
        source.unsupported(path, "is no Service, and a backend is a Service of a workload: nothing is sent to it");
        return None;
    }
    let name = text("name").and_then(|name| name.parse::<ServiceName>().ok());
    let port = seen["port"].as_i64().and_then(|port| Port::try_from(port).ok());
    let (Some(name), Some(port)) = (name, port) else {
        source.unsupported(path, "has no name or no port that a Service could have");
        return None;
    };
    // What has another form stays, and is reported.
    for key in ["group", "kind", "namespace", "name"] {
        source.text(&format!("{path}/{key}"));
    }
    source.number(&format!("{path}/port"));
    let weight = source.number(&format!("{path}/weight")).filter(|weight| *weight != 1);
    let parsed = weight.map(BackendWeight::try_from).transpose();
    let Ok(weight) = parsed else {
        source.unsupported(path, "has a weight that is none: 0 to 1000000");
        return None;
    };
    let namespace = text("namespace").filter(|namespace| *namespace != own);
    output.sends_to(namespace.unwrap_or(&own), name.as_str());
    let kind = source.object.kind.clone();
    if let Some(namespace) = namespace.filter(|namespace| !output.is_granted(&own, namespace, name.as_str(), &kind)) {
        let problem = format!(
            "no ReferenceGrant among the objects allows it: who is responsible for workload {namespace} makes a GatewayGrant, and until then \
             nothing is sent there"
        );
        source.needed(&format!("{path}/namespace"), &problem);
    }
    let namespace = namespace.map(str::to_owned);
    Some(PortBackend { name, namespace, port, weight, ..PortBackend::default() })
}
