//! Which listeners a route attaches to, and for which hostnames: what `parentRefs` and `hostnames` say, by the rules of Gateway API.

use crate::{
    gateways::{Namespaces, Parents},
    hostnames::{domain, in_common, is_wildcard, pattern},
    listener::is_allowed,
    source::Source,
};
use causeway_records::{
    inputs::Protocol,
    text::{ObjectName, Port},
};
use std::collections::BTreeSet;

/// `parentRefs` and `hostnames` that one route may have.
const MOST: usize = 32;

/// A listener that a route attaches to, for one hostname.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attached {
    /// GatewayClass of its Gateway.
    pub(crate) class: Option<String>,
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

    pub(crate) fn class(&self) -> Option<ObjectName> {
        self.class.as_ref()?.parse().ok()
    }
}

/// A hostname of a route, and what has become of it.
struct Wanted {
    path: String,
    pattern: String,
    is_said: bool,
    is_wildcard_somewhere: bool,
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
    for index in 0..source.entries("/spec/parentRefs", MOST) {
        let reference = reference(source, format!("/spec/parentRefs/{index}"));
        // All hostnames are refused: this is no route for every one.
        if names_hostnames && wanted.is_empty() {
            continue;
        }
        found.extend(listeners_of(source, &reference, &mut wanted, parents, namespaces));
    }
    for hostname in wanted {
        let problem = if hostname.is_wildcard_somewhere {
            "stands for many hostnames, and a record names each one: write them out as Hostnames of the gateway definition"
        } else {
            "no listener that the route attaches to serves it, so nothing is served there"
        };
        if hostname.is_wildcard_somewhere || !hostname.is_said {
            source.unsupported(&hostname.path, problem);
        } else {
            source.take(&hostname.path);
        }
    }
    found
}

fn hostnames(source: &mut Source) -> Vec<Wanted> {
    let mut wanted = vec![];
    for index in 0..source.entries("/spec/hostnames", MOST) {
        let path = format!("/spec/hostnames/{index}");
        match source.seen(&path).as_str().and_then(pattern) {
            Some(pattern) => wanted.push(Wanted { path, pattern, is_said: false, is_wildcard_somewhere: false }),
            None => source.unsupported(&path, "is no hostname"),
        }
    }
    wanted
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
    let Some(parent) = parents.get_mut(&(kind, namespace.clone(), name.clone())) else {
        return guessed(source, reference, wanted);
    };
    let own = source.object.namespace.clone();
    let mut attached = vec![];
    let mut is_known = false;
    for listener in &mut parent.listeners {
        let is_meant = reference.section.as_ref().is_none_or(|section| *section == listener.name)
            && reference.port.is_none_or(|port| port == i64::from(listener.port.get()));
        if !is_meant
            || !listener.takes(&source.object.kind)
            || !is_allowed(&listener.allowed, namespace, &own, namespaces.get(&own))
        {
            continue;
        }
        is_known = true;
        let at = |hostname| Attached {
            class: parent.class.as_ref().map(ToString::to_string),
            gateway: format!("{namespace}/{name}"),
            hostname,
            port: listener.port.get(),
            protocol: listener.protocol,
            issuer: parent.issuer.clone(),
        };
        let hostnames = for_hostnames(source, path, listener.protocol, listener.hostname.as_deref(), wanted);
        if !hostnames.is_empty() {
            listener.routes.push(source.object.clone());
        }
        attached.extend(hostnames.into_iter().map(at));
    }
    if !is_known {
        let kind = &source.object.kind;
        let problem = format!(
            "{} {namespace}/{name} has no listener that takes this {kind}, so nothing is served there",
            reference.kind
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
        class: None,
        gateway: format!("{namespace}/{name}"),
        hostname,
        port: port.get(),
        protocol,
        issuer: None,
    };
    for_hostnames(source, path, protocol, None, wanted).into_iter().map(at).collect()
}

const NO_CERTIFICATE: &str =
    "leads to a listener that ends TLS for a single label, for which there can be no certificate";

/// Where the gateway ends TLS, a hostname needs a domain that the certificate is for.
fn can_have(protocol: Protocol, hostname: &str) -> bool {
    !protocol.ends_tls() || domain(hostname).is_some()
}

/// What a listener and the route have in common, as far as a record can say it.
fn for_hostnames(
    source: &mut Source,
    path: &str,
    protocol: Protocol,
    listener: Option<&str>,
    wanted: &mut [Wanted],
) -> Vec<Option<String>> {
    if !protocol.has_requests() && !protocol.is_tls() {
        return vec![None];
    }
    let mut hostnames = vec![];
    if wanted.is_empty() {
        match listener {
            Some(hostname) if is_wildcard(hostname) => {
                let problem = format!(
                    "leads to a listener for {hostname}, which stands for many hostnames, and a record names each one: name them in the route"
                );
                source.unsupported(path, &problem);
            }
            Some(hostname) if !can_have(protocol, hostname) => source.unsupported(path, NO_CERTIFICATE),
            Some(hostname) => hostnames.push(Some(hostname.to_owned())),
            None if protocol.is_tls() => {
                let problem = "leads to a listener with TLS for every hostname, and a record names each one: name them in the route";
                source.unsupported(path, problem);
            }
            None => hostnames.push(None),
        }
    }
    for one in wanted {
        match in_common(listener, Some(&one.pattern)) {
            Some(Some(hostname)) if is_wildcard(&hostname) => one.is_wildcard_somewhere = true,
            Some(Some(hostname)) if !can_have(protocol, &hostname) => source.unsupported(path, NO_CERTIFICATE),
            Some(hostname) => {
                one.is_said = true;
                hostnames.push(hostname);
            }
            None => {}
        }
    }
    hostnames
}
