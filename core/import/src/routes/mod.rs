//! Routes of Gateway API, one file for each kind. A route becomes a gateway definition, or several where its hostnames are on different ports, on different
//! Gateways, or under different domains with TLS: a definition has each of its hostnames on each of its ports.

mod grpc_route;
mod http_route;
mod layer4;
pub(crate) mod mesh;
mod tcp_route;
mod tls_route;
mod udp_route;

use crate::{
    attach::{Attached, PARENTS, attach},
    gateways::{Namespaces, Parents},
    output::{Gateway, NO_ROOM, Output},
    rules::rules,
    source::Source,
};
use causeway_gateway_api::RouteKind;
use causeway_records::{
    inputs::Protocol,
    nouns::{GatewayDefinition, GatewayHttpPort, Hostnames},
    text::Port,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Hostnames that one gateway definition may have.
pub(crate) const MOST_HOSTNAMES: usize = 64;

/// What importers of routes share.
pub(crate) struct Surroundings<'a> {
    pub(crate) parents: &'a mut Parents,
    pub(crate) namespaces: &'a Namespaces,
    pub(crate) output: &'a mut Output,
}

/// Writes the gateways of a route of whatever kind.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    let before = around.output.gateways.len();
    match source.object.kind.as_str() {
        "HTTPRoute" => http_route::import(source, around),
        "GRPCRoute" => grpc_route::import(source, around),
        "TLSRoute" => tls_route::import(source, around),
        "TCPRoute" => tcp_route::import(source, around),
        _ => udp_route::import(source, around),
    }
    if around.output.gateways.len() == before {
        source.unsupported("/spec", "no record comes of the route");
    }
}

/// Hostnames that are on the same ports of one Gateway.
pub(super) struct Group {
    /// The record of the Gateway.
    pub(super) record: Option<String>,
    pub(super) domain: Option<String>,
    /// Empty: every hostname.
    pub(super) hostnames: Hostnames,
    pub(super) ports: Vec<(Port, Protocol)>,
}

/// A route with rules: all that it attaches to, in groups.
pub(super) fn with_rules(source: &mut Source, kind: RouteKind, around: &mut Surroundings<'_>) -> Vec<(Gateway, Value)> {
    let attached = attach(source, around.parents, around.namespaces);
    if attached.is_empty() {
        return vec![];
    }
    let Some(rules) = rules(source, kind, around.output) else { return vec![] };
    let groups = groups(attached, around.output);
    if !around.output.has_room(groups.len() * rules.to_string().len()) {
        source.unsupported("/spec/rules", NO_ROOM);
        return vec![];
    }
    let gateway = |group| (gateway(source, group, around.output), rules.clone());
    groups.into_iter().map(gateway).collect()
}

/// Puts hostnames together that are on the same ports.
pub(super) fn groups(attached: BTreeSet<Attached>, output: &mut Output) -> Vec<Group> {
    let mut ports: BTreeMap<(Option<String>, String, Option<String>), Vec<Attached>> = BTreeMap::new();
    for at in attached {
        // A Gateway and its ListenerSets are one record.
        let gateway = if at.record.is_some() { String::new() } else { at.gateway.clone() };
        ports.entry((at.record.clone(), gateway, at.hostname.clone())).or_default().push(at);
    }
    let mut groups: BTreeMap<_, (Vec<String>, Vec<Attached>)> = BTreeMap::new();
    for ((record, gateway, hostname), at) in ports {
        let ends_tls = at.iter().any(|at| at.protocol.ends_tls());
        let issuer = at.iter().find_map(|at| at.issuer.clone());
        let mut domain = None;
        if let Some(hostname) = hostname.as_deref().filter(|_| ends_tls) {
            domain = output.domain_of(hostname, issuer.as_deref());
        }
        let numbers: Vec<_> = at.iter().map(|at| (at.port, at.protocol)).collect();
        // Every hostname and named ones are no equals, though both may be on the same ports.
        let is_every = hostname.is_none();
        let (hostnames, _) = groups.entry((record, gateway, is_every, domain, numbers)).or_insert((vec![], at));
        hostnames.extend(hostname);
    }
    let mut found = vec![];
    for ((record, _, is_every, domain, _), (hostnames, at)) in groups {
        let parts: Vec<&[String]> =
            if is_every { vec![&hostnames[..0]] } else { hostnames.chunks(MOST_HOSTNAMES).collect() };
        for part in parts {
            found.push(Group {
                record: record.clone(),
                domain: domain.clone(),
                hostnames: Hostnames(part.iter().filter_map(|hostname| hostname.parse().ok()).collect()),
                ports: at.iter().map(|at| (at.port(), at.protocol)).collect(),
            });
        }
    }
    found
}

/// A gateway definition for a group, with HTTP ports where these have requests.
pub(super) fn gateway(source: &Source, group: Group, output: &mut Output) -> Gateway {
    let with_requests = group.ports.iter().filter(|(_, protocol)| protocol.has_requests());
    let http_port = |(port, protocol): &(Port, Protocol)| GatewayHttpPort {
        port: *port,
        tls_enabled: Some(protocol.ends_tls()),
        ..GatewayHttpPort::default()
    };
    let definition = GatewayDefinition {
        name: output.name("Gateway", &source.object, ""),
        http_ports: with_requests.map(http_port).collect(),
        hostnames: (!group.hostnames.0.is_empty()).then_some(group.hostnames),
        ..GatewayDefinition::default()
    };
    let workload = source.object.namespace.clone();
    output.workloads.entry(workload.clone()).or_default();
    let is_attached = source.length(PARENTS) > 0;
    let from = source.object.clone();
    Gateway { definition, domain: group.domain, workload, shared: group.record, is_attached, route_name: None, from }
}
