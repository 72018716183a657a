//! Gateway instances that name their route (`RouteName`): an object has one name, so what they are made of is one route.

use crate::routes::{is_catch_all, protocol, routes};
use causeway_records::{
    nouns::{GatewayDefinition, PortBackend, PortBackends},
    problem::{Reason, Refusal},
    text::Port,
};
use std::collections::BTreeSet;

/// Hostnames that one route may have, by Gateway API.
const MOST_HOSTNAMES: usize = 16;

/// Whether the gateway instances of a definition are one route each. `hostnames` are those that the definition answers to.
///
/// # Errors
/// It takes several: the sentence says why, and what would make it one.
pub fn check(definition: &GatewayDefinition, hostnames: &[String]) -> Result<(), Refusal> {
    let with_tls = definition.tcp_ports.iter().filter(|port| port.tls().is_some()).count();
    let protocols =
        [definition.http_ports.len(), with_tls, definition.tcp_ports.len() - with_tls, definition.udp_ports.len()];
    let why = if protocols.iter().filter(|ports| **ports > 0).count() > 1 {
        Some(
            "has ports of several protocols, each with a route of its own; take them into gateway definitions of their own",
        )
    } else if definition.http_ports.is_empty() {
        layer4(definition, with_tls > 0, hostnames)
    } else {
        http(definition, hostnames)
    };
    match why {
        None => Ok(()),
        Some(why) => {
            let problem = format!("stands for one route, and gateway definition {} {why}", definition.name);
            Err(Refusal::field(Reason::InvalidField, "RouteName", problem))
        }
    }
}

/// A definition with HTTP ports is one route if that is written, for all of its ports and hostnames.
fn http(definition: &GatewayDefinition, hostnames: &[String]) -> Option<&'static str> {
    let all = routes(definition);
    let [route] = all.as_slice() else {
        return Some("has not exactly one entry in HttpRoutes and GrpcRoutes together; write its rules into one");
    };
    if !definition.http_ports.iter().all(is_catch_all) {
        return Some(
            "has a port with HTTPSRedirect or a Path, which is a route of its own; take it into a gateway definition of its own",
        );
    }
    let ports: BTreeSet<_> = definition.http_ports.iter().map(|port| (port.port.get(), protocol(port))).collect();
    let is_whole = route.ports(definition).is_ok_and(|own| own == ports)
        && route.hostnames(definition, hostnames).is_ok_and(|own| own.len() == hostnames.len());
    if !is_whole {
        return Some(
            "has a route that isn't for all of its ports and hostnames; leave Ports and Hostnames of the route out",
        );
    }
    too_many(hostnames)
}

/// Without HTTP ports it is one route if all ports lead to the same place.
fn layer4(definition: &GatewayDefinition, is_tls: bool, hostnames: &[String]) -> Option<&'static str> {
    let backends = |named: &'_ Option<PortBackends>| named.as_ref().map(|named| named.0.clone());
    let tcp = definition.tcp_ports.iter().map(|port| (port.service_port, backends(&port.backend_refs)));
    let udp = definition.udp_ports.iter().map(|port| (port.service_port, backends(&port.backend_refs)));
    let led: BTreeSet<(Option<Port>, Option<Vec<PortBackend>>)> = tcp.chain(udp).collect();
    let count = definition.tcp_ports.len() + definition.udp_ports.len();
    // What is left out follows from the number of the port.
    if led.len() > 1 || (count > 1 && led.contains(&(None, None))) {
        return Some(
            "has ports that may lead to different ports of the Service; give all of them one ServicePort, or the same BackendRefs",
        );
    }
    if definition.tcp_ports.iter().any(|port| port.hostnames.as_ref().is_some_and(|own| !own.0.is_empty())) {
        return Some(
            "has a port with Hostnames of its own; leave them out, or take it into a gateway definition of its own",
        );
    }
    if is_tls { too_many(hostnames) } else { None }
}

