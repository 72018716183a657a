//! UDPRoute: UDP ports of a gateway definition.

use super::{
    Surroundings,
    layer4::{self, Target},
};
use crate::source::Source;
use causeway_records::nouns::GatewayUdpPort;

/// Writes the gateways of a UDPRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    layer4::import(source, around, |definition, port, _, Target { service_port, backend_refs }| {
        definition.udp_ports.push(GatewayUdpPort { port, service_port, backend_refs, ..GatewayUdpPort::default() });
    });
}
