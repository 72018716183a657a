//! The listeners of a shared gateway in the form of Gateway API: on the Gateway and in its ListenerSets.

use crate::{
    InvalidInput,
    certificates::{CertificatePlace, CertificateUse, Certificates, IssuedCertificates, solves_by_http},
    k8s::{Ours, gateway_api::ListenerSpec},
    labels::Owner,
    listeners::{ListenerAt, PLAIN_HTTP, exactly, listener},
    shared_gateway::{capabilities, holder},
};
use causeway_records::{
    inputs::{ClassInCluster, Listener, ListenerKey, Named},
    nouns::{AwsAccount, DomainNameDefinition, SharedGateway},
    record::Record,
};
use causeway_rules::{capabilities::Capabilities, listeners::MOST_ON_GATEWAY, signers::signers};
use std::collections::{BTreeMap, BTreeSet};

/// Some listeners of a shared gateway: with each one that has a hostname, all others of that hostname.
#[derive(Clone, Copy)]
pub(crate) struct SharedListeners<'a> {
    pub(crate) gateway: &'a Named<SharedGateway>,
    pub(crate) listeners: &'a [Listener],
    pub(crate) domains: &'a [Record<DomainNameDefinition>],
    /// Which Certificates in the gateway's namespace were issued.
    pub(crate) issued: &'a IssuedCertificates,
    /// What the cluster says of the gateway's class.
    pub(crate) known: &'a ClassInCluster,
}

impl<'a> SharedListeners<'a> {
    /// The listeners that one object holds, sorted; the Gateway itself always has one for plain HTTP. Those that the class can't have are left out.
    pub(crate) fn specs(&self, listener_set: Option<i32>) -> Result<Vec<ListenerSpec>, InvalidInput> {
        let name = &self.gateway.object_name;
        let challenged = self.challenged();
        let certificates = self.served()?;
        let capabilities = self.capabilities();
        let held = self.listeners.iter().filter(|listener| listener.listener_set == listener_set);
        let held = held.filter(|listener| capabilities.serves(listener.key.protocol));
        let mut all: BTreeMap<&ListenerKey, Option<&Listener>> =
            held.map(|listener| (&listener.key, Some(listener))).collect();
        if listener_set.is_none() {
            all.entry(&PLAIN_HTTP).or_insert(None);
        }
        if all.len() > MOST_ON_GATEWAY {
            let message = format!(
                "{} would have {} listeners of {MOST_ON_GATEWAY} that are allowed; give some gateway definitions Placement Dedicated",
                holder(self.gateway, listener_set),
                all.len()
            );
            return Err(self.invalid("GatewayClassName", message));
        }
        let spec = |(key, held): (&ListenerKey, Option<&Listener>)| {
            let users = held.into_iter().flat_map(|listener| &listener.users);
            let mut entitled: BTreeSet<String> = users.map(|user| user.namespace.clone()).collect();
            if challenged.contains(key) {
                // cert-manager makes the routes for challenges in the gateway's own namespace.
                entitled.insert(name.clone());
            }
            let served = || certificates.get(key.hostname.as_deref()?).map(|served| served.secret.clone());
            let brought = held.and_then(|listener| listener.tls_secret.clone());
            let certificate = if key.protocol.ends_tls() { brought.or_else(served) } else { None };
            listener(key, exactly(entitled), certificate, &capabilities)
        };
        Ok(all.into_iter().map(spec).collect())
    }

