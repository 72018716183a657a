//! Which listeners a route attaches to, and for which hostnames: what `parentRefs` and `hostnames` say, by the rules of Gateway API.

use crate::{
    gateways::{Namespaces, Parents},
    listener::is_allowed,
    served::{At, Wanted, for_hostnames, hostnames},
    source::Source,
};
use causeway_records::{inputs::Protocol, text::Port};
use std::collections::BTreeSet;

/// `parentRefs` and `hostnames` that one route may have.
pub(crate) const MOST: usize = 32;

/// What a route attaches to.
pub(crate) const PARENTS: &str = "/spec/parentRefs";

/// A listener that a route attaches to, for one hostname.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attached {
    /// The record of its Gateway; None: what is said goes to the common gateway.
    pub(crate) record: Option<String>,
    /// The Gateway, or what is known of it.
    pub(crate) gateway: String,
    /// None: every hostname.
    pub(crate) hostname: Option<String>,
    pub(crate) port: i32,
    pub(crate) protocol: Protocol,
    /// The ClusterIssuer of its certificate.
    pub(crate) issuer: Option<String>,
}

impl Attached {
    pub(crate) fn port(&self) -> Port {
        Port::try_from(i64::from(self.port)).unwrap_or_default()
    }
}

/// One entry of `parentRefs`.
struct Reference {
    path: String,
    kind: String,
    namespace: String,
    name: String,
    section: Option<String>,
    port: Option<i64>,
}

/// All that a route attaches to. What it asks for and doesn't get is reported.
pub(crate) fn attach(source: &mut Source, parents: &mut Parents, namespaces: &Namespaces) -> BTreeSet<Attached> {
    let mut wanted = hostnames(source);
    let names_hostnames = source.length("/spec/hostnames") > 0;
    let mut found = BTreeSet::new();
    for index in 0..source.entries(PARENTS, MOST) {
        let reference = reference(source, format!("{PARENTS}/{index}"));
        // All hostnames are refused: this is no route for every one.
        if names_hostnames && wanted.is_empty() {
            continue;
        }
        found.extend(listeners_of(source, &reference, &mut wanted, parents, namespaces));
    }
    if source.length(PARENTS) == 0 && !(names_hostnames && wanted.is_empty()) {
        found.extend(nowhere(source, &mut wanted));
    }
    for hostname in wanted {
        if hostname.is_said {
            source.take(&hostname.path);
        } else {
            let problem = "no listener that the route attaches to serves it, or another one of the Gateway is nearer, so nothing is served there";
            source.unsupported(&hostname.path, problem);
        }
    }
    found
}

fn reference(source: &mut Source, path: String) -> Reference {
    let mut text = |key: &str| source.text(&format!("{path}/{key}"));
    let group = text("group");
    let kind = text("kind").unwrap_or_else(|| "Gateway".into());
    let (namespace, name, section) = (text("namespace"), text("name").unwrap_or_default(), text("sectionName"));
    let port = source.number(&format!("{path}/port"));
    let is_ours = group.is_none_or(|group| group == "gateway.networking.k8s.io");
    let kind = if is_ours { kind } else { String::new() };
    let namespace = namespace.unwrap_or_else(|| source.object.namespace.clone());
    Reference { path, kind, namespace, name, section, port }
}

