//! What a gateway definition claims on the Gateway that carries it: the requests and connections that are its own.

use crate::hostnames::hostnames_of;
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    nouns::{GatewayDefinition, GatewayHttpPort, too_many_ports},
    problem::{Reason, Refusal},
    text::{Hostname, HttpPath, Port},
};
use std::fmt;

/// One route: the traffic of a listener that begins with a path. Each can belong to one gateway instance of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteClaim {
    /// The listener that it is attached to.
    pub listener: ListenerKey,
    /// The beginning of the path, without a final slash, so that `/a` and `/a/` are the same; empty where the proxy sees no requests.
    pub path: String,
    /// It answers with a redirect to HTTPS. Two such claims on one route say the same, so both may be.
    pub redirect: bool,
}

/// The traffic of a claim, as refusals name it.
impl fmt::Display for RouteClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListenerKey { port, protocol, hostname } = &self.listener;
        let traffic = match hostname {
            _ if !protocol.has_requests() => "all traffic",
            None => "every hostname, path ",
            Some(hostname) => hostname,
        };
        write!(f, "{traffic}{} on {protocol} port {port}", self.path)
    }
}

/// A port whose whole traffic goes to one Service: the proxy does not look into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Layer4Port {
    /// The protocol of its listener.
    pub protocol: Protocol,
    /// Where clients connect.
    pub port: Port,
    /// The port of the Service, if the definition names one.
    pub service_port: Option<Port>,
}

/// The ports of a definition on which the proxy sees no requests.
pub fn layer4_ports(definition: &GatewayDefinition) -> Vec<Layer4Port> {
    let port = |protocol, port, service_port| Layer4Port { protocol, port, service_port };
    let tcp = definition.tcp_ports.iter().map(|tcp| port(Protocol::Tcp, tcp.port, tcp.service_port));
    let udp = definition.udp_ports.iter().map(|udp| port(Protocol::Udp, udp.port, udp.service_port));
    tcp.chain(udp).collect()
}

/// Ports that were added one by one count like those that were made with the definition.
///
/// # Errors
/// The definition has more ports of a kind than it may.
pub fn check_count(definition: &GatewayDefinition) -> Result<(), Refusal> {
    let counts = [definition.http_ports.len(), definition.tcp_ports.len(), definition.udp_ports.len()];
    match counts.into_iter().find_map(too_many_ports) {
        Some(problem) => Err(Refusal::field(Reason::InvalidField, "GatewayDefinitionID", problem)),
        None => Ok(()),
    }
}

/// All that an instance of a definition claims, sorted. The definition has its ports; `domain` is the one that it names.
///
/// # Errors
/// A hostname that the definition can't have, or HTTPS without a hostname that a certificate could be for.
pub fn claims_of(definition: &GatewayDefinition, domain: Option<&Hostname>) -> Result<Vec<RouteClaim>, Refusal> {
    // Hostnames are checked without HTTP ports too: what reads them later must not find wrong ones.
    let hostnames = hostnames_of(definition, domain)?;
    let mut claims: Vec<_> = layer4_ports(definition).iter().map(layer4).collect();
    for port in &definition.http_ports {
        if hostnames.is_empty() {
            claims.push(http(port, None));
        }
        claims.extend(hostnames.iter().map(|hostname| http(port, Some(hostname))));
    }
    claims.sort_unstable();
    let needs_hostname =
        |claim: &&RouteClaim| claim.listener.protocol == Protocol::Https && claim.listener.hostname.is_none();
    match claims.iter().find(needs_hostname) {
        Some(claim) => {
            let (port, name) = (claim.listener.port, &definition.name);
            let problem =
                format!("port {port} needs a domain on gateway definition {name}: the certificate is for its hostname");
            Err(Refusal::field(Reason::InvalidField, "TLSEnabled", problem))
        }
        None => Ok(claims),
    }
}

fn http(port: &GatewayHttpPort, hostname: Option<&String>) -> RouteClaim {
    let protocol = if port.tls_enabled == Some(true) { Protocol::Https } else { Protocol::Http };
    let path = port.path.as_ref().map_or("/", HttpPath::as_str).trim_matches('/');
    RouteClaim {
        listener: ListenerKey { port: port.port.get(), protocol, hostname: hostname.cloned() },
        path: format!("/{path}"),
        redirect: port.https_redirect == Some(true),
    }
}

