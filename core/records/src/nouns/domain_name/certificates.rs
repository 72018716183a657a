//! What a domain says of the certificates for its hostnames: who signs them, how it is shown that the domain is ours, and their keys.

use super::DomainNameDefinition;
use crate::{
    nouns::pair,
    problem::Problem,
    text::{RenewalPercent, choice},
};

choice! {
    /// Who signs certificates for hostnames of the domain.
    IssuerKind {
        /// A public authority that speaks ACME.
        Acme = "Acme",
        /// An authority whose key pair lies in a Secret of the cluster.
        Ca = "CA",
        /// Every certificate signs itself.
        SelfSigned = "SelfSigned",
        /// A ClusterIssuer that somebody else looks after.
        Existing = "Existing",
    }
}

choice! {
    /// How an ACME authority is shown that the domain is ours.
    AcmeChallenge {
        /// A TXT record in the hosted zone.
        Dns01 = "DNS01",
        /// A path on the hostname itself.
        Http01 = "HTTP01",
    }
}

choice! {
    /// What keys of certificates are made of.
    KeyType {
        /// RSA with 2048 bits, which every client knows.
        Rsa2048 = "RSA2048",
        /// RSA with 4096 bits: handshakes cost several times as much.
        Rsa4096 = "RSA4096",
        /// An elliptic curve, P-256: short, and handshakes cost least.
        Ecdsa256 = "ECDSA256",
        /// An elliptic curve, P-384.
        Ecdsa384 = "ECDSA384",
    }
}

/// The address of Let's Encrypt's production directory, the default ACME server.
pub fn lets_encrypt_production() -> &'static str {
    "https://acme-v02.api.letsencrypt.org/directory"
}

/// How a certificate in PEM begins.
const CERTIFICATE_BEGINS: &str = "-----BEGIN CERTIFICATE-----";

impl DomainNameDefinition {
    /// Whether everybody's machine knows the authority that signs its certificates.
    pub fn has_known_authority(&self) -> bool {
        let server = self.acme_server.as_ref().map(|server| server.as_str());
        self.issuer_kind() == IssuerKind::Acme && server.is_none_or(|server| server == lets_encrypt_production())
    }

    /// Who signs; ACME unless said otherwise.
    pub fn issuer_kind(&self) -> IssuerKind {
        self.issuer_kind.unwrap_or_default()
    }

    /// Whether an authority is shown by a record in the zone that the domain is ours: then clusters with its certificates need the account's keys.
    pub fn solves_by_dns(&self) -> bool {
        self.issuer_kind() == IssuerKind::Acme && self.acme_challenge != Some(AcmeChallenge::Http01)
    }

    /// Whether one certificate is for all hostnames one label under the domain.
    pub fn has_wildcard_certificate(&self) -> bool {
        self.wildcard_certificate == Some(true)
    }

    /// What keys of certificates are made of.
    pub fn key_type(&self) -> KeyType {
        self.key_type.unwrap_or_default()
    }

    /// How many percent of its lifetime are left of a certificate when it is renewed; 33 unless said otherwise. Lifetimes get shorter: a fixed time would one
    /// day be too long.
    pub fn renew_before_percentage(&self) -> i32 {
        self.renew_before_percentage.map_or(33, RenewalPercent::get)
    }

    /// What is wrong with the fields about certificates.
    pub(super) fn check_certificates(&self) -> Vec<Problem> {
        let mut problems = vec![];
        let needs_name = matches!(self.issuer_kind(), IssuerKind::Ca | IssuerKind::Existing);
        if needs_name && self.issuer_name.is_none() {
            problems.push(Problem::new("IssuerName", format!("is required with IssuerKind {}", self.issuer_kind())));
        }
        if self.acme_ca_bundle.as_deref().is_some_and(|bundle| !bundle.contains(CERTIFICATE_BEGINS)) {
            let problem = format!("holds no certificate; send PEM, which begins with `{CERTIFICATE_BEGINS}`");
            problems.push(Problem::new("AcmeCABundle", problem));
        }
        problems.extend(pair(
            ("AcmeExternalAccountKeyID", self.acme_external_account_key_id.is_some()),
            ("AcmeExternalAccountKey", self.acme_external_account_key.is_some()),
        ));
        let for_acme = [
            ("AcmeExternalAccountKeyID", self.acme_external_account_key_id.is_some()),
            ("AcmeProfile", self.acme_profile.is_some()),
        ];
        let is_acme = self.issuer_kind() == IssuerKind::Acme;
        for (field, _) in for_acme.into_iter().filter(|(_, is_set)| *is_set && !is_acme) {
            let problem = format!("needs IssuerKind Acme, and it is {}; set that, or leave it out", self.issuer_kind());
            problems.push(Problem::new(field, problem));
        }
        if self.has_wildcard_certificate() && is_acme && !self.solves_by_dns() {
            let problem = "needs AcmeChallenge DNS01, and it is HTTP01: authorities sign for a wildcard only after a proof by DNS; set that, or leave it out";
            problems.push(Problem::new("WildcardCertificate", problem));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nouns::Rules;

    #[test]
    fn a_bundle_of_authorities_holds_a_certificate() {
        let problems = |bundle: &str| {
            let domain = DomainNameDefinition {
                domain: "example.org".parse().unwrap(),
                acme_ca_bundle: Some(bundle.to_owned()),
                ..DomainNameDefinition::default()
            };
            domain.check().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(problems("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n").is_empty());
        let refused = problems("MIIB");
        assert!(refused.len() == 1 && refused[0].starts_with("AcmeCABundle"), "{refused:?}");
    }

    #[test]
    fn a_wildcard_is_proved_by_dns_alone() {
        let problems = |issuer_kind, acme_challenge| {
            let domain = DomainNameDefinition {
                domain: "example.org".parse().unwrap(),
                issuer_kind,
                acme_challenge,
                issuer_name: "ours".parse().ok(),
                wildcard_certificate: Some(true),
                ..DomainNameDefinition::default()
            };
            domain.check().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let by_http = Some(AcmeChallenge::Http01);
        for issuer_kind in [None, Some(IssuerKind::Acme)] {
            assert!(problems(issuer_kind, None).is_empty(), "DNS01 is the default");
            let refused = problems(issuer_kind, by_http);
            assert_eq!(refused.len(), 1);
            assert!(refused[0].starts_with("WildcardCertificate: needs AcmeChallenge DNS01"), "{refused:?}");
        }
        for issuer_kind in [IssuerKind::Ca, IssuerKind::SelfSigned, IssuerKind::Existing] {
            assert!(problems(Some(issuer_kind), by_http).is_empty(), "{issuer_kind} asks for no proof of ours");
        }
    }
}
