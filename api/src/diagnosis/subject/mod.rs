//! What records say about a hostname of a gateway instance, as a question. Pure.

use causeway_diagnosis::{Backends, Endpoint, Host, Protocol, Question, Stored, Zone};
use causeway_records::{
    Record,
    inputs::{DomainNameState, HostRecord},
    nouns::{DomainNameDefinition, GatewayInstance, IssuerKind, lets_encrypt_production},
    patterns::{is_wildcard, nearest},
    status::{ConditionStatus, Conditions},
    summary::ClaimedRoute,
};
use causeway_render::conditions::{ADDRESS_ASSIGNED, CERTIFICATES_READY, REFS_RESOLVED};
use causeway_rules::wildcards::covers;
use std::collections::BTreeSet;

/// What is known of a gateway instance.
pub(crate) struct Subject {
    /// The instance, with its conditions.
    pub(crate) instance: Record<GatewayInstance>,
    /// The conditions of its workload.
    pub(crate) workload: Conditions,
    /// What it answers to.
    pub(crate) claims: Vec<ClaimedRoute>,
    /// The domain that its hostnames are under.
    pub(crate) domain: Option<DomainNameDefinition>,
    /// What was published for its workload.
    pub(crate) published: Vec<DomainNameState>,
    /// Where clients reach its Gateway, as was last published. It counts while the instance says that an address is assigned.
    pub(crate) addresses: Vec<String>,
}

impl Subject {
    /// The hostnames that it answers to; none: every one.
    pub(crate) fn hostnames(&self) -> BTreeSet<&str> {
        self.claims.iter().map(|claim| claim.hostname.as_str()).filter(|hostname| !hostname.is_empty()).collect()
    }

    /// Which of its hostnames is for one that is asked about: itself, or the nearest wildcard above it.
    pub(crate) fn serving(&self, hostname: &str) -> Option<&str> {
        nearest(self.hostnames(), hostname)
    }

    /// What to ask about a hostname that it serves; None: about the gateway without any.
    pub(crate) fn question(&self, hostname: Option<&str>) -> Question {
        let conditions = self.instance.status.conditions.clone().unwrap_or_default();
        let blocking = conditions.blocking();
        // Records know the hostnames that it has, not each that a wildcard is for.
        let (asked, hostname) = (hostname, hostname.map(|hostname| self.serving(hostname).unwrap_or(hostname)));
        let endpoints = self.endpoints(hostname.unwrap_or_default());
        let brought = hostname.is_some_and(|hostname| self.is_brought(hostname));
        // Of the listeners of a shared gateway's record, and of what somebody has brought, the domain doesn't say who signs.
        let is_known = self.instance.spec.shared_gateway_id.is_none() && !brought;
        let signing = self.domain.as_ref().filter(|_| is_known);
        Question {
            host: Host::claimed(asked),
            stored: hostname.map(|hostname| self.stored(hostname)).unwrap_or_default(),
            shared: hostname.is_some_and(|hostname| self.records(hostname).any(|of| !of.other_weights.is_empty())),
            addresses: if conditions.is_true(ADDRESS_ASSIGNED) { self.addresses.clone() } else { vec![] },
            blocked: blocking.map(|condition| (condition.condition_type.clone(), condition.message.clone())),
            uncertified: conditions
                .get(CERTIFICATES_READY)
                .filter(|condition| condition.status != ConditionStatus::True)
                .map(|condition| condition.message.clone()),
            backends: self.backends(&conditions),
            datagram_ports: self.datagram_ports(),
            known_authority: signing.is_some_and(DomainNameDefinition::has_known_authority),
            issuer: signing.filter(|_| endpoints.iter().any(ends_tls)).and_then(caa_name).map(str::to_owned),
            is_wildcard: hostname.is_some_and(|hostname| {
                is_wildcard(hostname) || signing.is_some_and(|domain| has_wildcard(domain, hostname))
            }),
            endpoints,
        }
    }

