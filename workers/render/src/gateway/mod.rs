//! Gateway instance: routes in its workload's namespace and, with Placement Dedicated, a Gateway of its own there.

mod backend;
mod dedicated;
mod routes;

pub use crate::listeners::ListenerAt;
pub use dedicated::secrets;

use crate::{
    Invalid,
    k8s::{Ours, gateway_api},
    labels::Owner,
    plan::Plan,
    shared_gateway,
};
use causeway_records::{
    Kind,
    inputs::{GatewayInputs, ListenerKey, Protocol},
    inventory::ObjectRef,
    nouns::{GatewayHttpPort, GatewayInstance, Placement},
    record::Record,
};
use std::collections::BTreeSet;

/// Who owns the objects of a gateway instance.
pub fn owner(instance: &Record<GatewayInstance>) -> Owner {
    Owner { kind: Kind::GatewayInstance, id: instance.common.id }
}

/// The Gateway that carries the instance's routes: the shared one, or its own.
pub fn gateway_ref(inputs: &GatewayInputs) -> ObjectRef {
    match &inputs.shared_gateway {
        Some(shared) => shared_gateway::gateway_ref(&shared.gateway.object_name),
        None => gateway_api::GATEWAY.at(namespace(inputs), &inputs.instance.object_name),
    }
}

/// The routes, the permission they need to reach a Service elsewhere and, with Placement Dedicated, the Gateway and its certificates.
pub fn render(inputs: &GatewayInputs) -> Result<Plan, Invalid> {
    if inputs.http_ports.is_empty() && inputs.tcp_ports.is_empty() {
        return Err(about(inputs, "HttpPorts", "it has no port yet; add a gateway HTTP port or TCP port"));
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let mut objects = if inputs.shared_gateway.is_some() {
        Vec::new()
    } else if inputs.definition.spec.placement() == Placement::Dedicated {
        dedicated::objects(inputs, &ours)?
    } else {
        return Err(about(
            inputs,
            "Placement",
            "is Shared, and the cluster has no shared gateway on record yet; update the gateway definition",
        ));
    };
    objects.extend(routes::objects(inputs, &ours)?);
    Ok(objects.into())
}

/// The listeners that the instance's routes attach to, each once, by key.
pub fn listeners(inputs: &GatewayInputs) -> Result<Vec<ListenerAt>, Invalid> {
    let mut found = BTreeSet::new();
    for port in &inputs.http_ports {
        for hostname in hostnames(inputs) {
            found.insert(listener_at(inputs, port.spec.port.get(), protocol(&port.spec), hostname)?);
        }
    }
    for port in &inputs.tcp_ports {
        found.insert(listener_at(inputs, port.spec.port.get(), Protocol::Tcp, None)?);
    }
    Ok(found.into_iter().map(|(key, holder)| ListenerAt { key, holder }).collect())
}

/// The namespace of the routes.
pub(crate) fn namespace(inputs: &GatewayInputs) -> &str {
    &inputs.workload.instance.object_name
}

/// What a port speaks.
fn protocol(port: &GatewayHttpPort) -> Protocol {
    if port.tls_enabled == Some(true) { Protocol::Https } else { Protocol::Http }
}

/// The hostnames, each once and sorted, or once None for every one.
fn hostnames(inputs: &GatewayInputs) -> Vec<Option<&str>> {
    if inputs.hostnames.is_empty() {
        return vec![None];
    }
    let each: BTreeSet<&str> = inputs.hostnames.iter().map(String::as_str).collect();
    each.into_iter().map(Some).collect()
}

/// The listener that serves a hostname on a port, and what holds it. On a shared gateway the one for the hostname alone comes before the
/// one for every hostname.
fn listener_at(
    inputs: &GatewayInputs,
    port: i32,
    protocol: Protocol,
    hostname: Option<&str>,
) -> Result<(ListenerKey, ObjectRef), Invalid> {
    let every = ListenerKey { port, protocol, hostname: None };
    let own = ListenerKey { hostname: hostname.map(str::to_owned), ..every.clone() };
    let Some(shared) = &inputs.shared_gateway else {
        // One of its own: nobody else uses it, and only certificates need a listener for each hostname.
        let key = if protocol == Protocol::Https { own } else { every };
        return Ok((key, gateway_ref(inputs)));
    };
    for key in [own, every] {
        if let Some(slot) = shared.slots.get(&key) {
            let holder = shared_gateway::holder(&shared.gateway.object_name, *slot);
            return Ok((key, holder));
        }
    }
    let message = format!(
        "shared gateway {} has no listener for {protocol} port {port} yet; update the gateway definition",
        shared.gateway.record.spec.name
    );
    Err(about(inputs, "HttpPorts", message))
}

/// A complaint about the gateway definition.
fn about(inputs: &GatewayInputs, field: &'static str, message: impl Into<String>) -> Invalid {
    Invalid::new("gateway definition", &inputs.definition.spec.name, field, message)
}
