//! The ports of a gateway definition on which the proxy sees no requests.

use crate::hostnames::chosen;
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    nouns::{GatewayDefinition, GatewayTcpPort, PortBackend, PortBackends, TlsMode},
    problem::{Reason, Refusal},
    text::{ObjectName, Port},
};

/// A port whose whole traffic goes to one Service, or to several by weight: the proxy does not look into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer4Port {
    /// The protocol of its listener.
    pub protocol: Protocol,
    /// Where clients connect.
    pub port: Port,
    /// The port of the Service, if the definition names one.
    pub service_port: Option<Port>,
    /// What it sends to; empty: the Service of the definition.
    pub backends: Vec<PortBackend>,
}

/// What a port names to send to.
fn backends(named: Option<&PortBackends>) -> Vec<PortBackend> {
    named.map(|backends| backends.0.clone()).unwrap_or_default()
}

/// The ports without TLS, of TCP and of UDP.
pub fn layer4_ports(definition: &GatewayDefinition) -> Vec<Layer4Port> {
    let port = |protocol, port, service_port, named: &Option<PortBackends>| Layer4Port {
        protocol,
        port,
        service_port,
        backends: backends(named.as_ref()),
    };
    let tcp = definition.tcp_ports.iter().filter(|tcp| tcp.tls().is_none());
    let tcp = tcp.map(|tcp| port(Protocol::Tcp, tcp.port, tcp.service_port, &tcp.backend_refs));
    let udp = definition.udp_ports.iter().map(|udp| port(Protocol::Udp, udp.port, udp.service_port, &udp.backend_refs));
    tcp.chain(udp).collect()
}

/// A port whose connections go to one Service, or to several by weight, by the hostname that each asks for in TLS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TlsPort {
    /// Where clients connect.
    pub port: Port,
    /// Says who ends TLS.
    pub protocol: Protocol,
    /// Which it is for, sorted; at least one.
    pub hostnames: Vec<String>,
    /// The Secret with its certificate, if the definition names one.
    pub tls_secret_name: Option<ObjectName>,
    /// The port of the Service, if the definition names one.
    pub service_port: Option<Port>,
    /// What it sends to; empty: the Service of the definition.
    pub backends: Vec<PortBackend>,
}

impl TlsPort {
    /// Its listeners, one for each hostname.
    pub fn listeners(&self) -> impl Iterator<Item = ListenerKey> + '_ {
        self.hostnames.iter().map(|hostname| ListenerKey {
            port: self.port.get(),
            protocol: self.protocol,
            hostname: Some(hostname.clone()),
        })
    }
}

/// The TCP ports with TLS. `hostnames` are those of the definition.
///
/// # Errors
/// A port names a hostname that the definition doesn't answer to, or there is none for it.
pub fn tls_ports(definition: &GatewayDefinition, hostnames: &[String]) -> Result<Vec<TlsPort>, Refusal> {
    let tls = definition.tcp_ports.iter().filter_map(|port| Some((port, port.tls()?)));
    tls.map(|(port, mode)| tls_port(definition, hostnames, port, mode)).collect()
}

fn tls_port(
    definition: &GatewayDefinition,
    hostnames: &[String],
    port: &GatewayTcpPort,
    mode: TlsMode,
) -> Result<TlsPort, Refusal> {
    let (number, name) = (port.port, &definition.name);
    let hostnames = chosen(&format!("TCP port {number}"), definition, hostnames, port.hostnames.as_ref())?;
    if hostnames.is_empty() {
        let problem = format!(
            "port {number} needs Hostnames or a domain on gateway definition {name}: TLS on a TCP port leads to a workload by hostname"
        );
        return Err(Refusal::field(Reason::InvalidField, "TLSEnabled", problem));
    }
    let protocol = match mode {
        TlsMode::Terminate => Protocol::Tls,
        TlsMode::Passthrough => Protocol::TlsPassthrough,
    };
    let tls_secret_name = port.tls_secret_name.clone();
    let (service_port, backends) = (port.service_port, backends(port.backend_refs.as_ref()));
    Ok(TlsPort { port: number, protocol, hostnames, tls_secret_name, service_port, backends })
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::Hostnames;

    fn port(mode: Option<TlsMode>, hostnames: &[&str]) -> GatewayTcpPort {
        GatewayTcpPort {
            port: 443.try_into().unwrap(),
            tls_enabled: Some(mode.is_some()),
            tls_mode: mode,
            hostnames: Some(Hostnames(hostnames.iter().map(|name| name.parse().unwrap()).collect())),
            ..GatewayTcpPort::default()
        }
    }

    fn of(ports: Vec<GatewayTcpPort>) -> GatewayDefinition {
        GatewayDefinition { name: "db".parse().unwrap(), tcp_ports: ports, ..GatewayDefinition::default() }
    }

    #[test]
    fn a_port_is_for_all_hostnames_or_for_those_it_names() {
        let names = ["a.test".to_owned(), "b.test".to_owned()];
        let definition = of(vec![
            port(Some(TlsMode::Passthrough), &[]),
            port(Some(TlsMode::Terminate), &["b.test"]),
            port(None, &[]),
        ]);
        let ports = tls_ports(&definition, &names).unwrap();
        assert_eq!((ports.len(), layer4_ports(&definition).len()), (2, 1));
        assert_eq!((ports[0].protocol, ports[0].hostnames.as_slice()), (Protocol::TlsPassthrough, names.as_slice()));
        let listeners: Vec<_> = ports[1].listeners().collect();
        let only = ListenerKey { port: 443, protocol: Protocol::Tls, hostname: Some("b.test".into()) };
        assert_eq!(listeners, [only]);
    }

    #[test]
    fn a_hostname_must_be_there_and_the_definitions() {
        let refuse = |names: &[&str], all: &[String]| {
            tls_ports(&of(vec![port(Some(TlsMode::Passthrough), names)]), all).unwrap_err().to_string()
        };
        let none = refuse(&[], &[]);
        assert!(
            none.starts_with("TLSEnabled: port 443 needs Hostnames or a domain on gateway definition db"),
            "{none}"
        );
        let other = refuse(&["c.test"], &["a.test".into()]);
        assert!(
            other.starts_with("Hostnames: TCP port 443 is for c.test, which gateway definition db doesn't answer to"),
            "{other}"
        );
    }
}
