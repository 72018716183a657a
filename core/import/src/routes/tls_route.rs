//! TLSRoute: TCP ports with TLS, which the gateway ends or passes on.

use super::{Surroundings, gateway, groups, layer4::backend};
use crate::{attach::attach, source::Source};
use causeway_records::{
    inputs::Protocol,
    nouns::{GatewayTcpPort, TlsMode},
    text::Port,
};

/// Writes the gateways of a TLSRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    let attached = attach(source, around.parents, around.namespaces);
    if attached.is_empty() {
        return;
    }
    let Some(backend) = backend(source, around) else { return };
    for group in groups(attached, around.output) {
        let ports = group.ports.clone();
        let mut gateway = gateway(source, group, around.output);
        let port = |(port, protocol): (Port, Protocol)| GatewayTcpPort {
            port,
            tls_enabled: Some(true),
            tls_mode: Some(if protocol.ends_tls() { TlsMode::Terminate } else { TlsMode::Passthrough }),
            service_port: Some(backend.port),
            ..GatewayTcpPort::default()
        };
        gateway.definition.tcp_ports = ports.into_iter().map(port).collect();
        gateway.definition.service_name = Some(backend.service.clone());
        around.output.gateways.push(gateway);
    }
}
