//! TCPRoute: TCP ports of a gateway definition.

use super::{
    Surroundings,
    layer4::{self, Target},
};
use crate::source::Source;
use causeway_records::nouns::GatewayTcpPort;

/// Writes the gateways of a TCPRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    layer4::import(source, around, |definition, port, _, Target { service_port, backend_refs }| {
        definition.tcp_ports.push(GatewayTcpPort { port, service_port, backend_refs, ..GatewayTcpPort::default() });
    });
}
