//! Routes of a gateway definition (`gateway-http-routes`, `gateway-grpc-routes`): the ports and hostnames that each is for, and which requests it claims.
//!
//! A port has a route of its own, for its `Path`. Where that is `/`, it stands for all requests of the port, and a route that is written stands in its
//! place, for the hostnames that it is for. Ports with another path, and those that redirect, keep their routes beside it.

use crate::{
    claims::RouteClaim,
    hostnames::chosen,
    matches::{grpc_matches, http_matches},
};
use causeway_gateway_api::RouteKind;
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    nouns::{GatewayDefinition, GatewayHttpPort, GrpcRules, Hostnames, HttpRules, Ports},
    problem::{Reason, Refusal},
    text::HttpPath,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the routes of one definition may claim in all: matches for each port and hostname.
pub const MAX_CLAIMS: usize = 4096;

/// A route of a definition.
#[derive(Clone, Copy, Debug)]
pub struct WrittenRoute<'d> {
    /// Of HTTP or of gRPC.
    pub kind: RouteKind,
    /// From 0, among those of its kind, by id.
    pub ordinal: usize,
    /// `spec.rules`.
    pub rules: &'d Value,
    hostnames: Option<&'d Hostnames>,
    ports: Option<&'d Ports>,
}

/// All routes of a definition, those of HTTP first.
pub fn routes(definition: &GatewayDefinition) -> Vec<WrittenRoute<'_>> {
    let http = definition.http_routes.iter().enumerate().map(|(ordinal, route)| WrittenRoute {
        kind: HttpRules::KIND,
        ordinal,
        rules: &route.rules.0,
        hostnames: route.hostnames.as_ref(),
        ports: route.ports.as_ref(),
    });
    let grpc = definition.grpc_routes.iter().enumerate().map(|(ordinal, route)| WrittenRoute {
        kind: GrpcRules::KIND,
        ordinal,
        rules: &route.rules.0,
        hostnames: route.hostnames.as_ref(),
        ports: route.ports.as_ref(),
    });
    http.chain(grpc).collect()
}

/// The protocol of an HTTP port's listener.
pub fn protocol(port: &GatewayHttpPort) -> Protocol {
    if port.tls_enabled == Some(true) { Protocol::Https } else { Protocol::Http }
}

/// The beginning of the paths that a port has a route for, without a final slash: `/a` and `/a/` are the same.
pub fn path(port: &GatewayHttpPort) -> String {
    format!("/{}", port.path.as_ref().map_or("", HttpPath::as_str).trim_matches('/'))
}

/// Whether a port's own route stands for all that nothing else is said about.
pub fn is_catch_all(port: &GatewayHttpPort) -> bool {
    port.https_redirect != Some(true) && path(port) == "/"
}

impl WrittenRoute<'_> {
    /// The list of its definition that holds it.
    pub fn list(&self) -> &'static str {
        match self.kind {
            RouteKind::Http => "HttpRoutes",
            RouteKind::Grpc => "GrpcRoutes",
        }
    }

    /// The ports that it attaches to, with the protocols of their listeners.
    ///
    /// # Errors
    /// It names a port that the definition doesn't have, or there is none for it.
    pub fn ports(&self, definition: &GatewayDefinition) -> Result<BTreeSet<(i32, Protocol)>, Refusal> {
        let all = || definition.http_ports.iter();
        let refuse = |problem: String| Err(Refusal::field(Reason::InvalidField, "Ports", problem));
        let Some(named) = self.ports else {
            let found: BTreeSet<_> = all()
                .filter(|port| port.https_redirect != Some(true))
                .map(|port| (port.port.get(), protocol(port)))
                .collect();
            if found.is_empty() {
                let (list, name) = (self.list(), &definition.name);
                return refuse(format!(
                    "a route of {list} of gateway definition {name} has no port; add one without HTTPSRedirect to its HttpPorts, or name those that \
                     the route is for"
                ));
            }
            return Ok(found);
        };
        let mut found = BTreeSet::new();
        for number in &named.0 {
            let of_number: Vec<_> = all().filter(|port| port.port == *number).collect();
            if of_number.is_empty() {
                let (list, name) = (self.list(), &definition.name);
                return refuse(format!(
                    "a route of {list} of gateway definition {name} is for port {number}, which isn't among its HttpPorts; add it there, or leave it out"
                ));
            }
            found.extend(of_number.into_iter().map(|port| (number.get(), protocol(port))));
        }
        Ok(found)
    }

    /// The hostnames that it is for, sorted; empty: every hostname. `hostnames` are those of the definition.
    ///
    /// # Errors
    /// It names one that the definition doesn't answer to.
    pub fn hostnames(&self, definition: &GatewayDefinition, hostnames: &[String]) -> Result<Vec<String>, Refusal> {
        chosen(&format!("a route of {}", self.list()), definition, hostnames, self.hostnames)
    }

    /// The listeners whose requests it is about.
    ///
    /// # Errors
    /// As [`ports`](Self::ports) and [`hostnames`](Self::hostnames).
    pub fn listeners(&self, definition: &GatewayDefinition, hostnames: &[String]) -> Result<Vec<ListenerKey>, Refusal> {
        let hostnames = self.hostnames(definition, hostnames)?;
        let mut found = vec![];
        for (port, protocol) in self.ports(definition)? {
            if hostnames.is_empty() {
                found.push(ListenerKey { port, protocol, hostname: None });
            }
            found.extend(hostnames.iter().map(|name| ListenerKey { port, protocol, hostname: Some(name.clone()) }));
        }
        Ok(found)
    }

    /// The requests that its rules are about, each once: of two rules with the same match the first counts.
    fn matches(&self) -> BTreeSet<String> {
        let rules = self.kind.with_defaults(self.rules);
        match self.kind {
            RouteKind::Http => http_matches(&rules),
            RouteKind::Grpc => grpc_matches(&rules),
        }
    }
}

