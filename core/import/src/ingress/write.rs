//! The rules of an Ingress as gateway definitions: hostnames with and without TLS apart, and those of different domains.

use super::{Ingress, Rule, Secured, settings};
use crate::{
    output::{Gateway, Output},
    rules::MOST,
    source::Source,
};
use causeway_gateway_api::RouteKind;
use causeway_records::{
    nouns::{GatewayDefinition, GatewayGrpcRoute, GatewayHttpPort, GatewayHttpRoute, GrpcRules, Hostnames, HttpRules},
    text::Port,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Hostnames of one definition, of which each may have several routes.
const MOST_ROUTES: usize = 32;

/// A route: hostnames with the same rules, at most sixteen.
struct Route {
    hostnames: Vec<String>,
    rules: Vec<Value>,
}

pub(super) fn ingress(ingress: &mut Ingress, secured: &Secured, output: &mut Output) {
    if ingress.canary.is_some() {
        return;
    }
    let mut by_host: BTreeMap<Option<String>, Vec<Value>> = BTreeMap::new();
    let kind = if ingress.is_grpc { RouteKind::Grpc } else { RouteKind::Http };
    for rule in &ingress.rules {
        if let Some(json) = checked(&mut ingress.source, kind, rule) {
            by_host.entry(rule.host.clone()).or_default().push(json);
        }
    }
    ingress.served.extend(by_host.keys().flatten().cloned());
    if by_host.is_empty() {
        settings::unsaid(&mut ingress.source, |_| true, "there is no rule that could say it");
    }
    let mut groups: BTreeMap<(bool, Option<String>, bool), Vec<Route>> = BTreeMap::new();
    for (host, rules) in by_host {
        let mut domain = None;
        let mut has_tls = false;
        if let Some((hostname, issuer)) = host.as_ref().and_then(|host| secured.get_key_value(host)) {
            domain = output.domain_of(hostname, issuer.as_deref());
            has_tls = domain.is_some();
            if domain.is_none() {
                let problem = format!(
                    "{hostname} is a single label, for which there can be no certificate; it is served without TLS"
                );
                ingress.source.unsupported("/spec/tls", &problem);
            }
        }
        let routes = groups.entry((has_tls, domain, host.is_none())).or_default();
        match routes.iter_mut().find(|route| route.rules == rules) {
            Some(route) => route.hostnames.extend(host),
            None => routes.push(Route { hostnames: host.into_iter().collect(), rules }),
        }
    }
    for ((has_tls, domain, is_every), routes) in groups {
        for routes in in_parts(routes, is_every) {
            let gateway = gateway(ingress, has_tls, domain.clone(), &routes, output);
            output.gateways.push(gateway);
        }
    }
}

/// A rule that the API takes; any other is reported.
fn checked(source: &mut Source, kind: RouteKind, rule: &Rule) -> Option<Value> {
    let json = rule.json();
    match kind.check(&json!([json])).first() {
        None => Some(json),
        Some(fault) => {
            source.unsupported(
                &rule.at,
                &format!("Gateway API refuses what comes of it and of the annotations: {fault}"),
            );
            settings::unsaid(source, |_| true, "isn't said where Gateway API refuses what comes of a path");
            None
        }
    }
}

/// Routes with at most sixteen rules each, so many as one definition may have.
fn in_parts(routes: Vec<Route>, is_every: bool) -> Vec<Vec<Route>> {
    let mut all = vec![];
    for route in routes {
        let hostnames: Vec<Vec<String>> = match is_every {
            true => vec![vec![]],
            false => route.hostnames.chunks(MOST).map(<[String]>::to_vec).collect(),
        };
        for hostnames in hostnames {
            // All rules of a hostname in one definition, or its port would answer what they don't.
            let parts =
                route.rules.chunks(MOST).map(|rules| Route { hostnames: hostnames.clone(), rules: rules.to_vec() });
            all.push(parts.collect::<Vec<_>>());
        }
    }
    let mut parts: Vec<Vec<Route>> = vec![];
    for routes in all {
        let count = |routes: &Vec<Route>| {
            (routes.len(), routes.iter().flat_map(|route| &route.hostnames).collect::<BTreeSet<_>>().len())
        };
        let more = count(&routes);
        match parts
            .last_mut()
            .filter(|last| count(last).0 + more.0 <= MOST_ROUTES && count(last).1 + more.1 <= MOST_ROUTES)
        {
            Some(last) => last.extend(routes),
            None => parts.push(routes),
        }
    }
    parts
}

fn gateway(ingress: &Ingress, has_tls: bool, domain: Option<String>, routes: &[Route], output: &mut Output) -> Gateway {
    let source = &ingress.source;
    let hostnames: BTreeSet<&String> = routes.iter().flat_map(|route| &route.hostnames).collect();
    let named = |hostnames: &[String]| {
        let parsed: Vec<_> = hostnames.iter().filter_map(|hostname| hostname.parse().ok()).collect();
        (!parsed.is_empty()).then_some(Hostnames(parsed))
    };
    // A route that is for all hostnames of the definition names none.
    let of_route = |route: &Route| if routes.len() == 1 { None } else { named(&route.hostnames) };
    let port = |number: i64| GatewayHttpPort {
        port: Port::try_from(number).unwrap_or_default(),
        ..GatewayHttpPort::default()
    };
    let mut http_ports = vec![GatewayHttpPort { https_redirect: Some(has_tls && ingress.to_https), ..port(80) }];
    if has_tls {
        http_ports.push(GatewayHttpPort { tls_enabled: Some(true), ..port(443) });
    }
    let all: Vec<String> = hostnames.into_iter().cloned().collect();
    let mut definition = GatewayDefinition {
        name: output.name("Gateway", &source.object, ""),
        http_ports,
        hostnames: named(&all),
        ..GatewayDefinition::default()
    };
    for route in routes {
        let (hostnames, rules) = (of_route(route), Value::Array(route.rules.clone()));
        if ingress.is_grpc {
            let route = GatewayGrpcRoute { rules: GrpcRules(rules), hostnames, ..GatewayGrpcRoute::default() };
            definition.grpc_routes.push(route);
        } else {
            let route = GatewayHttpRoute { rules: HttpRules(rules), hostnames, ..GatewayHttpRoute::default() };
            definition.http_routes.push(route);
        }
    }
    output.workloads.entry(source.object.namespace.clone()).or_default();
    let (workload, from) = (source.object.namespace.clone(), source.object.clone());
    Gateway { definition, domain, workload, shared: None, is_attached: true, route_name: None, from }
}