    /// Says where a hostname answers plain HTTP on port 80: on a listener of its own if it has one, because the proxy then takes no other.
    pub(crate) fn plain_http(&self) -> impl Fn(&str) -> ListenerAt + use<'a> {
        let (own, gateway) = (self.plain_hostnames(), self.gateway);
        move |hostname| match own.get(hostname) {
            Some(listener_set) => {
                let key = ListenerKey { hostname: Some(hostname.to_owned()), ..PLAIN_HTTP };
                ListenerAt::new(key, holder(gateway, *listener_set))
            }
            None => ListenerAt::new(PLAIN_HTTP, holder(gateway, None)),
        }
    }

    /// Hostnames with a listener of their own for plain HTTP on port 80, and the ordinal of its ListenerSet.
    fn plain_hostnames(&self) -> BTreeMap<&'a str, Option<i32>> {
        let plain = |key: &ListenerKey| (key.port, key.protocol) == (PLAIN_HTTP.port, PLAIN_HTTP.protocol);
        let listeners = self.listeners.iter().filter(|listener| plain(&listener.key));
        listeners.filter_map(|listener| Some((listener.key.hostname.as_deref()?, listener.listener_set))).collect()
    }

    /// What the listeners need for which certificates are ordered: each hostname with the domain whose issuer signs.
    pub(crate) fn certificates(
        &self,
        control_plane: &'a str,
        owner: Owner,
        accounts: &'a [Record<AwsAccount>],
    ) -> Result<Certificates<'a>, InvalidInput> {
        let name = &self.gateway.object_name;
        Ok(Certificates {
            ours: Ours { control_plane, owner },
            object_name: name,
            namespace: name,
            hostnames: self.signed()?,
            domains: self.domains.iter().collect(),
            accounts: accounts.iter().collect(),
            cluster_resource_namespace: None,
            issued: self.issued,
        })
    }

    /// Each hostname that needs a certificate, with the domain that it is signed for.
    fn signed(&self) -> Result<BTreeMap<&'a str, i64>, InvalidInput> {
        let mut uses = vec![];
        for listener in self.certified() {
            let (Some(hostname), Some(domain)) = (&listener.key.hostname, listener.domain_name_definition_id) else {
                let message = format!(
                    "the listener on port {} ends TLS and has no hostname or no domain that a certificate could be for; give its gateway \
                     definitions a domain",
                    listener.key.port
                );
                return Err(self.invalid("DomainNameDefinitionID", message));
            };
            uses.push((hostname.as_str(), domain));
        }
        Ok(signers(uses))
    }

    /// With what the listeners of each hostname are served that needs a certificate.
    pub(crate) fn served(&self) -> Result<BTreeMap<&'a str, CertificateUse>, InvalidInput> {
        let name = self.gateway.object_name.as_str();
        let serving = CertificatePlace { namespace: name, object_name: name, issued: self.issued };
        let served = |(hostname, id): (&'a str, i64)| {
            let domain = self.domains.iter().find(|domain| domain.common.id == id)?;
            Some((hostname, serving.served(hostname, &domain.spec)))
        };
        Ok(self.signed()?.into_iter().filter_map(served).collect())
    }

    /// Those for which a certificate is ordered.
    pub(crate) fn certified(&self) -> impl Iterator<Item = &'a Listener> + use<'a> {
        let capabilities = self.capabilities();
        let is_there = move |listener: &&Listener| capabilities.serves(listener.key.protocol);
        self.listeners.iter().filter(|listener| listener.needs_certificate()).filter(is_there)
    }

    fn capabilities(&self) -> Capabilities<'a> {
        capabilities(&self.gateway.record.spec, self.known)
    }

    /// The listeners on which challenges of ACME are answered.
    fn challenged(&self) -> BTreeSet<ListenerKey> {
        let by_http: BTreeSet<i64> =
            self.domains.iter().filter(|domain| solves_by_http(domain)).map(|domain| domain.common.id).collect();
        let challenged = self
            .certified()
            .filter(|listener| listener.domain_name_definition_id.is_some_and(|id| by_http.contains(&id)));
        let own = self.plain_hostnames();
        let key = |hostname: &str| match own.contains_key(hostname) {
            true => ListenerKey { hostname: Some(hostname.to_owned()), ..PLAIN_HTTP },
            false => PLAIN_HTTP,
        };
        challenged.filter_map(|listener| listener.key.hostname.as_deref()).map(key).collect()
    }

    fn invalid(&self, field: &'static str, message: String) -> InvalidInput {
        InvalidInput::new("shared gateway", &self.gateway.record.spec.name, field, message)
    }
}
