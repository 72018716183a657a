//! What a gateway definition claims on the Gateway that carries it: the requests and connections that are its own.

use crate::{
    hostnames::hostnames_of,
    ports::{layer4_ports, tls_ports},
    routes::{claimed, covered, is_catch_all, path, protocol},
    tls_secrets::{lacks_for_tls, tls_secrets},
};
use causeway_records::{
    inputs::ListenerKey,
    nouns::{GatewayDefinition, GatewayHttpPort, too_many_ports, too_many_routes},
    problem::{Reason, Refusal},
    text::Hostname,
};
use std::{collections::BTreeMap, fmt};

/// Some of the traffic of a listener, such as requests whose path begins so. It can belong to one gateway instance of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteClaim {
    /// The listener that it is attached to.
    pub listener: ListenerKey,
    /// Which requests, see [`matches`](crate::matches). A text that is a path only means all that begin with it. Empty where the proxy sees no
    /// requests.
    pub requests: String,
    /// The requests are of gRPC. A listener has routes of HTTP or of gRPC: of two that meet there Gateway API has the younger refused.
    pub grpc: bool,
    /// It answers with a redirect to HTTPS. Two such claims on one route say the same, so both may be.
    pub redirect: bool,
    /// The Secret with the listener's certificate that the definition names. A listener has one certificate, so all who use it name the same, or none.
    pub tls_secret: Option<String>,
}

/// The traffic of a claim, as refusals name it.
impl fmt::Display for RouteClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ListenerKey { port, protocol, hostname } = &self.listener;
        let traffic = match hostname {
            Some(hostname) => hostname,
            None if protocol.has_requests() => "every hostname, path ",
            None => "all traffic",
        };
        write!(f, "{traffic}{} on {protocol} port {port}", self.requests)
    }
}

/// Ports and routes that were added one by one count like those that were made with the definition.
///
/// # Errors
/// The definition has more of a kind than it may.
pub fn check_count(definition: &GatewayDefinition) -> Result<(), Refusal> {
    let counts = [definition.http_ports.len(), definition.tcp_ports.len(), definition.udp_ports.len()];
    let routes = [definition.http_routes.len(), definition.grpc_routes.len()];
    let too_many = counts.into_iter().find_map(too_many_ports);
    match too_many.or_else(|| routes.into_iter().find_map(too_many_routes)) {
        Some(problem) => Err(Refusal::field(Reason::InvalidField, "GatewayDefinitionID", problem)),
        None => Ok(()),
    }
}

/// All that an instance of a definition claims, sorted. The definition has its ports; `domain` is the one that it names.
///
/// # Errors
/// A hostname that the definition can't have, or TLS without a hostname, or without a domain that a certificate could be for.
pub fn claims_of(definition: &GatewayDefinition, domain: Option<&Hostname>) -> Result<Vec<RouteClaim>, Refusal> {
    // Hostnames are checked without HTTP ports too: what reads them later must not find wrong ones.
    let hostnames = hostnames_of(definition, domain)?;
    let mut claims: Vec<_> = layer4_ports(definition).iter().map(layer4).collect();
    let covered = covered(definition, &hostnames)?;
    for port in &definition.http_ports {
        let every = hostnames.is_empty().then_some(None);
        let of_hostnames = every.into_iter().chain(hostnames.iter().map(Some)).map(|hostname| http(port, hostname));
        claims.extend(of_hostnames.filter(|claim| !(is_catch_all(port) && covered.contains(&claim.listener))));
    }
    for port in tls_ports(definition, &hostnames)? {
        claims.extend(port.listeners().map(RouteClaim::whole));
    }
    claims.extend(claimed(definition, &hostnames)?);
    let secrets = tls_secrets(definition, &hostnames)?;
    for claim in &mut claims {
        claim.tls_secret = secrets.get(&claim.listener).cloned();
    }
    claims.sort_unstable();
    one_kind(definition, &claims)?;
    match claims.iter().find_map(|claim| lacks_for_tls(definition, domain, claim)) {
        Some(refusal) => Err(refusal),
        None => Ok(claims),
    }
}

fn http(port: &GatewayHttpPort, hostname: Option<&String>) -> RouteClaim {
    RouteClaim {
        listener: ListenerKey { port: port.port.get(), protocol: protocol(port), hostname: hostname.cloned() },
        requests: path(port),
        grpc: false,
        redirect: port.https_redirect == Some(true),
        tls_secret: None,
    }
}

