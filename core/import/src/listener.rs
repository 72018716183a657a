//! Listeners of Gateways and ListenerSets.

use crate::{hostnames::pattern, report::ImportedObject, source::Source};
use causeway_records::{inputs::Protocol, text::Port};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Listeners that one object may have.
const MOST: usize = 64;

/// Which routes may attach, by their namespaces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Allowed {
    All,
    Same,
    None,
    /// Namespaces with these labels. Other demands on labels are taken as met.
    Labels(BTreeMap<String, String>),
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
    pub(crate) kinds: Option<Vec<String>>,
    /// The routes that attach to it. If records come of one, these say the listener.
    pub(crate) routes: Vec<ImportedObject>,
}

impl Listener {
    /// Whether a route of a kind may attach, as far as kinds say.
    pub(crate) fn takes(&self, kind: &str) -> bool {
        let fits = match self.protocol {
            Protocol::Http | Protocol::Https => matches!(kind, "HTTPRoute" | "GRPCRoute"),
            Protocol::Tls | Protocol::TlsPassthrough => kind == "TLSRoute",
            Protocol::Tcp => kind == "TCPRoute",
            Protocol::Udp => kind == "UDPRoute",
        };
        fits && self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|known| known == kind))
    }
}

/// The listeners of an object.
pub(crate) fn listeners(source: &mut Source) -> Vec<Listener> {
    let count = source.entries("/spec/listeners", MOST);
    (0..count).filter_map(|index| listener(source, format!("/spec/listeners/{index}"))).collect()
}

fn listener(source: &mut Source, path: String) -> Option<Listener> {
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
    certificates(source, &path);
    let (allowed, kinds) = (allowed(source, &path), kinds(source, &path));
    Some(Listener { name, path, port, protocol, hostname, allowed, kinds, routes: vec![] })
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

fn certificates(source: &mut Source, path: &str) {
    let path = format!("{path}/tls/certificateRefs");
    if source.length(&path) > 0 {
        let problem = "certificates are issued anew for each hostname, by the issuer of the DomainNameDefinition; the Secret isn't used";
        source.lossy(&path, problem);
    }
}

fn allowed(source: &mut Source, path: &str) -> Allowed {
    let path = format!("{path}/allowedRoutes/namespaces");
    let (from, selector) = (format!("{path}/from"), format!("{path}/selector"));
    let problem =
        "here a listener takes the routes of gateway instances, from the namespaces of their workloads and no others";
    match source.seen(&from).as_str().unwrap_or("Same") {
        "All" => {
            source.lossy(&from, problem);
            Allowed::All
        }
        "None" => {
            source.lossy(&from, problem);
            Allowed::None
        }
        "Selector" => {
            let labels = source.seen(&format!("{selector}/matchLabels")).as_object().cloned().unwrap_or_default();
            let text = |(key, value): (String, Value)| Some((key, value.as_str()?.to_owned()));
            source.lossy(&from, problem);
            source.lossy(&selector, problem);
            Allowed::Labels(labels.into_iter().filter_map(text).collect())
        }
        "Same" => {
            source.text(&from);
            Allowed::Same
        }
        // Whatever it means, it stays and is reported.
        _ => Allowed::Same,
    }
}

fn kinds(source: &mut Source, path: &str) -> Option<Vec<String>> {
    let path = format!("{path}/allowedRoutes/kinds");
    let listed = source.seen(&path).as_array().filter(|kinds| !kinds.is_empty())?;
    let kinds = listed.iter().filter_map(|kind| kind["kind"].as_str()).map(str::to_owned).collect();
    source.lossy(&path, "here a listener takes every kind of route that fits its protocol");
    Some(kinds)
}

/// Whether namespaces of these labels are allowed. `labels` are None where the namespace isn't among the objects: then only its name is known.
pub(crate) fn is_allowed(allowed: &Allowed, own: &str, namespace: &str, labels: Option<&Value>) -> bool {
    const NAME: &str = "kubernetes.io/metadata.name";
    match allowed {
        Allowed::All => true,
        Allowed::Same => own == namespace,
        Allowed::None => false,
        Allowed::Labels(wanted) => wanted.iter().all(|(key, value)| match labels {
            _ if key == NAME => value == namespace,
            Some(labels) => labels[key] == json!(value),
            None => true,
        }),
    }
}
