//! Which hostnames the one certificate of a domain is for, see `WildcardCertificate` of domain name definitions.

use causeway_records::text::Hostname;

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

#[cfg(test)]
mod tests {
    use super::*;
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

    proptest! {
        #[test]
        fn what_is_covered_has_one_label_more_than_the_domain_or_is_it(labels in "([a-c]{1,2}\\.){0,4}") {
            let hostname = format!("{labels}example.org");
            prop_assert_eq!(covers(&domain(), &hostname), labels.matches('.').count() <= 1);
        }
    }
}