fn layer4(port: &crate::ports::Layer4Port) -> RouteClaim {
    RouteClaim::whole(ListenerKey { port: port.port.get(), protocol: port.protocol, hostname: None })
}

impl RouteClaim {
    /// All that comes to a listener where the proxy sees no requests.
    fn whole(listener: ListenerKey) -> Self {
        Self { listener, requests: String::new(), grpc: false, redirect: false, tls_secret: None }
    }

    /// Whether a certificate is ordered for its listener: TLS ends there, and nobody has brought one.
    pub fn needs_certificate(&self) -> bool {
        self.listener.protocol.ends_tls() && self.tls_secret.is_none()
    }
}

/// The requests of one definition for a hostname of a port are all of HTTP, or all of gRPC.
fn one_kind(definition: &GatewayDefinition, claims: &[RouteClaim]) -> Result<(), Refusal> {
    let mut seen: BTreeMap<&ListenerKey, &RouteClaim> = BTreeMap::new();
    for claim in claims {
        let first = *seen.entry(&claim.listener).or_insert(claim);
        if first.grpc != claim.grpc {
            let (grpc, http) = if claim.grpc { (claim, first) } else { (first, claim) };
            let problem = format!(
                "gateway definition {} has {grpc} beside {http}, which is HTTP: Gateway API takes one kind of route for a hostname of a port; give \
                 the gRPC routes Hostnames or Ports of their own",
                definition.name
            );
            return Err(Refusal::field(Reason::InvalidField, "GrpcRoutes", problem));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{
        GatewayGrpcRoute, GatewayHttpRoute, GatewayTcpPort, GatewayUdpPort, GrpcRules, Hostnames, HttpRules,
    };
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
    fn a_route_stands_in_the_place_of_the_ports_own_for_its_hostnames() {
        let hostnames = ["a.example.org", "b.example.org"].map(|name| name.parse().unwrap()).to_vec();
        let of_a = Hostnames(hostnames[..1].to_vec());
        let rules = HttpRules(serde_json::json!([{"matches": [{"path": {"value": "/"}, "method": "GET"}]}]));
        let route = GatewayHttpRoute { rules, hostnames: Some(of_a), ..GatewayHttpRoute::default() };
        let definition = GatewayDefinition {
            hostnames: Some(Hostnames(hostnames)),
            http_ports: vec![http_port(80, "/", false), http_port(80, "/old", false)],
            http_routes: vec![route],
            ..GatewayDefinition::default()
        };
        assert_eq!(
            shown(&claims_of(&definition, Some(&domain())).unwrap()),
            [
                "a.example.org/, method GET on HTTP port 80",
                "a.example.org/old on HTTP port 80",
                "b.example.org/ on HTTP port 80",
                "b.example.org/old on HTTP port 80",
            ]
        );
    }

    #[test]
    fn http_and_grpc_of_one_definition_are_apart() {
        let hostnames: Vec<_> = ["a.example.org", "b.example.org"].map(|name| name.parse().unwrap()).into();
        let grpc = |of: usize| GatewayGrpcRoute {
            rules: GrpcRules(serde_json::json!([{}])),
            hostnames: Some(Hostnames(hostnames[..of].to_vec())),
            ..GatewayGrpcRoute::default()
        };
        let with = |path: &str, of: usize| GatewayDefinition {
            name: "web".parse().unwrap(),
            hostnames: Some(Hostnames(hostnames.clone())),
            grpc_routes: vec![grpc(of)],
            ..with_http(http_port(80, path, false))
        };
        // The port's own route for `/` gives way where a route stands.
        assert_eq!(
            shown(&claims_of(&with("/", 1), None).unwrap()),
            ["a.example.org/ (gRPC) on HTTP port 80", "b.example.org/ on HTTP port 80"]
        );
        let refusal = claims_of(&with("/api", 1), None).unwrap_err().to_string();
        let sentence = "GrpcRoutes: gateway definition web has a.example.org/ (gRPC) on HTTP port 80 beside a.example.org/api on HTTP port 80, which is HTTP";
        assert!(refusal.starts_with(sentence), "{refusal}");
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
                let path = claim.requests.as_str();
                let is_path = path.starts_with('/') && (path == "/" || !path.ends_with('/'));
                prop_assert_eq!(is_path, claim.listener.protocol.has_requests());
            }
        }
    }
}
