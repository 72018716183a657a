//! What objects of Gateway API say by themselves, read as Gateway API has it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A listener of a Gateway, or of a ListenerSet that is attached to one.
pub(crate) struct Listener<'a> {
    pub(crate) body: &'a Value,
    /// The object that has it.
    pub(crate) holder: &'a Value,
}

/// Namespace and name of an object.
pub(crate) fn called(object: &Value) -> (String, String) {
    (namespace_of(object).to_owned(), object["metadata"]["name"].as_str().unwrap_or_default().to_owned())
}

pub(crate) fn namespace_of(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or("default")
}

/// An object of a kind.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, called_so: &(String, String)) -> Option<&'a Value> {
    objects.iter().find(|object| object["kind"] == kind && called(object) == *called_so)
}

/// The Gateway that a parent is or, for a ListenerSet, is attached to.
pub(crate) fn gateway_of<'a>(objects: &'a [Value], parent: &'a Value) -> Option<&'a Value> {
    if parent["kind"] == "Gateway" {
        return Some(parent);
    }
    let reference = &parent["spec"]["parentRef"];
    let namespace = reference["namespace"].as_str().unwrap_or(namespace_of(parent));
    let name = reference["name"].as_str().unwrap_or_default();
    find(objects, "Gateway", &(namespace.to_owned(), name.to_owned()))
}

/// All listeners of a Gateway and of the ListenerSets that it allows.
pub(crate) fn listeners_of<'a>(objects: &'a [Value], gateway: &'a Value) -> Vec<Listener<'a>> {
    let sets = objects.iter().filter(|object| {
        object["kind"] == "ListenerSet"
            && gateway_of(objects, object).is_some_and(|of| called(of) == called(gateway))
            && allows(
                objects,
                &gateway["spec"]["allowedListeners"]["namespaces"],
                "None",
                gateway,
                namespace_of(object),
            )
    });
    let listeners = |holder: &'a Value| {
        let all = holder["spec"]["listeners"].as_array().into_iter().flatten();
        all.map(move |body| Listener { body, holder })
    };
    std::iter::once(gateway).chain(sets).flat_map(listeners).collect()
}

/// Whether a choice of namespaces, made by an object, holds one. `usual` is what counts where nothing is said.
pub(crate) fn allows(objects: &[Value], choice: &Value, usual: &str, by: &Value, namespace: &str) -> bool {
    match choice["from"].as_str().unwrap_or(usual) {
        "All" => true,
        "Same" => namespace_of(by) == namespace,
        "Selector" => {
            let labels: BTreeMap<String, String> =
                serde_json::from_value(choice["selector"]["matchLabels"].clone()).unwrap_or_default();
            let known =
                objects.iter().find(|object| object["kind"] == "Namespace" && object["metadata"]["name"] == namespace);
            labels.iter().all(|(key, value)| match known {
                _ if key == "kubernetes.io/metadata.name" => value == namespace,
                Some(known) => known["metadata"]["labels"][key] == value.as_str(),
                // A namespace that isn't among the objects is taken for one that was meant.
                None => namespace != super::gateways::STRANGER,
            })
        }
        _ => false,
    }
}

/// The kinds of routes that a listener takes.
pub(crate) fn kinds(listener: &Value) -> BTreeSet<String> {
    let fitting: &[&str] = match listener["protocol"].as_str().unwrap_or_default() {
        "HTTP" | "HTTPS" => &["GRPCRoute", "HTTPRoute"],
        "TLS" => &["TLSRoute"],
        "TCP" => &["TCPRoute"],
        "UDP" => &["UDPRoute"],
        _ => &[],
    };
    let named = listener["allowedRoutes"]["kinds"].as_array().filter(|kinds| !kinds.is_empty());
    match named {
        None => fitting.iter().map(ToString::to_string).collect(),
        Some(kinds) => kinds.iter().filter_map(|kind| kind["kind"].as_str()).map(str::to_owned).collect(),
    }
}

/// What both hostnames stand for; None stands for every one.
pub(crate) fn in_common(one: Option<&str>, other: Option<&str>) -> Option<Option<String>> {
    let holds = |pattern: &str, hostname: &str| {
        pattern.strip_prefix('*').is_some_and(|end| hostname.len() > end.len() && hostname.ends_with(end))
    };
    match (one, other) {
        (None, any) | (any, None) => Some(any.map(str::to_owned)),
        (Some(one), Some(other)) if one == other || holds(one, other) => Some(Some(other.to_owned())),
        (Some(one), Some(other)) if holds(other, one) => Some(Some(one.to_owned())),
        _ => None,
    }
}

/// How near a listener is to a hostname: of those on a port the nearest gets its requests. None: it is for others.
pub(crate) fn nearness(listener: &Value, hostname: Option<&str>) -> Option<(bool, usize)> {
    let own = listener["hostname"].as_str().filter(|own| !own.is_empty()).map(str::to_ascii_lowercase);
    match (own, hostname) {
        (None, _) => Some((false, 0)),
        (Some(_), None) => None,
        (Some(own), Some(hostname)) => {
            let common = in_common(Some(&own), Some(hostname))?;
            (common.as_deref() == Some(hostname)).then(|| (!own.starts_with('*'), own.len()))
        }
    }
}
