//! UDPRoute: UDP ports of a gateway definition.

use super::{Surroundings, layer4};
use crate::source::Source;
use causeway_records::nouns::GatewayUdpPort;

/// Writes the gateways of a UDPRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    layer4::import(source, around, |definition, port, _, service_port| {
        definition.udp_ports.push(GatewayUdpPort { port, service_port, ..GatewayUdpPort::default() });
    });
}
