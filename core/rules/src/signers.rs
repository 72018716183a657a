//! Which domain signs the certificate of a hostname on a shared gateway. Those who use the hostname may have several domain name definitions, also of one
//! domain; the certificate comes from the issuer of one.

use causeway_records::text::Hostname;
use std::collections::BTreeMap;

/// The definition whose issuer signs, among the ids of the definitions of all who use a listener or a hostname: the lowest id, which is that of the oldest. So
/// whoever comes later changes nobody's certificate. None: nobody has one.
pub fn signer(domains: impl IntoIterator<Item = i64>) -> Option<i64> {
    domains.into_iter().min()
}

/// The definition that signs for each hostname, on whatever ports it is used.
pub fn signers<'h>(uses: impl IntoIterator<Item = (&'h str, i64)>) -> BTreeMap<&'h str, i64> {
    let mut domains: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (hostname, domain) in uses {
        domains.entry(hostname).or_default().push(domain);
    }
    domains.into_iter().filter_map(|(hostname, domains)| Some((hostname, signer(domains)?))).collect()
}

/// That somebody uses a hostname on which TLS ends, with a domain.
#[derive(Clone, Debug)]
pub struct DomainUse {
    /// The hostname.
    pub hostname: String,
    /// The certificate is in a Secret that was brought, so that none is ordered.
    pub brought: bool,
    /// Id of the domain name definition.
    pub id: i64,
    /// Its domain.
    pub domain: Hostname,
    /// It asks for one certificate for all its hostnames.
    pub wildcard: bool,
}

/// The hostnames that are signed for by a definition which asks for one certificate for all its hostnames, each with the domain of that.
pub fn wildcards(uses: &[DomainUse]) -> BTreeMap<String, Hostname> {
    let ordered = uses.iter().filter(|of| !of.brought);
    let signers = signers(ordered.clone().map(|of| (of.hostname.as_str(), of.id)));
    let signing = ordered.filter(|of| of.wildcard && signers.get(of.hostname.as_str()) == Some(&of.id));
    signing.map(|of| (of.hostname.clone(), of.domain.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(hostname: &str, id: i64, wildcard: bool) -> DomainUse {
        DomainUse {
            hostname: format!("{hostname}.example.org"),
            brought: false,
            id,
            domain: "example.org".parse().unwrap(),
            wildcard,
        }
    }

    #[test]
    fn the_oldest_domain_signs_for_a_hostname_on_all_its_ports() {
        assert_eq!((signer([7, 3, 5]), signer([])), (Some(3), None));
        assert_eq!(signers([("a", 7), ("b", 9), ("a", 3)]), [("a", 3), ("b", 9)].into());
    }

    #[test]
    fn a_hostname_has_the_certificate_of_a_whole_domain_only_if_its_signer_asks_for_one() {
        let uses = [used("shop", 1, false), used("shop", 2, true), used("blog", 2, true), used("blog", 3, false)];
        assert_eq!(
            wildcards(&uses),
            [("blog.example.org".to_owned(), "example.org".parse::<Hostname>().unwrap())].into()
        );
    }

    #[test]
    fn who_brings_a_certificate_signs_for_nobody() {
        let brought = DomainUse { brought: true, ..used("shop", 1, false) };
        assert_eq!(wildcards(&[brought, used("shop", 2, true)]).len(), 1);
        assert!(wildcards(&[DomainUse { brought: true, ..used("shop", 2, true) }]).is_empty());
    }
}
