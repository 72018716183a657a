//! TLSRoute: TCP ports with TLS, which the gateway ends or passes on.

use super::{
    Surroundings,
    layer4::{self, Target},
};
use crate::source::Source;
use causeway_records::nouns::{GatewayTcpPort, TlsMode};

/// Writes the gateways of a TLSRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    layer4::import(source, around, |definition, port, protocol, Target { service_port, backend_refs }| {
        definition.tcp_ports.push(GatewayTcpPort {
            port,
            tls_enabled: Some(true),
            tls_mode: Some(if protocol.ends_tls() { TlsMode::Terminate } else { TlsMode::Passthrough }),
            service_port,
            backend_refs,
            ..GatewayTcpPort::default()
        });
    });
}
