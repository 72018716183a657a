//! Listeners of Gateways and ListenerSets, shared by both placements.

use crate::{
    k8s::gateway_api::{
        AllowedRoutes, GROUP, HTTP_ROUTE, Listener, ListenerTls, Namespaces, ParentReference, Requirement, RouteKind,
        SecretReference, Selector, TCP_ROUTE,
    },
    names,
};
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    inventory::ObjectRef,
};
use std::collections::BTreeSet;

/// The listener that a Gateway always has, so that it can stand before anybody uses it, and for challenges of ACME.
pub(crate) const PLAIN_HTTP: ListenerKey = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };

/// Listeners that one Gateway or ListenerSet may hold.
pub(crate) const MOST: usize = 64;

/// A listener; HTTPS ends with the certificate in the Secret `certificate` beside it.
pub(crate) fn listener(key: &ListenerKey, namespaces: Namespaces, certificate: Option<String>) -> Listener {
    let secret = |name| SecretReference { group: "", kind: "Secret", name };
    let route = match key.protocol {
        Protocol::Http | Protocol::Https => HTTP_ROUTE.kind,
        Protocol::Tcp => TCP_ROUTE.kind,
    };
    Listener {
        name: names::listener(key),
        hostname: key.hostname.clone(),
        port: key.port,
        protocol: key.protocol.as_str(),
        tls: certificate.map(|name| ListenerTls { mode: "Terminate", certificate_refs: vec![secret(name)] }),
        allowed_routes: AllowedRoutes { namespaces, kinds: vec![RouteKind { group: GROUP, kind: route }] },
    }
}

/// Exactly these namespaces. We label no namespace that we didn't make, so they are chosen by the label that each has of its own name.
pub(crate) fn exactly(namespaces: BTreeSet<String>) -> Namespaces {
    const NAME: &str = "kubernetes.io/metadata.name";
    let requirement = if namespaces.is_empty() {
        Requirement { key: NAME, operator: "DoesNotExist", values: Vec::new() }
    } else {
        Requirement { key: NAME, operator: "In", values: namespaces.into_iter().collect() }
    };
    Namespaces::Selector { selector: Selector { match_expressions: vec![requirement] } }
}

/// Names a listener of a Gateway or ListenerSet.
pub(crate) fn parent_reference(holder: &ObjectRef, kind: &'static str, section: Option<String>) -> ParentReference {
    ParentReference {
        group: GROUP,
        kind,
        namespace: holder.namespace.clone().unwrap_or_default(),
        name: holder.name.clone(),
        section_name: section,
    }
}

/// Where one listener stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerAt {
    /// Which listener.
    pub key: ListenerKey,
    /// The Gateway or ListenerSet.
    pub holder: ObjectRef,
}

impl ListenerAt {
    /// Its name there.
    pub fn name(&self) -> String {
        names::listener(&self.key)
    }

    /// The reference by which a route attaches to it.
    pub(crate) fn parent(&self) -> ParentReference {
        use crate::k8s::gateway_api::{GATEWAY, LISTENER_SET};
        let kind = if LISTENER_SET.is(&self.holder) { LISTENER_SET.kind } else { GATEWAY.kind };
        parent_reference(&self.holder, kind, Some(self.name()))
    }
}

/// `HTTPS port 443 for shop.example.org`, as a person would say it.
pub(crate) fn spoken(key: &ListenerKey) -> String {
    match &key.hostname {
        Some(hostname) => format!("{} port {} for {hostname}", key.protocol, key.port),
        None => format!("{} port {}", key.protocol, key.port),
    }
}
