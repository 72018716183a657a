//! Routes of layer 4, and the Service behind one. A gateway definition has one, for all of its ports.

use super::{Surroundings, gateway, groups};
use crate::{attach::attach, rules::MOST, source::Source};
use causeway_records::{
    inputs::Protocol,
    nouns::GatewayDefinition,
    text::{Port, ServiceName},
};

/// Writes the gateways of a route of layer 4. `add` adds a port, which leads to the given port of the Service, to a definition.
pub(super) fn import(
    source: &mut Source,
    around: &mut Surroundings<'_>,
    add: impl Fn(&mut GatewayDefinition, Port, Protocol, Option<Port>),
) {
    let attached = attach(source, around.parents, around.namespaces);
    if attached.is_empty() {
        return;
    }
    let Some(backend) = backend(source, around) else { return };
    for group in groups(attached, around.output) {
        let ports = group.ports.clone();
        let mut gateway = gateway(source, group, around.output);
        for (port, protocol) in ports {
            add(&mut gateway.definition, port, protocol, Some(backend.port));
        }
        gateway.definition.service_name = Some(backend.service.clone());
        around.output.gateways.push(gateway);
    }
}

/// Where the connections go.
struct Backend {
    service: ServiceName,
    port: Port,
}

/// One backend of the object, as it is written.
struct Seen {
    path: String,
    weight: i64,
}

/// The Service of the route's rule; None: there is none that a record could have, which is reported. Of several that with the greatest weight counts.
fn backend(source: &mut Source, around: &mut Surroundings<'_>) -> Option<Backend> {
    for index in 1..source.entries("/spec/rules", MOST) {
        source.unsupported(&format!("/spec/rules/{index}"), "a port has one rule; the first counts");
    }
    const LIST: &str = "/spec/rules/0/backendRefs";
    let count = source.entries(LIST, MOST);
    let mut all: Vec<Seen> = (0..count)
        .map(|index| format!("{LIST}/{index}"))
        .map(|path| Seen { weight: source.seen(&path)["weight"].as_i64().unwrap_or(1), path })
        .collect();
    all.sort_by_key(|seen| std::cmp::Reverse(seen.weight));
    let chosen = all.first().filter(|seen| seen.weight > 0);
    let Some(chosen) = chosen else {
        source.unsupported("/spec/rules", "has no backend that gets traffic, so there is nothing to serve");
        return None;
    };
    for other in &all[1..] {
        let problem = "a port sends to one Service, the one with the greatest weight; this one gets nothing";
        source.unsupported(&other.path, problem);
    }
    let weight = format!("{}/weight", chosen.path);
    match all.len() {
        1 => drop(source.number(&weight)),
        _ if !source.seen(&weight).is_null() => source.lossy(&weight, "a port sends all of its traffic to one Service"),
        _ => {}
    }
    service(source, &chosen.path, around)
}

fn service(source: &mut Source, path: &str, around: &mut Surroundings<'_>) -> Option<Backend> {
    let seen = source.seen(path).clone();
    let text = |key: &str| seen[key].as_str().filter(|text| !text.is_empty());
    let own = source.object.namespace.clone();
    let refused = if text("group").is_some() || text("kind").is_some_and(|kind| kind != "Service") {
        Some("is no Service, and a backend is a Service of a workload")
    } else if text("namespace").is_some_and(|namespace| namespace != own) {
        Some(
            "is in another namespace, and a port leads to a Service of the gateway's own workload; put the route into that namespace",
        )
    } else {
        None
    };
    if let Some(problem) = refused {
        source.unsupported("/spec/rules", &format!("backend {} {problem}", text("name").unwrap_or_default()));
        return None;
    }
    let name = text("name").and_then(|name| name.parse::<ServiceName>().ok());
    let port = seen["port"].as_i64().and_then(|port| Port::try_from(port).ok());
    let (Some(service), Some(port)) = (name, port) else {
        source.unsupported("/spec/rules", "has a backend without a name or a port that a Service could have");
        return None;
    };
    // What has another form stays, and is reported.
    for key in ["group", "kind", "namespace", "name"] {
        source.text(&format!("{path}/{key}"));
    }
    source.number(&format!("{path}/port"));
    around.output.sends_to(&own, service.as_str());
    Some(Backend { service, port })
}
