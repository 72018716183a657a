//! With which certificate the listeners of a hostname are served: one of its own, or the one of its domain.
//!
//! Where a domain is to have one certificate for all, or no longer, listeners change over when the new certificate is valid. Until then they keep what
//! they have, so there is no moment without one.

use crate::{k8s::cert_manager::CERTIFICATE, names};
use causeway_records::{inventory::ObjectRef, nouns::DomainNameDefinition, text::Hostname};
use causeway_rules::wildcards::covers;
use std::collections::BTreeMap;

/// The Certificates that were issued in the cluster, each with whether it is valid as it is asked for now: one that is issued anew has its old Secret
/// meanwhile. Empty where nothing is known of the cluster, as in a plan: then what is wanted is shown as it will be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssuedCertificates(pub(crate) BTreeMap<ObjectRef, bool>);

/// Nothing is known of the cluster.
pub(crate) const NONE_ISSUED: &IssuedCertificates = &IssuedCertificates(BTreeMap::new());

/// Where the certificates of a Gateway are, and which of them were issued.
#[derive(Clone, Copy)]
pub(crate) struct CertificatePlace<'a> {
    /// The Gateway's namespace.
    pub(crate) namespace: &'a str,
    /// Object name of the Gateway's record.
    pub(crate) object_name: &'a str,
    pub(crate) issued: &'a IssuedCertificates,
}

/// What the listeners of a hostname have, and which Certificates that takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateUse {
    /// The Secret that they name, which is called like its Certificate.
    pub(crate) secret: String,
    /// There is a Certificate for the hostname alone: they have it, or will.
    pub(crate) own: bool,
    /// They have, or will have, that of the domain.
    pub(crate) wildcard: bool,
    /// They have that of the domain now.
    pub(crate) has_wildcard: bool,
}

impl CertificatePlace<'_> {
    /// For a hostname whose certificate is signed for a domain.
    pub(crate) fn served(&self, hostname: &str, domain: &DomainNameDefinition) -> CertificateUse {
        let own = names::certificate(self.object_name, hostname);
        if !covers(&domain.domain, hostname) {
            return CertificateUse { secret: own, own: true, wildcard: false, has_wildcard: false };
        }
        let of_domain = names::wildcard_certificate(self.object_name, domain.domain.as_str());
        let wants_wildcard = domain.has_wildcard_certificate();
        let (wanted, other) = if wants_wildcard { (&of_domain, &own) } else { (&own, &of_domain) };
        let keeps_other = self.found(wanted) != Some(true) && self.found(other).is_some();
        let has_wildcard = wants_wildcard != keeps_other;
        CertificateUse {
            secret: if keeps_other { other } else { wanted }.clone(),
            own: !has_wildcard || !wants_wildcard,
            wildcard: has_wildcard || wants_wildcard,
            has_wildcard,
        }
    }

    /// None: it was not issued yet.
    fn found(&self, name: &str) -> Option<bool> {
        self.issued.0.get(&CERTIFICATE.at(self.namespace, name)).copied()
    }
}

