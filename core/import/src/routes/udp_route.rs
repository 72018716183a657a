//! UDPRoute: UDP ports of a gateway definition.

use super::{Surroundings, gateway, groups, layer4::backend};
use crate::{attach::attach, source::Source};
use causeway_records::nouns::GatewayUdpPort;

/// Writes the gateways of a UDPRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    let attached = attach(source, around.parents, around.namespaces);
    if attached.is_empty() {
        return;
    }
    let Some(backend) = backend(source, around) else { return };
    for group in groups(attached, around.output) {
        let ports: Vec<_> = group.ports.iter().map(|(port, _)| *port).collect();
        let mut gateway = gateway(source, group, around.output);
        let port = |port| GatewayUdpPort { port, service_port: Some(backend.port), ..GatewayUdpPort::default() };
        gateway.definition.udp_ports = ports.into_iter().map(port).collect();
        gateway.definition.service_name = Some(backend.service.clone());
        around.output.gateways.push(gateway);
    }
}
