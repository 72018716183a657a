//! Listeners of Gateways and ListenerSets, shared by both placements.

use crate::{
    k8s::{
        ObjectKind,
        gateway_api::{
            self as k8s, GATEWAY, GROUP, LISTENER_SET, LabelSelector, LabelSelectorRequirement, ListenerAllowedRoutes,
            ListenerSpec, ListenerTls, Namespaces, ParentReference, RouteGroupKind, SecretObjectReference, route_kinds,
        },
    },
    names,
};
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    inventory::ObjectRef,
    nouns::{
        AllowedListeners, GrantedRoute, GrantedRoutes, LabelDemand, ListenerNamespaces, ListenerRoutes,
        ListenerSetsFrom, NamespaceLabelSelector, RouteKindName, RouteNamespaces, RouteNamespacesFrom,
    },
};
use causeway_rules::capabilities::Capabilities;
use std::collections::BTreeSet;

/// The listener that a Gateway always has: a Gateway needs one to be valid, and challenges of ACME are answered on it.
pub(crate) const PLAIN_HTTP: ListenerKey = ListenerKey { port: 80, protocol: Protocol::Http, hostname: None };

/// A listener for routes from some namespaces. Where the proxy ends TLS, it has the certificate of the Secret `certificate`, which is in the namespace
/// of the listener. Of the kinds of routes it takes those that its controller has.
pub(crate) fn listener(
    key: &ListenerKey,
    namespaces: Namespaces,
    certificate: Option<String>,
    capabilities: &Capabilities<'_>,
) -> ListenerSpec {
    let is_there = |route: &&ObjectKind| capabilities.lacks(route.kind).is_none();
    let secret = |name| SecretObjectReference { group: "", kind: "Secret", name, namespace: None };
    let kind = |route: &ObjectKind| RouteGroupKind { group: GROUP.to_owned(), kind: route.kind.to_owned() };
    ListenerSpec {
        name: names::listener(key),
        hostname: key.hostname.clone(),
        port: key.port,
        protocol: key.protocol.in_gateway_api(),
        tls: key.protocol.is_tls().then(|| ListenerTls {
            mode: if key.protocol.ends_tls() { "Terminate" } else { "Passthrough" },
            certificate_refs: certificate.into_iter().map(secret).collect(),
        }),
        allowed_routes: ListenerAllowedRoutes {
            namespaces,
            kinds: route_kinds(key.protocol).iter().filter(is_there).map(kind).collect(),
        },
    }
}

/// Exactly these namespaces. Causeway labels no namespace that it did not make, so they are selected by the label that the API server gives each
/// of them, with its name.
pub(crate) fn exactly(namespaces: BTreeSet<String>) -> Namespaces {
    const NAME: &str = "kubernetes.io/metadata.name";
    let requirement = if namespaces.is_empty() {
        LabelSelectorRequirement { key: NAME.to_owned(), operator: "DoesNotExist", values: Vec::new() }
    } else {
        LabelSelectorRequirement { key: NAME.to_owned(), operator: "In", values: namespaces.into_iter().collect() }
    };
    let match_expressions = vec![requirement];
    Namespaces::Selector { selector: LabelSelector { match_expressions, ..LabelSelector::default() } }
}

/// Of these routes only those of the kinds that a record names; None: all.
pub(crate) fn restricted(routes: ListenerAllowedRoutes, kinds: Option<&GrantedRoutes>) -> ListenerAllowedRoutes {
    let kind = |kind: &GrantedRoute| RouteGroupKind { group: GROUP.to_owned(), kind: kind.to_string() };
    // As it is said, whatever the class has: without kinds a listener would take all of them.
    let kinds = kinds.map_or(routes.kinds, |kinds| kinds.0.iter().map(kind).collect());
    ListenerAllowedRoutes { kinds, ..routes }
}

/// Which ListenerSets the record lets in; None: none of them.
pub(crate) fn allowed_listeners(said: &AllowedListeners) -> Option<k8s::GatewayAllowedListeners> {
    let ListenerNamespaces { from, selector } = &said.namespaces;
    let namespaces = match from {
        ListenerSetsFrom::None => return None,
        ListenerSetsFrom::Same => Namespaces::Same,
        ListenerSetsFrom::All => Namespaces::All,
        ListenerSetsFrom::Selector => by_labels(selector.as_ref()),
    };
    Some(k8s::GatewayAllowedListeners { namespaces })
}

/// What the record says of a listener, in the words of Gateway API, with its defaults.
pub(crate) fn allowed(said: &ListenerRoutes) -> ListenerAllowedRoutes {
    let kind = |kind: &RouteKindName| RouteGroupKind {
        group: kind.group.clone().unwrap_or_else(|| GROUP.to_owned()),
        kind: kind.kind.clone(),
    };
    let RouteNamespaces { from, selector } = &said.namespaces;
    let namespaces = match from {
        RouteNamespacesFrom::Same => Namespaces::Same,
        RouteNamespacesFrom::All => Namespaces::All,
        RouteNamespacesFrom::Selector => by_labels(selector.as_ref()),
    };
    ListenerAllowedRoutes { namespaces, kinds: said.kinds.iter().map(kind).collect() }
}

fn by_labels(said: Option<&NamespaceLabelSelector>) -> Namespaces {
    let demand = |demand: &LabelDemand| LabelSelectorRequirement {
        key: demand.key.clone(),
        operator: demand.operator.as_str(),
        values: demand.values.clone(),
    };
    let selector = said.map(|said| LabelSelector {
        match_labels: said.match_labels.clone(),
        match_expressions: said.match_expressions.iter().map(demand).collect(),
    });
    Namespaces::Selector { selector: selector.unwrap_or_default() }
}

/// A reference to a listener of a Gateway or ListenerSet, or to the Gateway as a whole.
pub(crate) fn parent_reference(holder: &ObjectRef, kind: &'static str, section: Option<String>) -> ParentReference {
    ParentReference {
        group: GROUP,
        kind,
        namespace: holder.namespace.clone().unwrap_or_default(),
        name: holder.name.clone(),
        section_name: section,
    }
}

/// A listener and the object that holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerAt {
    /// What tells it from the other listeners of the Gateway.
    pub key: ListenerKey,
    /// The Gateway or ListenerSet.
    pub holder: ObjectRef,
    /// Its name in the holder, to which routes refer as `sectionName`.
    pub name: String,
    /// Namespace and name of the Secret with its certificate, if somebody else keeps it.
    pub secret: Option<String>,
}

impl ListenerAt {
    /// One whose name and certificate are ours.
    pub(crate) fn new(key: ListenerKey, holder: ObjectRef) -> Self {
        Self { name: names::listener(&key), key, holder, secret: None }
    }

    /// The reference by which a route attaches to it.
    pub(crate) fn parent(&self) -> ParentReference {
        let kind = if LISTENER_SET.is(&self.holder) { LISTENER_SET.kind } else { GATEWAY.kind };
        parent_reference(&self.holder, kind, Some(self.name.clone()))
    }
}

/// A listener as messages name it: `HTTPS port 443 for shop.example.org`.
pub(crate) fn display(key: &ListenerKey) -> String {
    match &key.hostname {
        Some(hostname) => format!("{} port {} for {hostname}", key.protocol, key.port),
        None => format!("{} port {}", key.protocol, key.port),
    }
}
