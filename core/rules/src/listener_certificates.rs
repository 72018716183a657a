//! Certificates that are ordered for the listeners of a shared gateway's record, from the issuer of the domain that it names.

use crate::attachment::listener_for;
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    nouns::{DomainNameDefinition, GatewayListener, GatewayListeners, GrantedRoute, IssuerKind},
};

/// Whether an authority is shown on the hostnames themselves that the domain is ours.
pub(crate) fn is_proved_by_http(domain: &DomainNameDefinition) -> bool {
    domain.issuer_kind() == IssuerKind::Acme && !domain.solves_by_dns()
}

/// The listener on which an authority looks for a proof of a hostname: plain HTTP on port 80. None: no listener serves it there.
pub fn challenged<'l>(
    listeners: &'l GatewayListeners,
    hostname: &str,
    domain: &DomainNameDefinition,
) -> Option<&'l GatewayListener> {
    let plain = ListenerKey { port: 80, protocol: Protocol::Http, hostname: Some(hostname.to_owned()) };
    let listener = is_proved_by_http(domain).then(|| listener_for(listeners, &plain))?;
    listener.filter(|listener| listener.takes(GrantedRoute::Http))
}

/// A listener for which the issuer of a domain can't sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSigned {
    /// Its place among the listeners.
    pub place: usize,
    /// The field of the domain that is in the way.
    pub field: &'static str,
    /// Why, and what to do about it.
    pub problem: String,
}

/// The first listener for which the domain's issuer can't sign.
pub fn not_signed(listeners: &GatewayListeners, domain: &DomainNameDefinition) -> Option<NotSigned> {
    let of = |(place, listener): (usize, &GatewayListener)| {
        let hostname = listener.hostname.as_ref().filter(|_| listener.needs_certificate())?.as_str();
        let (field, problem) = why(listeners, hostname, domain)?;
        Some(NotSigned { place, field, problem })
    };
    listeners.0.iter().enumerate().find_map(of)
}

fn why(listeners: &GatewayListeners, hostname: &str, domain: &DomainNameDefinition) -> Option<(&'static str, String)> {
    let (own, above) = ("or name a Secret in SecretName", &domain.domain);
    let name = hostname.strip_prefix("*.").unwrap_or(hostname);
    let below = name.strip_suffix(above.as_str());
    if !below.is_some_and(|labels| labels.is_empty() || labels.ends_with('.')) {
        let problem =
            format!("{hostname} is not below {above}, the domain whose issuer signs; take another domain, {own}");
        return Some(("Domain", problem));
    }
    if !is_proved_by_http(domain) {
        return None;
    }
    let problem = if name != hostname {
        format!(
            "{hostname} is a wildcard, and AcmeChallenge of domain {above} is HTTP01: authorities sign for a wildcard only after a proof by DNS; take DNS01, {own}"
        )
    } else if challenged(listeners, hostname, domain).is_none() {
        format!(
            "AcmeChallenge of domain {above} is HTTP01, and no listener serves {hostname} by HTTP on port 80, where the authority looks for the proof; add one, \
             take DNS01, {own}"
        )
    } else {
        return None;
    };
    Some(("AcmeChallenge", problem))
}

/// The AWS account whose keys the certificates need in the gateway's cluster.
pub fn account(domain: &DomainNameDefinition) -> Option<i64> {
    domain.solves_by_dns().then_some(domain.aws_account_id)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{AcmeChallenge, ListenerProtocol};

    fn listener(port: i64, protocol: ListenerProtocol, hostname: &str) -> GatewayListener {
        GatewayListener {
            port: port.try_into().unwrap(),
            protocol,
            hostname: (!hostname.is_empty()).then(|| hostname.parse().unwrap()),
            ..GatewayListener::default()
        }
    }

    fn https(hostname: &str) -> GatewayListener {
        listener(443, ListenerProtocol::Https, hostname)
    }

    fn domain(challenge: AcmeChallenge) -> DomainNameDefinition {
        DomainNameDefinition {
            domain: "example.org".parse().unwrap(),
            acme_challenge: Some(challenge),
            aws_account_id: Some(7),
            ..DomainNameDefinition::default()
        }
    }

    fn problem(listeners: Vec<GatewayListener>, challenge: AcmeChallenge) -> Option<NotSigned> {
        not_signed(&GatewayListeners(listeners), &domain(challenge))
    }

    #[test]
    fn hostnames_are_the_domain_or_below_it() {
        let below = ["example.org", "*.example.org", "a.example.org", "*.a.example.org"].map(https).to_vec();
        assert_eq!(problem(below, AcmeChallenge::Dns01), None);
        for hostname in ["*.org", "badexample.org", "example.net"] {
            let found = problem(vec![https("a.example.org"), https(hostname)], AcmeChallenge::Dns01).unwrap();
            assert_eq!((found.place, found.field), (1, "Domain"));
            assert!(found.problem.starts_with(&format!("{hostname} is not below example.org")), "{}", found.problem);
        }
        let own = GatewayListener { secret_name: "tls".parse().ok(), ..https("example.net") };
        assert_eq!(problem(vec![own], AcmeChallenge::Dns01), None, "somebody else signs for it");
    }

    #[test]
    fn a_proof_by_http_needs_a_listener_and_no_wildcard() {
        let plain = |hostname: &str| listener(80, ListenerProtocol::Http, hostname);
        let by_http = |listeners| problem(listeners, AcmeChallenge::Http01);
        assert_eq!(by_http(vec![https("a.example.org"), plain("*.example.org")]), None);
        let nowhere = by_http(vec![https("a.example.org"), plain("b.example.org")]).unwrap();
        assert!(nowhere.field == "AcmeChallenge" && nowhere.problem.contains("add one, take DNS01"), "{nowhere:?}");
        assert!(by_http(vec![https("*.example.org"), plain("")]).unwrap().problem.contains("is a wildcard"));
        let listeners = GatewayListeners(vec![https("a.example.org"), plain("")]);
        let at = |challenge| challenged(&listeners, "a.example.org", &domain(challenge)).map(|one| one.port.get());
        assert_eq!((at(AcmeChallenge::Http01), at(AcmeChallenge::Dns01)), (Some(80), None));
    }

    #[test]
    fn only_a_proof_by_dns_needs_keys() {
        assert_eq!((account(&domain(AcmeChallenge::Dns01)), account(&domain(AcmeChallenge::Http01))), (Some(7), None));
    }
}
