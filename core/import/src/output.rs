//! The records that come out.

use crate::report::ImportedObject;
use causeway_records::{
    nouns::{GatewayDefinition, GrantedRoutes, Labels, ServiceNames, SharedGateway},
    text::{Hostname, Name, ObjectName as ClassName},
};
use std::collections::{BTreeMap, BTreeSet};

/// A gateway definition and its instance, which has the same name.
#[derive(Clone, PartialEq)]
pub struct Gateway {
    /// Without ids: what it names is beside it.
    pub definition: GatewayDefinition,
    /// Name of the domain name definition.
    pub domain: Option<String>,
    /// Name of the workload, definition and instance.
    pub workload: String,
    /// Name of the shared gateway that the instance attaches to; None: the common one of its class.
    pub shared: Option<String>,
    /// Whether there is an instance. Without, the object attaches to nothing.
    pub is_attached: bool,
    /// The name of the route that the instance takes over; None: it makes its own.
    pub route_name: Option<ClassName>,
    /// The object that it comes from.
    pub from: ImportedObject,
}

/// A workload that gateways stand before: one for each namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// The namespace's name.
    pub name: Name,
    /// The manifests of the namespace that were among the objects; None: there were none, and the document names a file to be written.
    pub manifests: Option<String>,
    /// Labels of its namespace.
    pub labels: Option<Labels>,
}

/// A domain that certificates are for.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// The domain, which is also the record's name.
    pub domain: Hostname,
    /// The ClusterIssuer that signs; None: to be chosen.
    pub issuer: Option<ClassName>,
}

/// A permission for one workload to send to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Name of the record.
    pub name: Name,
    /// The workload that gets traffic.
    pub to: String,
    /// The one that sends it.
    pub from: String,
    /// None: all of its Services.
    pub services: Option<ServiceNames>,
    /// The kinds of routes that may send; None: all.
    pub kinds: Option<GrantedRoutes>,
}

/// A shared gateway with listeners of its own, to which gateway instances attach.
#[derive(Clone, PartialEq)]
pub struct Shared {
    /// Without ids: what it names is beside it.
    pub gateway: SharedGateway,
    /// Name of the domain name definition whose issuer signs for its listeners.
    pub domain: Option<String>,
    /// Names of the workload instances that may attach.
    pub workloads: Option<Vec<String>>,
    /// The Gateway that it comes of.
    pub from: ImportedObject,
}

/// What importers write to.
pub(crate) struct Output {
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) domains: BTreeMap<String, Domain>,
    pub(crate) grants: Vec<Grant>,
    /// Labels of the namespaces of workloads, beside those that the namespaces among the objects have.
    pub(crate) labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Namespaces whose workloads are named, each with the Services that get traffic.
    pub(crate) workloads: BTreeMap<String, BTreeSet<String>>,
    names: BTreeSet<(&'static str, String)>,
    /// Issuers that don't sign for a domain because another one does.
    other_issuers: BTreeSet<String>,
    /// Bytes of rules that may still be written. The same rules are written once for each group of hostnames.
    room: usize,
}

/// All rules together, in bytes of JSON.
const MOST_BYTES: usize = 16 << 20;

/// Why rules aren't written any more.
pub(crate) const NO_ROOM: &str =
    "more would come of the objects than is answered at once; import fewer of them at once";

impl Default for Output {
    fn default() -> Self {
        Self {
            gateways: vec![],
            domains: BTreeMap::new(),
            grants: vec![],
            labels: BTreeMap::new(),
            workloads: BTreeMap::new(),
            names: BTreeSet::new(),
            other_issuers: BTreeSet::new(),
            room: MOST_BYTES,
        }
    }
}

impl Output {
    /// A name that no other record of the kind has, such as the object's, and behind it its namespace where that is taken.
    pub(crate) fn name(&mut self, kind: &'static str, object: &ImportedObject, suffix: &str) -> Name {
        let plain = format!("{}{suffix}", object.name);
        let longer = format!("{}-{plain}", object.namespace);
        let more = (2..).map(|number| format!("{longer}-{number}"));
        let names = [plain, longer.clone()].into_iter().chain(more);
        let free = names.into_iter().find(|name| self.names.insert((kind, name.clone())));
        // Names of objects have 253 characters at most, and namespaces 63.
        free.and_then(|name| name.chars().take(253).collect::<String>().parse().ok()).unwrap_or_default()
    }

    /// Takes room for so many bytes of rules; false: there isn't so much left.
    pub(crate) fn has_room(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    /// Whether every domain that an issuer was to sign for has it, and there is one.
    pub(crate) fn has_issuer(&self, issuer: &str) -> bool {
        let signs = |domain: &Domain| domain.issuer.as_ref().is_some_and(|own| own.as_str() == issuer);
        !self.other_issuers.contains(issuer) && self.domains.values().any(signs)
    }

    /// Whether routes of a kind of a workload may send to a Service of another one.
    pub(crate) fn is_granted(&self, from: &str, to: &str, service: &str, kind: &str) -> bool {
        let names = |grant: &Grant| {
            grant.services.as_ref().is_none_or(|services| services.0.iter().any(|name| name.as_str() == service))
        };
        let is_for =
            |grant: &Grant| grant.kinds.as_ref().is_none_or(|kinds| kinds.0.iter().any(|own| own.as_str() == kind));
        self.grants.iter().any(|grant| grant.from == from && grant.to == to && names(grant) && is_for(grant))
    }

    /// The workload of a namespace gets traffic at one of its Services.
    pub(crate) fn sends_to(&mut self, namespace: &str, service: &str) {
        self.workloads.entry(namespace.to_owned()).or_default().insert(service.to_owned());
    }

    /// The name of the domain for a hostname that needs a certificate; None: it has none, being a single label.
    pub(crate) fn domain_of(&mut self, hostname: &str, issuer: Option<&str>) -> Option<String> {
        let domain: Hostname = crate::hostnames::domain(hostname)?.parse().ok()?;
        let name = domain.to_string();
        let issuer: Option<ClassName> = issuer.and_then(|issuer| issuer.parse().ok());
        let known = self.domains.entry(name.clone()).or_insert(Domain { domain, issuer: None });
        if known.issuer.is_none() {
            known.issuer = issuer;
        } else if let Some(other) = issuer.filter(|issuer| known.issuer.as_ref() != Some(issuer)) {
            self.other_issuers.insert(other.to_string());
        }
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        let mut output = Output::default();
        let object = ImportedObject { kind: "HTTPRoute".into(), namespace: "shop".into(), name: "web".into() };
        let mut name = |kind| output.name(kind, &object, "").to_string();
        assert_eq!([name("a"), name("a"), name("a"), name("b")], ["web", "shop-web", "shop-web-2", "web"]);
    }

    #[test]
    fn the_first_issuer_of_a_domain_counts() {
        let mut output = Output::default();
        for issuer in [None, Some("one"), Some("other")] {
            assert_eq!(output.domain_of("www.shop.test", issuer).as_deref(), Some("shop.test"));
        }
        assert_eq!(output.domains["shop.test"].issuer.as_ref().map(ToString::to_string).as_deref(), Some("one"));
        assert_eq!(output.domain_of("localhost", None), None);
    }
}