fn layer4(port: &Layer4Port) -> RouteClaim {
    let listener = ListenerKey { port: port.port.get(), protocol: port.protocol, hostname: None };
    RouteClaim { listener, path: String::new(), redirect: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayTcpPort, GatewayUdpPort, Hostnames};
    use proptest::prelude::*;

    pub(crate) fn http_port(port: i32, path: &str, tls: bool) -> GatewayHttpPort {
        GatewayHttpPort {
            port: i64::from(port).try_into().unwrap(),
            path: path.parse().ok(),
            tls_enabled: Some(tls),
            ..GatewayHttpPort::default()
        }
    }

    #[test]
    fn ports_are_counted_by_kind() {
        let ports = |http: i32, tcp: i32, udp: i32| GatewayDefinition {
            http_ports: (1..=http).map(|port| http_port(port, "/", false)).collect(),
            tcp_ports: (1..=tcp).map(tcp_port).collect(),
            udp_ports: (1..=udp).map(udp_port).collect(),
            ..GatewayDefinition::default()
        };
        assert!(check_count(&ports(64, 64, 64)).is_ok());
        for (http, tcp, udp) in [(65, 0, 0), (0, 65, 0), (0, 0, 65)] {
            let refusal = check_count(&ports(http, tcp, udp)).unwrap_err().to_string();
            assert!(refusal.starts_with("GatewayDefinitionID: holds 65 ports"), "{refusal}");
        }
    }

    fn tcp_port(port: i32) -> GatewayTcpPort {
        GatewayTcpPort { port: i64::from(port).try_into().unwrap(), ..GatewayTcpPort::default() }
    }

    fn udp_port(port: i32) -> GatewayUdpPort {
        GatewayUdpPort { port: i64::from(port).try_into().unwrap(), ..GatewayUdpPort::default() }
    }

    fn with_http(port: GatewayHttpPort) -> GatewayDefinition {
        GatewayDefinition { http_ports: vec![port], ..GatewayDefinition::default() }
    }

    fn domain() -> Hostname {
        "example.org".parse().unwrap()
    }

    fn shown(claims: &[RouteClaim]) -> Vec<String> {
        claims.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_hostname_of_each_port_is_claimed() {
        let names = ["b.example.org", "a.example.org"].map(|name| name.parse().unwrap()).to_vec();
        let definition = GatewayDefinition {
            hostnames: Some(Hostnames(names)),
            http_ports: vec![http_port(443, "/api/", true), http_port(80, "/", false)],
            tcp_ports: vec![tcp_port(5432)],
            udp_ports: vec![udp_port(5432)],
            ..GatewayDefinition::default()
        };
        let claims = claims_of(&definition, Some(&domain())).unwrap();
        assert_eq!(
            shown(&claims),
            [
                "a.example.org/ on HTTP port 80",
                "b.example.org/ on HTTP port 80",
                "a.example.org/api on HTTPS port 443",
                "b.example.org/api on HTTPS port 443",
                "all traffic on TCP port 5432",
                "all traffic on UDP port 5432",
            ]
        );
    }

    #[test]
    fn without_a_hostname_every_one_is_claimed() {
        let claims = claims_of(&with_http(http_port(80, "/a", false)), None).unwrap();
        assert_eq!(shown(&claims), ["every hostname, path /a on HTTP port 80"]);
    }

    #[test]
    fn https_needs_a_hostname() {
        let definition = with_http(http_port(443, "/", true));
        let refusal = claims_of(&definition, None).unwrap_err();
        assert_eq!((refusal.reason, refusal.details[0].field.as_str()), (Reason::InvalidField, "TLSEnabled"));
        assert!(claims_of(&definition, Some(&domain())).is_ok());
    }

    proptest! {
        #[test]
        fn claims_do_not_depend_on_the_order_of_ports(
            http in proptest::collection::vec((1..100i32, "(/[a-c]{0,2}){0,3}", any::<bool>()), 0..6),
            tcp in proptest::collection::vec(1..100i32, 0..4),
            udp in proptest::collection::vec(1..100i32, 0..4),
        ) {
            let definition = GatewayDefinition {
                http_ports: http.into_iter().map(|(port, path, tls)| http_port(port, &path, tls)).collect(),
                tcp_ports: tcp.into_iter().map(tcp_port).collect(),
                udp_ports: udp.into_iter().map(udp_port).collect(),
                ..GatewayDefinition::default()
            };
            let claims = claims_of(&definition, Some(&domain())).unwrap();
            let mut turned = definition.clone();
            turned.http_ports.reverse();
            turned.tcp_ports.reverse();
            turned.udp_ports.reverse();
            prop_assert_eq!(&claims, &claims_of(&turned, Some(&domain())).unwrap());
            for claim in claims {
                let is_path = claim.path.starts_with('/') && (claim.path == "/" || !claim.path.ends_with('/'));
                prop_assert_eq!(is_path, claim.listener.protocol.has_requests());
            }
        }
    }
}
