//! Certificates for wildcards: which hostnames the one certificate of a domain is for, see `WildcardCertificate` of domain name definitions, and for which
//! wildcards of a gateway definition nobody would sign.

use crate::{claims::RouteClaim, listener_certificates::is_proved_by_http};
use causeway_records::{
    nouns::DomainNameDefinition,
    patterns::is_wildcard,
    problem::{Reason, Refusal},
    text::Hostname,
};

/// Whether a certificate for `*.domain`, and for the domain itself where that is served, is for a hostname. The asterisk stands for one label: neither
/// for two nor for none.
pub fn covers(domain: &Hostname, hostname: &str) -> bool {
    let Some(labels) = hostname.strip_suffix(domain.as_str()) else { return false };
    labels.is_empty() || labels.strip_suffix('.').is_some_and(|label| !label.is_empty() && !label.contains('.'))
}

/// The names in that certificate, where a Gateway serves these hostnames of the domain: the domain itself only if it is one of them, so that nothing is
/// proved that nobody needs.
pub fn names<'h>(domain: &Hostname, mut hostnames: impl Iterator<Item = &'h str>) -> Vec<String> {
    let apex = hostnames.any(|hostname| hostname == domain.as_str()).then(|| domain.to_string());
    std::iter::once(format!("*.{domain}")).chain(apex).collect()
}

/// Whether the domain's authority would sign for all that is claimed and that needs a certificate.
///
/// # Errors
/// There is a wildcard, and the domain is proved by HTTP.
pub fn check_proofs(claims: &[RouteClaim], domain: &DomainNameDefinition) -> Result<(), Refusal> {
    let hostname = |claim: &RouteClaim| claim.listener.hostname.clone().filter(|hostname| is_wildcard(hostname));
    let certified = claims.iter().filter(|claim| claim.needs_certificate());
    match certified.filter_map(hostname).next().filter(|_| is_proved_by_http(domain)) {
        None => Ok(()),
        Some(hostname) => {
            let problem = format!(
                "{hostname} is a wildcard, and AcmeChallenge of domain name definition {} is HTTP01: authorities sign for a wildcard only after a proof by DNS; set \
                 DNS01 there, name a Secret in TLSSecretName, or list the hostnames below it",
                domain.name
            );
            Err(Refusal::field(Reason::InvalidField, "Hostnames", problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{
        inputs::{ListenerKey, Protocol},
        nouns::{AcmeChallenge, IssuerKind},
    };
    use proptest::prelude::*;

    fn domain() -> Hostname {
        "example.org".parse().unwrap()
    }

    #[test]
    fn a_wildcard_stands_for_exactly_one_label() {
        for hostname in ["shop.example.org", "x-1.example.org", "*.example.org", "example.org"] {
            assert!(covers(&domain(), hostname), "{hostname}");
        }
        for hostname in ["a.shop.example.org", "badexample.org", "org", ".example.org", "shop.example.net", ""] {
            assert!(!covers(&domain(), hostname), "{hostname}");
        }
    }

    #[test]
    fn the_domain_itself_is_named_only_where_it_is_served() {
        assert_eq!(names(&domain(), ["shop.example.org"].into_iter()), ["*.example.org"]);
        assert_eq!(names(&domain(), ["a.example.org", "example.org"].into_iter()), ["*.example.org", "example.org"]);
    }

    #[test]
    fn a_wildcard_is_signed_for_only_after_a_proof_by_dns() {
        let claim = |protocol, hostname: &str, secret: Option<&str>| RouteClaim {
            listener: ListenerKey { port: 443, protocol, hostname: Some(hostname.to_owned()) },
            requests: String::new(),
            grpc: false,
            redirect: false,
            tls_secret: secret.map(str::to_owned),
        };
        let by = |challenge, issuer_kind| DomainNameDefinition {
            name: "example".parse().unwrap(),
            domain: domain(),
            acme_challenge: Some(challenge),
            issuer_kind: Some(issuer_kind),
            ..DomainNameDefinition::default()
        };
        let (http, wildcard) = (by(AcmeChallenge::Http01, IssuerKind::Acme), "*.example.org");
        let check = |claim: RouteClaim, domain: &DomainNameDefinition| check_proofs(&[claim], domain);
        for protocol in [Protocol::Https, Protocol::Tls] {
            let refused = check(claim(protocol, wildcard, None), &http).unwrap_err();
            let start = "*.example.org is a wildcard, and AcmeChallenge of domain name definition example is HTTP01";
            assert_eq!(refused.details[0].field, "Hostnames");
            assert!(refused.details[0].problem.starts_with(start), "{}", refused.details[0].problem);
        }
        for (one, of) in [
            (claim(Protocol::Https, wildcard, Some("own-tls")), &http),
            (claim(Protocol::Https, "shop.example.org", None), &http),
            (claim(Protocol::Http, wildcard, None), &http),
            (claim(Protocol::TlsPassthrough, wildcard, None), &http),
            (claim(Protocol::Https, wildcard, None), &by(AcmeChallenge::Dns01, IssuerKind::Acme)),
            (claim(Protocol::Https, wildcard, None), &by(AcmeChallenge::Http01, IssuerKind::SelfSigned)),
        ] {
            assert_eq!(check(one.clone(), of), Ok(()), "{one}");
        }
    }

    proptest! {
        #[test]
        fn what_is_covered_has_one_label_more_than_the_domain_or_is_it(labels in "([a-c]{1,2}\\.){0,4}") {
            let hostname = format!("{labels}example.org");
            prop_assert_eq!(covers(&domain(), &hostname), labels.matches('.').count() <= 1);
        }
    }
}