fn too_many(hostnames: &[String]) -> Option<&'static str> {
    (hostnames.len() > MOST_HOSTNAMES)
        .then_some("answers to more than the 16 hostnames that one route may have; make several gateway definitions")
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{
        GatewayGrpcRoute, GatewayHttpPort, GatewayHttpRoute, GatewayTcpPort, GatewayUdpPort, HttpRules, Ports,
    };
    use serde_json::json;

    fn number(port: i64) -> Port {
        port.try_into().unwrap()
    }

    fn http_port(port: i64) -> GatewayHttpPort {
        GatewayHttpPort { port: number(port), ..GatewayHttpPort::default() }
    }

    fn route() -> GatewayHttpRoute {
        GatewayHttpRoute { rules: HttpRules(json!([{}])), ..GatewayHttpRoute::default() }
    }

    fn shop() -> GatewayDefinition {
        GatewayDefinition {
            name: "shop".parse().unwrap(),
            http_ports: vec![http_port(80), GatewayHttpPort { tls_enabled: Some(true), ..http_port(443) }],
            http_routes: vec![route()],
            ..GatewayDefinition::default()
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("h{n}.test")).collect()
    }

    fn told(definition: &GatewayDefinition) -> String {
        check(definition, &names(2)).err().map(|refusal| refusal.to_string()).unwrap_or_default()
    }

    #[test]
    fn rules_for_all_ports_and_hostnames_are_one_route() {
        assert_eq!(told(&shop()), "");
        let every = GatewayDefinition { hostnames: None, ..shop() };
        assert!(check(&every, &[]).is_ok() && check(&shop(), &names(16)).is_ok());
        let grpc = GatewayDefinition { http_routes: vec![], grpc_routes: vec![GatewayGrpcRoute::default()], ..shop() };
        assert_eq!(told(&grpc), "");
    }

    #[test]
    fn what_takes_several_routes_is_refused_with_what_would_make_it_one() {
        let tls = GatewayTcpPort { port: number(8443), tls_enabled: Some(true), ..GatewayTcpPort::default() };
        let narrowed = GatewayHttpRoute { ports: Some(Ports(vec![number(80)])), ..route() };
        for (definition, why) in [
            (GatewayDefinition { tcp_ports: vec![tls], ..shop() }, "has ports of several protocols"),
            (GatewayDefinition { http_routes: vec![], ..shop() }, "has not exactly one entry in HttpRoutes"),
            (GatewayDefinition { http_routes: vec![route(), route()], ..shop() }, "has not exactly one entry"),
            (GatewayDefinition { http_routes: vec![narrowed], ..shop() }, "has a route that isn't for all"),
            (
                GatewayDefinition {
                    http_ports: vec![GatewayHttpPort { https_redirect: Some(true), ..http_port(80) }, http_port(81)],
                    ..shop()
                },
                "has a port with HTTPSRedirect or a Path",
            ),
            (
                GatewayDefinition {
                    http_ports: vec![GatewayHttpPort { path: "/api".parse().ok(), ..http_port(80) }],
                    ..shop()
                },
                "has a port with HTTPSRedirect or a Path",
            ),
        ] {
            let told = told(&definition);
            let starts = format!("RouteName: stands for one route, and gateway definition shop {why}");
            assert!(told.starts_with(&starts), "{told}");
        }
        let many = check(&shop(), &names(17)).unwrap_err().to_string();
        assert!(many.contains("answers to more than the 16 hostnames"), "{many}");
    }

    #[test]
    fn ports_of_layer_4_are_one_route_where_they_lead_to_the_same_place() {
        let tcp = |port: i64, service: Option<i64>, tls: bool| GatewayTcpPort {
            port: number(port),
            service_port: service.map(number),
            tls_enabled: Some(tls),
            ..GatewayTcpPort::default()
        };
        let of = |tcp_ports: Vec<GatewayTcpPort>| GatewayDefinition {
            http_ports: vec![],
            http_routes: vec![],
            tcp_ports,
            ..shop()
        };
        assert_eq!(told(&of(vec![tcp(443, None, true)])), "");
        assert_eq!(told(&of(vec![tcp(443, Some(1), true), tcp(8443, Some(1), true)])), "");
        for (ports, why) in [
            (vec![tcp(443, None, true), tcp(8443, None, true)], "may lead to different ports"),
            (vec![tcp(443, Some(1), true), tcp(8443, Some(2), true)], "may lead to different ports"),
            (vec![tcp(443, Some(1), true), tcp(5432, Some(1), false)], "has ports of several protocols"),
        ] {
            let told = told(&of(ports));
            assert!(told.contains(why), "{told}");
        }
        let many = check(&of(vec![tcp(443, None, true)]), &names(17)).unwrap_err().to_string();
        assert!(many.contains("more than the 16 hostnames"), "{many}");
        let udp = GatewayDefinition {
            udp_ports: vec![GatewayUdpPort { port: number(53), ..GatewayUdpPort::default() }],
            ..of(vec![])
        };
        assert!(check(&udp, &names(17)).is_ok(), "UDP knows no hostnames");
    }
}