/// The Certificate that a hostname is to have, and what it is called in messages: the hostname, or `*.domain`.
pub(crate) fn wanted(
    (namespace, object_name): (&str, &str),
    hostname: &str,
    wildcard: Option<&Hostname>,
) -> (String, ObjectRef) {
    match wildcard.filter(|domain| covers(domain, hostname)) {
        Some(domain) => {
            let name = names::wildcard_certificate(object_name, domain.as_str());
            (format!("*.{domain}"), CERTIFICATE.at(namespace, &name))
        }
        None => (hostname.to_owned(), CERTIFICATE.at(namespace, &names::certificate(object_name, hostname))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(wildcard: bool) -> DomainNameDefinition {
        DomainNameDefinition {
            domain: "example.org".parse().unwrap(),
            wildcard_certificate: Some(wildcard),
            ..DomainNameDefinition::default()
        }
    }

    fn own(hostname: &str) -> String {
        names::certificate("shared-1", hostname)
    }

    fn of_domain() -> String {
        names::wildcard_certificate("shared-1", "example.org")
    }

    fn served(hostname: &str, wildcard: bool, valid: &[String]) -> CertificateUse {
        served_of(hostname, wildcard, &valid.iter().map(|name| (name.clone(), true)).collect::<Vec<_>>())
    }

    fn served_of(hostname: &str, wildcard: bool, issued: &[(String, bool)]) -> CertificateUse {
        let at = |(name, is_valid): &(String, bool)| (CERTIFICATE.at("shared-1", name), *is_valid);
        let issued = IssuedCertificates(issued.iter().map(at).collect());
        let serving = CertificatePlace { namespace: "shared-1", object_name: "shared-1", issued: &issued };
        serving.served(hostname, &domain(wildcard))
    }

    const HOST: &str = "shop.example.org";

    #[test]
    fn a_new_hostname_has_what_its_domain_says_and_nothing_besides() {
        let with = served(HOST, true, &[]);
        assert_eq!((with.secret, with.own, with.wildcard, with.has_wildcard), (of_domain(), false, true, true));
        let without = served(HOST, false, &[]);
        assert_eq!((without.secret, without.own, without.wildcard), (own(HOST), true, false));
        for valid in [vec![], vec![of_domain()], vec![own("a.b.example.org")]] {
            let deeper = served("a.b.example.org", true, &valid);
            assert_eq!((deeper.secret, deeper.own, deeper.wildcard), (own("a.b.example.org"), true, false));
        }
    }

    #[test]
    fn a_hostname_keeps_its_own_certificate_until_that_of_the_domain_is_valid() {
        let before = served(HOST, true, &[own(HOST)]);
        assert_eq!((before.secret, before.own, before.wildcard, before.has_wildcard), (own(HOST), true, true, false));
        let after = served(HOST, true, &[own(HOST), of_domain()]);
        assert_eq!((after.secret, after.own, after.wildcard, after.has_wildcard), (of_domain(), false, true, true));
        assert_eq!(served("new.example.org", true, &[own(HOST)]).secret, of_domain(), "another's is not waited for");
    }

    #[test]
    fn a_hostname_keeps_that_of_the_domain_until_its_own_is_valid() {
        let before = served(HOST, false, &[of_domain()]);
        assert_eq!((before.secret, before.own, before.wildcard, before.has_wildcard), (of_domain(), true, true, true));
        let after = served(HOST, false, &[of_domain(), own(HOST)]);
        assert_eq!((after.secret, after.own, after.wildcard, after.has_wildcard), (own(HOST), true, false, false));
    }

    #[test]
    fn one_that_is_issued_anew_has_its_secret_meanwhile() {
        let kept = served_of(HOST, true, &[(own(HOST), false)]);
        assert_eq!((kept.secret, kept.own), (own(HOST), true));
        let anew = served_of(HOST, true, &[(of_domain(), false)]);
        assert_eq!((anew.secret, anew.own), (of_domain(), false), "nothing else is there");
        let before = served_of(HOST, true, &[(own(HOST), true), (of_domain(), false)]);
        assert_eq!(before.secret, own(HOST), "what is asked for isn't there yet");
    }

    #[test]
    fn what_is_wanted_has_a_name_for_messages() {
        let domain: Hostname = "example.org".parse().unwrap();
        let at = ("shared-1", "shared-1");
        assert_eq!(wanted(at, HOST, Some(&domain)), ("*.example.org".into(), CERTIFICATE.at("shared-1", &of_domain())));
        let deeper = "a.b.example.org";
        let of_its_own = |hostname: &str| (hostname.to_owned(), CERTIFICATE.at("shared-1", &own(hostname)));
        assert_eq!(wanted(at, deeper, Some(&domain)), of_its_own(deeper));
        assert_eq!(wanted(at, HOST, None), of_its_own(HOST));
    }
}