/// The listeners on which a route stands in the place of the ports' own.
///
/// # Errors
/// A route names ports or hostnames that the definition doesn't have.
pub fn covered(definition: &GatewayDefinition, hostnames: &[String]) -> Result<BTreeSet<ListenerKey>, Refusal> {
    let mut covered = BTreeSet::new();
    for route in routes(definition) {
        covered.extend(route.listeners(definition, hostnames)?);
    }
    Ok(covered)
}

/// What the routes of a definition claim.
///
/// # Errors
/// As [`covered`], or there are more claims than one definition may have.
pub fn claimed(definition: &GatewayDefinition, hostnames: &[String]) -> Result<Vec<RouteClaim>, Refusal> {
    let mut claimed = vec![];
    for route in routes(definition) {
        let (listeners, matches) = (route.listeners(definition, hostnames)?, route.matches());
        if claimed.len() + listeners.len() * matches.len() > MAX_CLAIMS {
            let problem = format!(
                "the routes of gateway definition {} have more than {MAX_CLAIMS} matches, counted for each port and hostname; make several gateway \
                 definitions",
                definition.name
            );
            return Err(Refusal::field(Reason::InvalidField, "Rules", problem));
        }
        let grpc = route.kind == RouteKind::Grpc;
        for listener in listeners {
            let claim = |requests: &String| RouteClaim {
                listener: listener.clone(),
                requests: requests.clone(),
                grpc,
                redirect: false,
                tls_secret: None,
            };
            claimed.extend(matches.iter().map(claim));
        }
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayGrpcRoute, GatewayHttpRoute};
    use serde_json::json;

    fn definition(ports: &[(i64, bool)], routes: Vec<GatewayHttpRoute>) -> GatewayDefinition {
        let port = |(port, redirect): &(i64, bool)| GatewayHttpPort {
            port: (*port).try_into().unwrap(),
            https_redirect: Some(*redirect),
            ..GatewayHttpPort::default()
        };
        GatewayDefinition {
            name: "web".parse().unwrap(),
            http_ports: ports.iter().map(port).collect(),
            http_routes: routes,
            ..GatewayDefinition::default()
        }
    }

    fn route(rules: Value) -> GatewayHttpRoute {
        GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_route_is_for_all_ports_but_those_that_redirect() {
        let own = definition(&[(80, true), (8080, false)], vec![route(json!([{}]))]);
        let claims = claimed(&own, &names(&["a.test", "b.test"])).unwrap();
        let shown: Vec<_> = claims
            .iter()
            .map(|claim| {
                format!("{}:{}{}", claim.listener.hostname.as_deref().unwrap(), claim.listener.port, claim.requests)
            })
            .collect();
        assert_eq!(shown, ["a.test:8080/", "b.test:8080/"]);
        let refusal = claimed(&definition(&[(80, true)], vec![route(json!([{}]))]), &[]).unwrap_err().to_string();
        assert!(
            refusal.starts_with("Ports: a route of HttpRoutes of gateway definition web has no port; add one"),
            "{refusal}"
        );
    }

    #[test]
    fn what_a_route_names_must_be_the_definitions() {
        let of = |hostnames: &[&str], ports: &[i64]| GatewayHttpRoute {
            hostnames: Some(Hostnames(hostnames.iter().map(|name| name.parse().unwrap()).collect())),
            ports: (!ports.is_empty()).then(|| Ports(ports.iter().map(|port| (*port).try_into().unwrap()).collect())),
            ..route(json!([{}]))
        };
        let claims =
            |route| claimed(&definition(&[(80, true), (81, false)], vec![route]), &names(&["a.test", "b.test"]));
        let one = claims(of(&["b.test"], &[80])).unwrap();
        assert_eq!((one.len(), one[0].listener.port, one[0].listener.hostname.as_deref()), (1, 80, Some("b.test")));
        let refusal = claims(of(&["c.test"], &[])).unwrap_err().to_string();
        assert!(refusal.contains("is for c.test, which gateway definition web doesn't answer to"), "{refusal}");
        let refusal = claims(of(&[], &[82])).unwrap_err().to_string();
        assert!(refusal.contains("is for port 82, which isn't among its HttpPorts"), "{refusal}");
    }

    #[test]
    fn routes_of_grpc_have_claims_of_their_own() {
        let grpc = GatewayGrpcRoute { rules: GrpcRules(json!([{}])), ..GatewayGrpcRoute::default() };
        let own = GatewayDefinition { grpc_routes: vec![grpc], ..definition(&[(80, false)], vec![route(json!([{}]))]) };
        let claims: Vec<_> =
            claimed(&own, &[]).unwrap().into_iter().map(|claim| (claim.requests, claim.grpc)).collect();
        assert_eq!(claims, [("/".to_owned(), false), ("/ (gRPC)".to_owned(), true)]);
    }

    #[test]
    fn claims_are_bounded() {
        let matches: Vec<_> = (0..60).map(|n| json!({"path": {"value": format!("/{n}")}})).collect();
        let own =
            definition(&[(80, false), (81, false)], vec![route(json!([{"matches": matches}, {"matches": matches}]))]);
        assert_eq!(claimed(&own, &names(&["a.test"])).unwrap().len(), 120, "of equal matches the first counts");
        let many: Vec<_> = (0..64).map(|n| format!("h{n}.test")).collect();
        let refusal = claimed(&own, &many).unwrap_err().to_string();
        assert!(
            refusal.starts_with("Rules: the routes of gateway definition web have more than 4096 matches"),
            "{refusal}"
        );
    }
}
