//! Gloo's Gateways: on which ports VirtualServices are served.

use super::{MOST, flag, is_there, number, reference, text, texts};
use crate::source::Source;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A port that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Served {
    pub(super) port: i64,
    pub(super) tls: bool,
}

/// What a Gateway serves.
pub(super) enum Serves {
    /// VirtualServices, those with a certificate or those without.
    Http {
        tls: bool,
        chosen: Chosen,
    },
    Tcp,
    /// Nothing that a record could have.
    Nothing,
}

/// Which VirtualServices a Gateway has.
pub(super) enum Chosen {
    All,
    Named(BTreeSet<(String, String)>),
    /// With these labels, in these namespaces (none: every one).
    Labelled(BTreeMap<String, String>, Vec<String>),
}

/// A Gateway as a listener.
pub(super) struct Listener {
    pub(super) port: i64,
    pub(super) serves: Serves,
}

/// One listener for each Gateway, in their order.
pub(super) fn listeners(gateways: &mut [Source]) -> Vec<Listener> {
    gateways.iter_mut().map(listener).collect()
}

fn listener(source: &mut Source) -> Listener {
    let bound = number(source, "/spec/bindPort").unwrap_or_default();
    let port = match bound {
        8080 => 80,
        8443 => 443,
        other => other,
    };
    if port != bound {
        let problem = format!("is a port of Gloo's pods; {port} is taken, by which their Service usually leads there");
        source.lossy("/spec/bindPort", &problem);
    }
    if ["::", "0.0.0.0"].contains(&source.seen("/spec/bindAddress").as_str().unwrap_or_default()) {
        text(source, "/spec/bindAddress");
    }
    if *source.seen("/spec/useProxyProto") == Value::Bool(false) {
        flag(source, "/spec/useProxyProto");
    }
    let names = texts(source, "/spec/proxyNames");
    if names.iter().any(|name| name != "gateway-proxy") {
        source.lossy("/spec/proxyNames", "all ports are on the common gateway, which has one address");
    }
    let tls = flag(source, "/spec/ssl").unwrap_or_default();
    let serves = if !(1..=65535).contains(&port) {
        source.unsupported("/spec", "has no bindPort from 1 to 65535, so nothing is served");
        Serves::Nothing
    } else if is_there(source, "/spec/tcpGateway") {
        Serves::Tcp
    } else if is_there(source, "/spec/hybridGateway") {
        source.unsupported(
            "/spec/hybridGateway",
            "chooses by connections what it serves, and a port of a record speaks one protocol",
        );
        Serves::Nothing
    } else {
        Serves::Http { tls, chosen: chosen(source) }
    };
    Listener { port, serves }
}

fn chosen(source: &mut Source) -> Chosen {
    const NAMED: &str = "/spec/httpGateway/virtualServices";
    const LABELS: &str = "/spec/httpGateway/virtualServiceSelector";
    let own = source.object.namespace.clone();
    let count = source.entries(NAMED, MOST);
    if count > 0 {
        let names = (0..count).filter_map(|index| reference(source, &format!("{NAMED}/{index}"), &own));
        return Chosen::Named(names.collect());
    }
    let namespaces = texts(source, "/spec/httpGateway/virtualServiceNamespaces");
    let every = namespaces.iter().any(|namespace| namespace == "*");
    let namespaces = if every { vec![] } else { namespaces };
    let labels: Option<BTreeMap<String, String>> = serde_json::from_value(source.seen(LABELS).clone()).ok();
    if labels.is_some() {
        source.take(LABELS);
    }
    match labels.unwrap_or_default() {
        labels if labels.is_empty() && namespaces.is_empty() => Chosen::All,
        labels => Chosen::Labelled(labels, namespaces),
    }
}

/// Whether a VirtualService has a certificate.
fn has_tls(source: &Source) -> bool {
    is_there(source, "/spec/sslConfig")
}

/// Whether a Gateway serves a VirtualService.
fn is_on(listener: &Listener, source: &Source) -> bool {
    let Serves::Http { tls, chosen } = &listener.serves else { return false };
    let object = &source.object;
    *tls == has_tls(source)
        && match chosen {
            Chosen::All => true,
            Chosen::Named(names) => names.contains(&(object.namespace.clone(), object.name.clone())),
            Chosen::Labelled(labels, namespaces) => {
                let own = source.seen("/metadata/labels");
                labels.iter().all(|(key, value)| own[key] == value.as_str())
                    && (namespaces.is_empty() || namespaces.contains(&object.namespace))
            }
        }
}

/// The ports of a VirtualService. Where no Gateway is among the objects, those that Gloo brings along.
pub(super) fn ports(source: &Source, listeners: &[Listener]) -> Vec<Served> {
    let tls = has_tls(source);
    if listeners.is_empty() {
        return vec![Served { port: if tls { 443 } else { 80 }, tls }];
    }
    let on = listeners.iter().filter(|listener| is_on(listener, source));
    let ports: BTreeSet<Served> = on.map(|listener| Served { port: listener.port, tls }).collect();
    ports.into_iter().collect()
}

/// Reports Gateways that serve none of the VirtualServices.
pub(super) fn close(gateways: &mut [Source], listeners: &[Listener], virtual_services: &[Source]) {
    for (source, listener) in gateways.iter_mut().zip(listeners) {
        let is_http = matches!(listener.serves, Serves::Http { .. });
        if is_http && !virtual_services.iter().any(|one| is_on(listener, one)) {
            source.unsupported(
                "/spec",
                "serves no VirtualService among the objects, and a port is only said with what is served there",
            );
        }
    }
}
