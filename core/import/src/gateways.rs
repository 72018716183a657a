//! Gateways, and the ListenerSets that add listeners to them.

use crate::{
    listener::{Allowed, Listener, is_allowed, listeners},
    output::{Gateway, Output, Shared},
    report::ImportedObject,
    source::{Source, annotation},
};
use causeway_records::{
    nouns::{Infrastructure, Texts},
    text::ObjectName,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    net::IpAddr,
};

const CLUSTER_ISSUER: &str = "cert-manager.io/cluster-issuer";

/// A Gateway or a ListenerSet, to which routes attach.
pub(crate) struct Parent {
    pub(crate) source: Source,
    pub(crate) listeners: Vec<Listener>,
    /// Of the Gateway; a ListenerSet has that of its Gateway.
    pub(crate) class: Option<ObjectName>,
    /// Who signs certificates, as an annotation for cert-manager says.
    pub(crate) issuer: Option<String>,
    /// Which ListenerSets may add listeners.
    sets: Allowed,
}

/// All parents, by kind, namespace and name.
pub(crate) type Parents = BTreeMap<(&'static str, String, String), Parent>;

/// Labels of the namespaces among the objects.
pub(crate) type Namespaces = BTreeMap<String, Value>;

/// Reads Gateways first, and then the ListenerSets that are for them.
pub(crate) fn parents(
    gateways: Vec<Source>,
    sets: Vec<Source>,
    namespaces: &Namespaces,
    output: &mut Output,
) -> Parents {
    let mut parents = Parents::new();
    for source in gateways {
        let parent = gateway(source, output);
        parents.insert(("Gateway", parent.source.object.namespace.clone(), parent.source.object.name.clone()), parent);
    }
    for source in sets {
        let parent = listener_set(source, &parents, namespaces);
        parents
            .insert(("ListenerSet", parent.source.object.namespace.clone(), parent.source.object.name.clone()), parent);
    }
    parents
}

fn gateway(mut source: Source, output: &mut Output) -> Parent {
    let class: Option<ObjectName> = match source.text("/spec/gatewayClassName") {
        None => None,
        Some(name) => {
            let class = name.parse().ok();
            if class.is_none() {
                source.unsupported(
                    "/spec/gatewayClassName",
                    "is no name of a GatewayClass; the routes go to Causeway's own class",
                );
            }
            class
        }
    };
    let issuer = issuer(&mut source);
    let sets = sets(&mut source);
    let listeners = listeners(&mut source);
    let (addresses, infrastructure) = (addresses(&mut source), infrastructure(&mut source));
    let shared = Shared { name: source.object.name.clone(), class: class.clone(), addresses, infrastructure };
    if let Some(first) = output.share(shared, &source.object) {
        let problem = format!(
            "{first} has the same class, and a cluster has one shared gateway of each class: both have one address, the first one's"
        );
        source.lossy("/spec/gatewayClassName", &problem);
        for path in ["/spec/addresses", "/spec/infrastructure"] {
            if !source.seen(path).is_null() {
                source.unsupported(path, &problem);
            }
        }
    }
    Parent { source, listeners, class, issuer, sets }
}

/// The ClusterIssuer of cert-manager's annotation. Issuers of a namespace sign only there, and listeners are elsewhere.
pub(crate) fn issuer(source: &mut Source) -> Option<String> {
    source.annotation(CLUSTER_ISSUER)
}

fn sets(source: &mut Source) -> Allowed {
    const FROM: &str = "/spec/allowedListeners/namespaces/from";
    match source.seen(FROM).as_str() {
        Some("Same") => {
            source.take(FROM);
            Allowed::Same
        }
        Some("All" | "Selector") => {
            source.lossy("/spec/allowedListeners", "listeners come from gateway instances, whoever may make those");
            Allowed::All
        }
        _ => {
            if source.seen(FROM) == "None" {
                source.take(FROM);
            }
            Allowed::None
        }
    }
}

/// Addresses whose type follows from their text. Others stay, and are reported.
fn addresses(source: &mut Source) -> Option<Texts> {
    let mut all = vec![];
    for index in 0..source.entries("/spec/addresses", 16) {
        let path = format!("/spec/addresses/{index}");
        let entry = source.seen(&path);
        let (kind, value) =
            (entry["type"].as_str().unwrap_or("IPAddress"), entry["value"].as_str().unwrap_or_default());
        let is_address = value.parse::<IpAddr>().is_ok();
        if !value.is_empty() && matches!((kind, is_address), ("IPAddress", true) | ("Hostname", false)) {
            all.push(value.to_owned());
            source.text(&format!("{path}/type"));
            source.text(&format!("{path}/value"));
        }
    }
    (!all.is_empty()).then_some(Texts(all))
}

fn infrastructure(source: &mut Source) -> Option<Infrastructure> {
    let mut texts = |path: &str| -> BTreeMap<String, String> {
        let map: Option<BTreeMap<String, String>> = serde_json::from_value(source.seen(path).clone()).ok();
        let map = map.unwrap_or_default();
        if !map.is_empty() {
            source.take(path);
        }
        map
    };
    let (labels, annotations) = (texts("/spec/infrastructure/labels"), texts("/spec/infrastructure/annotations"));
    (!labels.is_empty() || !annotations.is_empty()).then_some(Infrastructure { labels, annotations })
}

fn listener_set(mut source: Source, parents: &Parents, namespaces: &Namespaces) -> Parent {
    let part = |source: &mut Source, key: &str| source.text(&format!("/spec/parentRef/{key}"));
    for (key, usual) in [("group", "gateway.networking.k8s.io"), ("kind", "Gateway")] {
        if source.seen(&format!("/spec/parentRef/{key}")) == usual {
            part(&mut source, key);
        }
    }
    let (name, namespace) = (part(&mut source, "name").unwrap_or_default(), part(&mut source, "namespace"));
    let own = source.object.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| own.clone());
    let gateway = parents.get(&("Gateway", namespace.clone(), name.clone()));
    let may = gateway.is_none_or(|gateway| is_allowed(&gateway.sets, &namespace, &own, namespaces.get(&own)));
    let class = gateway.and_then(|gateway| gateway.class.clone());
    let issuer = issuer(&mut source).or_else(|| gateway.and_then(|gateway| gateway.issuer.clone()));
    if gateway.is_none() {
        let problem = format!(
            "Gateway {namespace}/{name} isn't among the objects, so its class isn't known and Causeway's own is taken; add it to the stream"
        );
        source.needed("/spec/parentRef", &problem);
    }
    let mut listeners = listeners(&mut source);
    if !may {
        listeners.clear();
        let problem = format!(
            "Gateway {namespace}/{name} allows no ListenerSet of this namespace (allowedListeners), so nothing serves its listeners"
        );
        source.unsupported("/spec", &problem);
    }
    Parent { source, listeners, class, issuer, sets: Allowed::None }
}

