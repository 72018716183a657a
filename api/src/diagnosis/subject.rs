//! What records say about a hostname of a gateway instance, as a question. Pure.

use causeway_diagnosis::{Backends, Endpoint, Host, Protocol, Question, Stored, Zone};
use causeway_records::{
    Record,
    inputs::{DomainNameState, HostRecord},
    nouns::{DomainNameDefinition, GatewayInstance, IssuerKind, lets_encrypt_production},
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

    /// What to ask about one of its hostnames; None: about the gateway without any.
    pub(crate) fn question(&self, hostname: Option<&str>) -> Question {
        let conditions = self.instance.status.conditions.clone().unwrap_or_default();
        let blocking = conditions.blocking();
        let endpoints = self.endpoints(hostname.unwrap_or_default());
        let brought = hostname.is_some_and(|hostname| self.is_brought(hostname));
        // Who signs for the listeners of a shared gateway's record, or what somebody has brought, is not on record.
        let is_known = self.instance.spec.shared_gateway_id.is_none() && !brought;
        let signing = self.domain.as_ref().filter(|_| is_known);
        Question {
            host: Host::claimed(hostname),
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
                hostname.starts_with("*.") || signing.is_some_and(|domain| has_wildcard(domain, hostname))
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
mod tests {
    use super::*;
    use causeway_records::{
        inputs::{Published, PublishedZone},
        status::NewCondition,
    };

    fn claim(hostname: &str, port: i32, protocol: &str, path: &str) -> ClaimedRoute {
        ClaimedRoute {
            gateway_instance_id: 1,
            gateway_id: 2,
            port,
            protocol: protocol.to_owned(),
            hostname: hostname.to_owned(),
            path: path.to_owned(),
            redirect: false,
            tls_secret: None,
        }
    }

    fn subject(conditions: Vec<NewCondition>) -> Subject {
        let zone = PublishedZone { id: "Z1".to_owned(), name: "example.org".to_owned(), ..PublishedZone::default() };
        let record = HostRecord { present: true, zone: Some(zone), ..HostRecord::default() };
        let hosts = [("*.example.org".to_owned(), record)].into();
        let mut instance = Record::<GatewayInstance>::default();
        instance.status.conditions =
            Some(Conditions::from_new(conditions, &Conditions::default(), 1, chrono::DateTime::UNIX_EPOCH));
        Subject {
            instance,
            workload: Conditions::default(),
            claims: vec![
                claim("*.example.org", 443, "HTTPS", "/api"),
                claim("shop.example.org", 80, "HTTP", ""),
                claim("", 5432, "TCP", ""),
                claim("", 53, "UDP", ""),
            ],
            domain: None,
            published: vec![DomainNameState {
                id: 3,
                name: "shop".to_owned(),
                reconciled: true,
                published: Published { hosts, ..Published::default() },
            }],
            addresses: vec!["10.0.0.7".to_owned(), "lb.example.net".to_owned()],
        }
    }

    #[test]
    fn a_wildcard_is_asked_about_with_some_name_at_its_own_ports() {
        let assigned = NewCondition::met("AddressAssigned", "AddressAssigned", "it has some");
        let subject = subject(vec![assigned, NewCondition::not_met("RefsResolved", "No", "no pod is ready")]);
        assert_eq!(subject.hostnames().into_iter().collect::<Vec<_>>(), ["*.example.org", "shop.example.org"]);
        let question = subject.question(Some("*.example.org"));
        assert_eq!(question.host, Host::Named("causeway-diagnosis.example.org".to_owned()));
        assert_eq!(question.addresses, ["10.0.0.7", "lb.example.net"]);
        assert_eq!(question.blocked, Some(("RefsResolved".to_owned(), "no pod is ready".to_owned())));
        let ports: Vec<_> = question.endpoints.iter().map(|at| (at.port, at.protocol, at.path.as_str())).collect();
        assert_eq!(ports, [(443, Protocol::Https, "/api"), (5432, Protocol::Tcp, "/")]);
        assert!(question.is_wildcard && question.issuer.is_none() && question.datagram_ports == [53].into());
        assert!(matches!(question.stored, Stored::Present(_)));
        assert_eq!(subject.question(Some("shop.example.org")).stored, Stored::NotAsked);
    }

    #[test]
    fn a_hostname_with_the_certificate_of_its_domain_needs_leave_to_sign_a_wildcard() {
        let domain = |wildcard| DomainNameDefinition {
            domain: "example.org".parse().unwrap(),
            wildcard_certificate: Some(wildcard),
            ..DomainNameDefinition::default()
        };
        let is_wildcard = |wildcard, hostname| {
            Subject { domain: Some(domain(wildcard)), ..subject(vec![]) }.question(Some(hostname)).is_wildcard
        };
        assert!(is_wildcard(true, "shop.example.org") && is_wildcard(true, "example.org"));
        assert!(!is_wildcard(false, "shop.example.org") && !is_wildcard(true, "a.shop.example.org"));
    }

    #[test]
    fn who_signs_a_certificate_that_was_brought_is_not_known() {
        let domain =
            || DomainNameDefinition { domain: "example.org".parse().unwrap(), ..DomainNameDefinition::default() };
        let question = |tls_secret: Option<&str>| {
            let mut subject = Subject { domain: Some(domain()), ..subject(vec![]) };
            subject.claims[0].tls_secret = tls_secret.map(str::to_owned);
            subject.question(Some("*.example.org"))
        };
        let ordered = question(None);
        assert!(ordered.known_authority && ordered.issuer.is_some());
        let brought = question(Some("shop-tls"));
        assert!(!brought.known_authority && brought.issuer.is_none());
    }

    #[test]
    fn what_is_behind_the_routes_is_what_their_controller_has_found() {
        let nowhere = "HTTPRoute a/b has nowhere to send traffic: Failed to find endpoints; no pod of the Service is ready; \
                       see the workload instance's conditions (and 2 more)";
        let backends = |condition| subject(vec![condition]).question(None).backends;
        assert_eq!(backends(NewCondition::met("RefsResolved", "RefsResolved", "all")), Some(Backends::Ready));
        assert_eq!(
            backends(NewCondition::unknown("RefsResolved", "Pending", "HTTPRoute a/b is not seen yet")),
            Some(Backends::NotSeen("HTTPRoute a/b is not seen yet".to_owned()))
        );
        let found = "HTTPRoute a/b has nowhere to send traffic: Failed to find endpoints; no pod of the Service is ready (and 2 more)";
        let not_ready = |next: &str| Some(Backends::NotReady { found: found.to_owned(), next: next.to_owned() });
        let no_endpoints = || NewCondition::not_met("RefsResolved", "EndpointsNotFound", nowhere);
        assert_eq!(backends(no_endpoints()), not_ready("see the workload instance's conditions"));
        // The workload itself says what is wrong.
        let pods = NewCondition::not_met("ResourcesReady", "NotReady", "Deployment a/web has 0 of 2 replicas");
        let workload = Conditions::from_new(vec![pods], &Conditions::default(), 1, chrono::DateTime::UNIX_EPOCH);
        let subject = Subject { workload, ..subject(vec![no_endpoints()]) };
        let next = "see condition ResourcesReady of the workload instance: Deployment a/web has 0 of 2 replicas";
        assert_eq!(subject.question(None).backends, not_ready(next));
        // A sentence without a next step stays whole.
        let (found, next) = found_and_next("a rule sends to Service web, which hasn't granted it");
        assert_eq!(found, "a rule sends to Service web, which hasn't granted it");
        assert_eq!(next, "see condition RefsResolved of the gateway instance");
        assert_eq!(backends(NewCondition::met("Applied", "Applied", "4 objects")), None);
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_what_its_condition_says() {
        let uncertified = |condition| subject(vec![condition]).question(None).uncertified;
        let refused = NewCondition::not_met("CertificatesReady", "Failed", "429 rateLimited");
        assert_eq!(uncertified(refused).as_deref(), Some("429 rateLimited"));
        assert_eq!(uncertified(NewCondition::met("CertificatesReady", "CertificatesReady", "1 certificate")), None);
    }

    #[test]
    fn who_signs_for_the_listeners_of_a_shared_gateways_record_is_not_known() {
        let domain = DomainNameDefinition {
            domain: "example.org".parse().unwrap(),
            wildcard_certificate: Some(true),
            ..DomainNameDefinition::default()
        };
        let mut subject = Subject { domain: Some(domain), ..subject(vec![]) };
        subject.claims.push(claim("shop.example.org", 443, "HTTPS", "/"));
        let known = |subject: &Subject| {
            let question = subject.question(Some("shop.example.org"));
            [question.known_authority, question.issuer.is_some(), question.is_wildcard]
        };
        assert_eq!(known(&subject), [true; 3]);
        subject.instance.spec.shared_gateway_id = Some(2);
        assert_eq!(known(&subject), [false; 3]);
    }

    #[test]
    fn an_address_that_is_not_assigned_is_none() {
        let none = NewCondition::not_met("AddressAssigned", "AddressNotAssigned", "Gateway a/b has no address yet");
        assert!(subject(vec![none]).question(None).addresses.is_empty());
    }

    #[test]
    fn a_public_authority_is_the_default() {
        let mut domain = DomainNameDefinition::default();
        assert!(domain.has_known_authority());
        assert_eq!(caa_name(&domain), Some("letsencrypt.org"));
        domain.acme_server = Some("https://dv.acme-v02.api.pki.goog/directory".parse().unwrap());
        assert_eq!(caa_name(&domain), Some("pki.goog"));
        domain.acme_server = Some("https://acme.example.org/dir".parse().unwrap());
        assert!(!domain.has_known_authority());
        assert_eq!(caa_name(&domain), None, "it may have any name");
    }
}