    /// What is behind the routes. Where something of the workload doesn't work, that is what to look at.
    fn backends(&self, conditions: &Conditions) -> Option<Backends> {
        let resolved = conditions.get(REFS_RESOLVED)?;
        Some(match resolved.status {
            ConditionStatus::True => Backends::Ready,
            ConditionStatus::Unknown => Backends::NotSeen(resolved.message.clone()),
            ConditionStatus::False => {
                let (found, next) = found_and_next(&resolved.message);
                let trouble = self.workload.blocking().map(|condition| {
                    format!(
                        "see condition {} of the workload instance: {}",
                        condition.condition_type, condition.message
                    )
                });
                Backends::NotReady { found, next: trouble.unwrap_or(next) }
            }
        })
    }

    /// Whether somebody has brought the certificate of a hostname: then it is signed by whom they like.
    fn is_brought(&self, hostname: &str) -> bool {
        self.claims.iter().any(|claim| claim.hostname == hostname && claim.tls_secret.is_some())
    }

    fn records(&self, hostname: &str) -> impl Iterator<Item = &HostRecord> {
        self.published.iter().filter_map(move |domain| domain.published.hosts.get(hostname))
    }

    fn stored(&self, hostname: &str) -> Stored {
        let records = || self.records(hostname);
        // Of several that were asked for it, one publishes it.
        if let Some(record) = records().find(|record| record.present).or_else(|| records().next()) {
            return stored(record);
        }
        match self.published.iter().find(|domain| !domain.reconciled) {
            Some(domain) => {
                Stored::NoZone(format!("domain name instance {} has not looked for a zone yet", domain.name))
            }
            None => Stored::NotAsked,
        }
    }

    /// Where it answers for a hostname: its own ports, and those that see no hostname.
    fn endpoints(&self, hostname: &str) -> Vec<Endpoint> {
        let own = self.claims.iter().filter(|claim| claim.hostname.is_empty() || claim.hostname == hostname);
        let endpoints = own.filter_map(|claim| Endpoint::claimed(claim.port, &claim.protocol, &claim.path));
        endpoints.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn datagram_ports(&self) -> BTreeSet<u16> {
        let claims = self.claims.iter().filter(|claim| claim.protocol == "UDP");
        claims.filter_map(|claim| u16::try_from(claim.port).ok()).collect()
    }
}

/// What the message of a condition about Services says that was found, and what it says at its end that is to be done.
fn found_and_next(message: &str) -> (String, String) {
    // How many more there are like the first.
    let more = message.rfind(" (and ").filter(|_| message.ends_with(" more)")).unwrap_or(message.len());
    let (first, more) = message.split_at(more);
    match first.rsplit_once("; ") {
        Some((found, next)) => (format!("{found}{more}"), next.to_owned()),
        None => (message.to_owned(), format!("see condition {REFS_RESOLVED} of the gateway instance")),
    }
}

/// Whether the gateway has a certificate there.
fn ends_tls(endpoint: &Endpoint) -> bool {
    matches!(endpoint.protocol, Protocol::Https | Protocol::Tls)
}

/// Whether a hostname has the certificate that is for all of its domain.
fn has_wildcard(domain: &DomainNameDefinition, hostname: &str) -> bool {
    domain.has_wildcard_certificate() && covers(&domain.domain, hostname)
}

/// The name by which CAA records allow the authority that signs, for those that say it in their documentation.
fn caa_name(domain: &DomainNameDefinition) -> Option<&'static str> {
    if domain.issuer_kind() != IssuerKind::Acme {
        return None;
    }
    let server = domain.acme_server.as_ref().map_or(lets_encrypt_production(), |server| server.as_str());
    let host = server.strip_prefix("https://")?.split(['/', ':']).next()?;
    let known = [("letsencrypt.org", "letsencrypt.org"), ("pki.goog", "pki.goog"), ("zerossl.com", "sectigo.com")];
    known
        .into_iter()
        .find(|(of, _)| host.strip_suffix(of).is_some_and(|rest| rest.ends_with('.')))
        .map(|(_, name)| name)
}

fn stored(record: &HostRecord) -> Stored {
    let Some(zone) = &record.zone else { return Stored::NoZone(record.message.clone()) };
    let zone = Zone { name: zone.name.clone(), private: zone.private };
    if record.present { Stored::Present(zone) } else { Stored::Missing(zone, record.message.clone()) }
}

#[cfg(test)]
mod tests;