/// Reports what of the parents no record says: listeners without routes, classes and issuers that nothing has. `gateways` are those that come out.
pub(crate) fn close(parents: Parents, output: &Output, gateways: &[Gateway]) -> Vec<Source> {
    let said: HashSet<&ImportedObject> = gateways.iter().map(|gateway| &gateway.from).collect();
    let close = |mut parent: Parent| {
        let is_used = |listener: &Listener| listener.routes.iter().any(|route| said.contains(route));
        let unused: Vec<_> = parent.listeners.iter().filter(|listener| !is_used(listener)).collect();
        let is_idle = unused.len() == parent.listeners.len();
        for listener in unused {
            let problem = "no record comes of a route that attaches to it, and a listener is only said as a port of what is served there; add the routes to the stream";
            parent.source.unsupported(&listener.path, problem);
        }
        let is_set = !parent.source.seen("/spec/parentRef").is_null();
        if is_idle && is_set {
            parent.source.unsupported("/spec/parentRef", "no record says a ListenerSet of which no listener is used");
        }
        if !is_set && parent.class.as_ref().is_some_and(|class| !output.has_class(class.as_str(), gateways)) {
            parent
                .source
                .unsupported("/spec/gatewayClassName", "no record comes of the Gateway that could name its class");
        }
        close_issuer(&mut parent.source, parent.issuer.as_deref(), output);
        parent.source
    };
    parents.into_values().map(close).collect()
}

/// Reports an issuer that signs nothing here.
pub(crate) fn close_issuer(source: &mut Source, issuer: Option<&str>, output: &Output) {
    let at = annotation(CLUSTER_ISSUER);
    if source.seen(&at).is_string() && issuer.is_some_and(|issuer| !output.has_issuer(issuer)) {
        let problem =
            "no certificate comes of the object, or another ClusterIssuer signs for the same domain: a domain has one";
        source.lossy(&at, problem);
    }
}