fn listeners_of(
    source: &mut Source,
    reference: &Reference,
    wanted: &mut [Wanted],
    parents: &mut Parents,
    namespaces: &Namespaces,
) -> Vec<Attached> {
    let Reference { path, namespace, name, .. } = reference;
    let kind = match reference.kind.as_str() {
        "Gateway" => "Gateway",
        "ListenerSet" => "ListenerSet",
        _ => {
            source.unsupported(path, "is no Gateway and no ListenerSet; a record is about what comes in through those");
            return vec![];
        }
    };
    let Parents { all, records } = parents;
    let Some(parent) = all.get_mut(&(kind, namespace.clone(), name.clone())) else {
        if source.stays {
            let problem = format!(
                "{kind} {namespace}/{name} isn't among the objects that are taken over, and a route goes along with its Gateway; add that to the stream"
            );
            source.unsupported(path, &problem);
            return vec![];
        }
        return guessed(source, reference, wanted);
    };
    let record = parent.record.as_ref();
    let beside = record.and_then(|record| records.get(record)).map(|record| &record.listeners);
    let own = source.object.namespace.clone();
    let mut attached = vec![];
    let (mut is_known, mut is_at_one) = (false, false);
    for listener in &mut parent.listeners {
        let is_meant = reference.section.as_ref().is_none_or(|section| *section == listener.name)
            && reference.port.is_none_or(|port| port == i64::from(listener.port.get()));
        let is_there = record.is_none() || listener.given.is_some();
        if !is_meant
            || !is_there
            || !listener.takes(&source.object.kind)
            || !is_allowed(&listener.allowed, &own, namespaces.get(&own))
        {
            continue;
        }
        is_known = true;
        let given = beside.map(|all| (&*listener, all));
        let place = At { path, protocol: listener.protocol, hostname: listener.hostname.as_deref(), given };
        let hostnames = for_hostnames(source, &place, wanted);
        if hostnames.is_empty() {
            continue;
        }
        is_at_one = true;
        let at = |hostname| Attached {
            record: record.cloned(),
            gateway: format!("{namespace}/{name}"),
            hostname,
            port: listener.port.get(),
            protocol: listener.protocol,
            issuer: parent.issuer.clone(),
        };
        attached.extend(hostnames.into_iter().map(at));
        listener.routes.push(source.object.clone());
    }
    let Reference { kind, .. } = reference;
    let own = &source.object.kind;
    if !is_known {
        let problem =
            format!("{kind} {namespace}/{name} has no listener that takes this {own}, so nothing is served there");
        source.unsupported(path, &problem);
    } else if !is_at_one {
        let problem = format!(
            "{kind} {namespace}/{name} serves none of the hostnames of this {own}, or none that a record can say"
        );
        source.unsupported(path, &problem);
    }
    attached
}

/// Nothing is known of the Gateway but what the route says itself.
fn guessed(source: &mut Source, reference: &Reference, wanted: &mut [Wanted]) -> Vec<Attached> {
    let Reference { path, namespace, name, .. } = reference;
    let has_requests = matches!(source.object.kind.as_str(), "HTTPRoute" | "GRPCRoute");
    let port = reference.port.or(has_requests.then_some(80)).and_then(|port| Port::try_from(port).ok());
    let protocol = match source.object.kind.as_str() {
        "HTTPRoute" | "GRPCRoute" => Protocol::Http,
        "TLSRoute" => Protocol::TlsPassthrough,
        "TCPRoute" => Protocol::Tcp,
        _ => Protocol::Udp,
    };
    let kind = &reference.kind;
    let Some(port) = port else {
        let problem =
            format!("{kind} {namespace}/{name} isn't among the objects, so the port isn't known; add it to the stream");
        source.unsupported(path, &problem);
        return vec![];
    };
    let problem = format!(
        "{kind} {namespace}/{name} isn't among the objects; {protocol} port {port} is taken for it. Add it to the stream"
    );
    source.needed(path, &problem);
    let at = |hostname| Attached {
        record: None,
        gateway: format!("{namespace}/{name}"),
        hostname,
        port: port.get(),
        protocol,
        issuer: None,
    };
    let place = At { path, protocol, hostname: None, given: None };
    for_hostnames(source, &place, wanted).into_iter().map(at).collect()
}

/// A route that names nothing to attach to is a gateway definition without an instance.
fn nowhere(source: &mut Source, wanted: &mut [Wanted]) -> Vec<Attached> {
    if !matches!(source.object.kind.as_str(), "HTTPRoute" | "GRPCRoute") {
        return vec![];
    }
    let problem = "names no Gateway, so the gateway definition has no instance, and HTTP port 80 is taken for it; write an instance, or name a Gateway";
    source.needed(PARENTS, problem);
    let port = Port::try_from(80).unwrap_or_default().get();
    let at = |hostname| Attached {
        record: None,
        gateway: String::new(),
        hostname,
        port,
        protocol: Protocol::Http,
        issuer: None,
    };
    let place = At { path: PARENTS, protocol: Protocol::Http, hostname: None, given: None };
    for_hostnames(source, &place, wanted).into_iter().map(at).collect()
}
