//! Listeners of Gateways and ListenerSets.

use crate::{hostnames::pattern, report::ImportedObject, source::Source};
use causeway_records::{
    inputs::Protocol,
    nouns::ListenerRoutes,
    text::{ListenerName, ObjectName, Port},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Listeners that one object may have.
pub(crate) const MOST: usize = 64;

/// The label with its name that the API server gives each namespace.
pub(crate) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Which routes may attach, by their namespaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Allowed {
    All,
    /// Those of one namespace.
    Namespace(String),
    None,
    /// Namespaces with these labels. Other demands on labels are taken as met.
    Labels(BTreeMap<String, String>),
}

/// A Secret with a certificate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Secret {
    pub(crate) name: ObjectName,
    /// None: the namespace of the Gateway.
    pub(crate) namespace: Option<ObjectName>,
}

/// Where clients connect, as an object says it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listener {
    pub(crate) name: String,
    /// Its path in the object.
    pub(crate) path: String,
    pub(crate) port: Port,
    pub(crate) protocol: Protocol,
    pub(crate) hostname: Option<String>,
    pub(crate) allowed: Allowed,
    /// Kinds of routes; None: all that fit the protocol.
    pub(crate) kinds: Option<Vec<&'static str>>,
    /// The Secret with its certificate that the object names.
    pub(crate) secret: Option<Secret>,
    /// `allowedRoutes` of a Gateway that is taken over as it stands.
    pub(crate) allowed_routes: Option<ListenerRoutes>,
    /// What it is called in the record of its Gateway; None: no record has it.
    pub(crate) given: Option<ListenerName>,
    /// The routes that attach to it.
    pub(crate) routes: Vec<ImportedObject>,
}

impl Listener {
    /// Whether a route of a kind may attach, as far as kinds say.
    pub(crate) fn takes(&self, kind: &str) -> bool {
        match &self.kinds {
            Some(kinds) => kinds.contains(&kind),
            None => fitting(self.protocol).contains(&kind),
        }
    }
}

/// The listeners of an object. `of_gateway`: the namespace of the Gateway that has them.
pub(crate) fn listeners(source: &mut Source, of_gateway: &str) -> Vec<Listener> {
    let count = source.entries("/spec/listeners", MOST);
    (0..count).filter_map(|index| listener(source, format!("/spec/listeners/{index}"), of_gateway)).collect()
}

fn listener(source: &mut Source, path: String, of_gateway: &str) -> Option<Listener> {
    let name = source.text(&format!("{path}/name")).unwrap_or_default();
    let number = source.number(&format!("{path}/port"));
    let Some(port) = number.and_then(|port| Port::try_from(port).ok()) else {
        source.unsupported(&path, "has no port that a record could have: 1 to 65535");
        return None;
    };
    let word = source.text(&format!("{path}/protocol")).unwrap_or_default();
    let mode = source.text(&format!("{path}/tls/mode"));
    let Some(protocol) = protocol(&word, mode.as_deref()) else {
        source.unsupported(&path, "speaks a protocol that no record has; HTTP, HTTPS, TLS, TCP and UDP are known");
        return None;
    };
    let hostname = match source.text(&format!("{path}/hostname")).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => match pattern(&text) {
            Some(pattern) => Some(pattern),
            None => {
                source.unsupported(&path, "has a hostname that is none");
                return None;
            }
        },
    };
    let secret = secret(source, &path, protocol, of_gateway);
    let (allowed, kinds) = (allowed(source, &path), kinds(source, &path, protocol));
    let allowed_routes = if source.stays { said(source, &path) } else { None };
    Some(Listener {
        name,
        path,
        port,
        protocol,
        hostname,
        allowed,
        kinds,
        secret,
        allowed_routes,
        given: None,
        routes: vec![],
    })
}

fn protocol(word: &str, mode: Option<&str>) -> Option<Protocol> {
    Some(match (word, mode.unwrap_or("Terminate")) {
        ("HTTP", _) => Protocol::Http,
        ("HTTPS", "Terminate") => Protocol::Https,
        ("TLS", "Terminate") => Protocol::Tls,
        ("TLS", "Passthrough") => Protocol::TlsPassthrough,
        ("TCP", _) => Protocol::Tcp,
        ("UDP", _) => Protocol::Udp,
        _ => return None,
    })
}

/// The Secret with the certificate: the first that is named.
fn secret(source: &mut Source, path: &str, protocol: Protocol, of_gateway: &str) -> Option<Secret> {
    let path = format!("{path}/tls/certificateRefs");
    if !protocol.ends_tls() {
        // Nobody takes it, so it is told.
        return None;
    }
    for index in 1..source.entries(&path, MOST) {
        let problem = "a listener of a record has one certificate, the first one";
        source.unsupported(&format!("{path}/{index}"), problem);
    }
    let first = format!("{path}/0");
    let seen = source.seen(&first);
    let text = |key: &str| seen[key].as_str().filter(|text| !text.is_empty());
    if text("group").is_some() || text("kind").is_some_and(|kind| kind != "Secret") {
        source.unsupported(&first, "is no Secret, in which a record looks for a certificate");
        return None;
    }
    let name = text("name")?.parse::<ObjectName>().ok()?;
    let namespace = text("namespace").unwrap_or(&source.object.namespace);
    let namespace = match (namespace != of_gateway).then(|| namespace.parse::<ObjectName>()) {
        Some(Err(_)) => return None,
        Some(Ok(namespace)) => Some(namespace),
        None => None,
    };
    for key in ["group", "kind", "namespace", "name"] {
        source.text(&format!("{first}/{key}"));
    }
    Some(Secret { name, namespace })
}

