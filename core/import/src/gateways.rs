//! Gateways, and the ListenerSets that add listeners to them. A Gateway becomes a shared gateway with these listeners (module `shared`).

use crate::{
    listener::{Allowed, Listener, is_allowed, listeners, without_record},
    output::{Gateway, Output},
    report::ImportedObject,
    shared::Record,
    source::{Source, annotation},
};
use causeway_records::{
    nouns::{
        AllowedListeners, GatewayListener, GatewayListeners, GatewayTls, Infrastructure, ListenerNamespaces,
        ListenerSetsFrom, Rules, SharedGateway, Texts,
    },
    problem::Problem,
    text::ObjectName,
};
use serde::de::DeserializeOwned;
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
    /// Who signs certificates, as an annotation for cert-manager says.
    pub(crate) issuer: Option<String>,
    /// Which ListenerSets may add listeners.
    sets: Allowed,
    /// The record that has its listeners. None: it is a ListenerSet whose Gateway isn't among the objects.
    pub(crate) record: Option<String>,
}

/// Kind, namespace and name.
type Key = (&'static str, String, String);

/// All parents, and the records that come of them.
#[derive(Default)]
pub(crate) struct Parents {
    pub(crate) all: BTreeMap<Key, Parent>,
    /// By name.
    pub(crate) records: BTreeMap<String, Record>,
}

/// Labels of the namespaces among the objects.
pub(crate) type Namespaces = BTreeMap<String, Value>;

/// Reads Gateways first, and then the ListenerSets that are for them.
pub(crate) fn parents(
    gateways: Vec<Source>,
    sets: Vec<Source>,
    namespaces: &Namespaces,
    output: &mut Output,
) -> Parents {
    let mut parents = Parents::default();
    for source in gateways {
        let key = ("Gateway", source.object.namespace.clone(), source.object.name.clone());
        let parent = gateway(source, &mut parents.records, output);
        parents.all.insert(key, parent);
    }
    for source in sets {
        let key = ("ListenerSet", source.object.namespace.clone(), source.object.name.clone());
        let parent = listener_set(source, &mut parents, namespaces, output);
        parents.all.insert(key, parent);
    }
    parents
}

fn gateway(mut source: Source, records: &mut BTreeMap<String, Record>, output: &mut Output) -> Parent {
    let class: Option<ObjectName> = match source.text("/spec/gatewayClassName") {
        None => None,
        Some(name) => {
            let class = name.parse().ok();
            if class.is_none() {
                source.unsupported(
                    "/spec/gatewayClassName",
                    "is no name of a GatewayClass; the record has Causeway's own class",
                );
            }
            class
        }
    };
    // Of a Gateway that stays nobody else signs.
    let issuer = if source.stays { None } else { issuer(&mut source) };
    let ((sets, allowed_listeners), tls) = (sets(&mut source), tls(&mut source));
    let own = source.object.namespace.clone();
    let mut listeners = listeners(&mut source, &own);
    let (addresses, infrastructure) = (addresses(&mut source), infrastructure(&mut source));
    let name = output.name("SharedGateway", &source.object, "");
    let gateway = SharedGateway {
        name: name.clone(),
        gateway_class_name: class,
        namespace: source.object.namespace.parse().ok(),
        gateway_name: if source.stays { source.object.name.parse().ok() } else { None },
        keep_on_delete: source.stays.then_some(true),
        addresses,
        infrastructure,
        tls,
        allowed_listeners,
        ..SharedGateway::default()
    };
    let mut record = Record::new(gateway, source.object.clone());
    record.add(&mut source, &mut listeners, issuer.as_deref(), output);
    records.insert(name.to_string(), record);
    Parent { source, listeners, issuer, sets, record: Some(name.to_string()) }
}

/// The ClusterIssuer of cert-manager's annotation. Issuers of a namespace sign only there, and certificates of records are elsewhere.
pub(crate) fn issuer(source: &mut Source) -> Option<String> {
    source.annotation(CLUSTER_ISSUER)
}

/// Which ListenerSets may add listeners, and that in the words of a record.
fn sets(source: &mut Source) -> (Allowed, Option<AllowedListeners>) {
    const PATH: &str = "/spec/allowedListeners";
    let Some(said) = whole(source, PATH, |own: AllowedListeners| SharedGateway {
        allowed_listeners: Some(own),
        ..SharedGateway::default()
    }) else {
        return (Allowed::None, None);
    };
    let said = said.allowed_listeners.unwrap_or_default();
    let ListenerNamespaces { from, selector } = &said.namespaces;
    let allowed = match from {
        ListenerSetsFrom::None => return (Allowed::None, None),
        ListenerSetsFrom::Same => Allowed::Namespace(source.object.namespace.clone()),
        ListenerSetsFrom::All => Allowed::All,
        ListenerSetsFrom::Selector => {
            Allowed::Labels(selector.as_ref().map(|own| own.match_labels.clone()).unwrap_or_default())
        }
    };
    (allowed, Some(said))
}

/// TLS beside what the listeners say.
fn tls(source: &mut Source) -> Option<GatewayTls> {
    let with = |own: GatewayTls| SharedGateway { tls: Some(own), ..SharedGateway::default() };
    whole(source, "/spec/tls", with)?.tls.filter(GatewayTls::says_something)
}

/// A field that a record has in the JSON of Gateway API, in a record, if that can have all of it. If not it is reported.
fn whole<T: DeserializeOwned>(
    source: &mut Source,
    path: &str,
    with: impl FnOnce(T) -> SharedGateway,
) -> Option<SharedGateway> {
    let seen = source.seen(path).clone();
    if seen.is_null() {
        return None;
    }
    let listeners = Some(GatewayListeners(vec![GatewayListener::default()]));
    let problem = match serde_json::from_value(seen) {
        Err(error) => error.to_string(),
        Ok(own) => {
            let record = SharedGateway { listeners, ..with(own) };
            let is_about =
                |problem: &Problem| ["TLS.", "AllowedListeners."].iter().any(|at| problem.field.starts_with(at));
            match record.check().into_iter().find(is_about) {
                None => {
                    source.take(path);
                    return Some(record);
                }
                Some(problem) => problem.to_string(),
            }
        }
    };
    source.unsupported(path, &format!("can't be on record: {problem}"));
    None
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

fn listener_set(mut source: Source, parents: &mut Parents, namespaces: &Namespaces, output: &mut Output) -> Parent {
    let part = |source: &mut Source, key: &str| source.text(&format!("/spec/parentRef/{key}"));
    for (key, usual) in [("group", "gateway.networking.k8s.io"), ("kind", "Gateway")] {
        if source.seen(&format!("/spec/parentRef/{key}")) == usual {
            part(&mut source, key);
        }
    }
    let (name, namespace) = (part(&mut source, "name").unwrap_or_default(), part(&mut source, "namespace"));
    let own = source.object.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| own.clone());
    let issuer = issuer(&mut source);
    let mut listeners = listeners(&mut source, &namespace);
    let Parents { all, records } = parents;
    let Some(gateway) = all.get(&("Gateway", namespace.clone(), name.clone())) else {
        let problem = format!(
            "Gateway {namespace}/{name} isn't among the objects, so the routes go to the common gateway of Causeway's own class; add it to the stream"
        );
        source.needed("/spec/parentRef", &problem);
        without_record(&mut source, &listeners);
        return Parent { source, listeners, issuer, sets: Allowed::None, record: None };
    };
    let issuer = issuer.or_else(|| gateway.issuer.clone());
    if !is_allowed(&gateway.sets, &own, namespaces.get(&own)) {
        listeners.clear();
        let problem = format!(
            "Gateway {namespace}/{name} allows no ListenerSet of this namespace (allowedListeners), so nothing serves its listeners"
        );
        source.unsupported("/spec", &problem);
    }
    if let Some(record) = gateway.record.as_ref().and_then(|name| records.get_mut(name)) {
        record.add(&mut source, &mut listeners, issuer.as_deref(), output);
        tell_secrets(&mut source, &listeners, record, &namespace);
    }
    let record = gateway.record.clone();
    Parent { source, listeners, issuer, sets: Allowed::None, record }
}

/// Tells which Secrets of a ListenerSet have to be granted anew: the Gateway reads them here, and that is in another namespace.
fn tell_secrets(source: &mut Source, listeners: &[Listener], record: &Record, of_gateway: &str) {
    for listener in listeners {
        let is_it = |one: &&GatewayListener| Some(&one.name) == listener.given.as_ref();
        let given = record.listeners.0.iter().find(is_it);
        if let Some(namespace) = given.and_then(|one| one.secret_namespace.as_ref()) {
            let problem = format!(
                "the Gateway reads the Secret here, so namespace {namespace} has to grant it to Gateways of namespace {of_gateway} by a ReferenceGrant; \
                 one for ListenerSets doesn't count"
            );
            source.needed(&format!("{}/tls/certificateRefs/0", listener.path), &problem);
        }
    }
}

/// Reports what of the parents no record says: listeners of ListenerSets without their Gateway to which no route attaches, and issuers that sign nothing.
/// `gateways` are those that come out.
pub(crate) fn close(parents: Parents, output: &Output, gateways: &[Gateway]) -> Vec<Source> {
    let said: HashSet<&ImportedObject> = gateways.iter().map(|gateway| &gateway.from).collect();
    let close = |mut parent: Parent| {
        let is_idle = |listener: &&Listener| !listener.routes.iter().any(|route| said.contains(route));
        for listener in parent.listeners.iter().filter(|_| parent.record.is_none()).filter(is_idle) {
            let problem = "no record comes of a route that attaches to it, and without its Gateway a listener is only said as a port of what is served there";
            parent.source.unsupported(&listener.path, problem);
        }
        close_issuer(&mut parent.source, parent.issuer.as_deref(), output);
        parent.source
    };
    parents.all.into_values().map(close).collect()
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