fn allowed(source: &mut Source, path: &str) -> Allowed {
    let path = format!("{path}/allowedRoutes/namespaces");
    let from = format!("{path}/from");
    let same = Allowed::Namespace(source.object.namespace.clone());
    match source.seen(&from).as_str().unwrap_or("Same") {
        "All" => {
            source.text(&from);
            Allowed::All
        }
        "None" => {
            source.text(&from);
            Allowed::None
        }
        "Selector" => {
            source.text(&from);
            Allowed::Labels(labels(source, &path))
        }
        "Same" => {
            source.text(&from);
            same
        }
        // Whatever it means, it stays and is reported.
        _ => same,
    }
}

/// The labels by which a selector chooses namespaces. Whatever else it asks for stays, and is reported.
pub(crate) fn labels(source: &mut Source, namespaces: &str) -> BTreeMap<String, String> {
    let path = format!("{namespaces}/selector/matchLabels");
    let found: Option<BTreeMap<String, String>> = serde_json::from_value(source.seen(&path).clone()).ok();
    if found.is_some() {
        source.take(&path);
    }
    found.unwrap_or_default()
}

/// The kinds of routes that a listener names, of those that fit its protocol; None: all of these. An empty list: none of them.
fn kinds(source: &mut Source, path: &str, protocol: Protocol) -> Option<Vec<&'static str>> {
    let path = format!("{path}/allowedRoutes/kinds");
    let count = source.entries(&path, MOST);
    if count == 0 {
        return None;
    }
    let fitting = fitting(protocol);
    let mut named = vec![];
    for index in 0..count {
        let at = format!("{path}/{index}");
        let seen = source.seen(&at);
        let is_ours = seen["group"].as_str().is_none_or(|group| group == "gateway.networking.k8s.io");
        let kind = fitting.iter().find(|kind| is_ours && seen["kind"] == **kind);
        // What stays is said with all of its kinds.
        if kind.is_none() && source.stays {
            continue;
        }
        let Some(kind) = kind else {
            let problem = format!("is no kind of route that a listener for {protocol} takes here");
            source.unsupported(&at, &problem);
            continue;
        };
        for key in ["group", "kind"] {
            source.text(&format!("{at}/{key}"));
        }
        named.push(*kind);
    }
    let is_all = fitting.iter().all(|kind| named.contains(kind));
    (!is_all).then_some(named)
}

/// The kinds of routes that a listener of a protocol can take.
fn fitting(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Http | Protocol::Https => &["HTTPRoute", "GRPCRoute"],
        Protocol::Tls | Protocol::TlsPassthrough => &["TLSRoute"],
        Protocol::Tcp => &["TCPRoute"],
        Protocol::Udp => &["UDPRoute"],
    }
}

/// Which routes a listener that stays lets in, as it says itself. What no record says is reported.
fn said(source: &mut Source, path: &str) -> Option<ListenerRoutes> {
    let path = format!("{path}/allowedRoutes");
    let seen = source.seen(&path).clone();
    if seen.is_null() {
        return Some(ListenerRoutes::default());
    }
    let routes = serde_json::from_value(seen).ok();
    match routes {
        Some(_) => drop(source.take(&path)),
        None => source.unsupported(
            &path,
            "lets routes in by what no record says: namespaces by from Same, All or Selector, and kinds",
        ),
    }
    routes
}

/// Reports what no record says of listeners whose Gateway isn't among the objects.
pub(crate) fn without_record(source: &mut Source, listeners: &[Listener]) {
    for listener in listeners {
        let told = [
            (
                "allowedRoutes",
                "on the common gateway a listener takes the routes of gateway instances, from the namespaces of their workloads and no others",
            ),
            (
                "tls/certificateRefs",
                "on the common gateway certificates are ordered anew for each hostname, by the issuer of the DomainNameDefinition; the Secret isn't used",
            ),
        ];
        for (field, problem) in told {
            let path = format!("{}/{field}", listener.path);
            if !source.seen(&path).is_null() {
                source.lossy(&path, problem);
            }
        }
    }
}

/// Whether a namespace is allowed. `labels` are None where it isn't among the objects: then only its name is known.
pub(crate) fn is_allowed(allowed: &Allowed, namespace: &str, labels: Option<&Value>) -> bool {
    match allowed {
        Allowed::All => true,
        Allowed::Namespace(own) => own == namespace,
        Allowed::None => false,
        Allowed::Labels(wanted) => wanted.iter().all(|(key, value)| match labels {
            _ if key == NAME_LABEL => value == namespace,
            Some(labels) => labels[key] == json!(value),
            None => true,
        }),
    }
}
