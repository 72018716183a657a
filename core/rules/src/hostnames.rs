//! The hostnames that a gateway definition answers to.

use causeway_records::{
    nouns::GatewayDefinition,
    problem::{Reason, Refusal},
    text::Hostname,
};

/// Characters in a DNS name at most (RFC 1035, 2.3.4).
const MOST: usize = 253;

/// The hostnames of a definition, sorted; empty: every hostname. `domain` is the one that the definition names.
///
/// # Errors
/// One of `Hostnames` is not under the domain, or `SubDomain` makes a name that DNS doesn't have.
pub fn hostnames_of(definition: &GatewayDefinition, domain: Option<&Hostname>) -> Result<Vec<String>, Refusal> {
    let listed = definition.hostnames.as_ref().map(|hostnames| &hostnames.0).filter(|hostnames| !hostnames.is_empty());
    if let Some(listed) = listed {
        let mut hostnames: Vec<_> = listed.iter().map(ToString::to_string).collect();
        hostnames.sort_unstable();
        hostnames.dedup();
        return match domain {
            Some(domain) => all_under(hostnames, domain.as_str()),
            None => Ok(hostnames),
        };
    }
    let Some(domain) = domain else { return Ok(vec![]) };
    match &definition.sub_domain {
        None => Ok(vec![domain.to_string()]),
        Some(sub_domain) => under(sub_domain.as_str(), domain.as_str()).map(|hostname| vec![hostname]),
    }
}

fn all_under(hostnames: Vec<String>, domain: &str) -> Result<Vec<String>, Refusal> {
    let is_under =
        |hostname: &str| hostname.strip_suffix(domain).is_some_and(|labels| labels.is_empty() || labels.ends_with('.'));
    match hostnames.iter().find(|hostname| !is_under(hostname)) {
        Some(hostname) => {
            let problem = format!("{hostname} is not under the domain {domain}");
            Err(Refusal::field(Reason::InvalidField, "Hostnames", problem))
        }
        None => Ok(hostnames),
    }
}

fn under(sub_domain: &str, domain: &str) -> Result<String, Refusal> {
    let hostname = format!("{sub_domain}.{domain}");
    if hostname.len() <= MOST {
        return Ok(hostname);
    }
    let problem = format!("{hostname} has {} characters; a DNS name has at most {MOST}", hostname.len());
    Err(Refusal::field(Reason::InvalidField, "SubDomain", problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::Hostnames;

    fn host(name: &str) -> Hostname {
        name.parse().unwrap()
    }

    fn listed(names: &[&str]) -> GatewayDefinition {
        let hostnames = Some(Hostnames(names.iter().map(|name| host(name)).collect()));
        GatewayDefinition { hostnames, ..GatewayDefinition::default() }
    }

    fn sub(name: &str) -> GatewayDefinition {
        GatewayDefinition { sub_domain: Some(name.parse().unwrap()), ..GatewayDefinition::default() }
    }

    #[test]
    fn without_a_domain_every_hostname_is_meant() {
        assert_eq!(hostnames_of(&GatewayDefinition::default(), None).unwrap(), Vec::<String>::new());
        assert_eq!(hostnames_of(&listed(&[]), None).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_sub_domain_stands_before_the_domain() {
        let domain = host("example.org");
        assert_eq!(hostnames_of(&GatewayDefinition::default(), Some(&domain)).unwrap(), ["example.org"]);
        assert_eq!(hostnames_of(&sub("www.eu"), Some(&domain)).unwrap(), ["www.eu.example.org"]);
    }

    #[test]
    fn a_list_takes_the_place_of_the_sub_domain() {
        let definition =
            GatewayDefinition { hostnames: listed(&["b.test", "a.test", "b.test"]).hostnames, ..sub("www") };
        assert_eq!(hostnames_of(&definition, Some(&host("test"))).unwrap(), ["a.test", "b.test"]);
        assert_eq!(hostnames_of(&definition, None).unwrap(), ["a.test", "b.test"]);
    }

    #[test]
    fn a_hostname_elsewhere_is_refused() {
        let refuse = |name: &str| hostnames_of(&listed(&[name]), Some(&host("example.org"))).unwrap_err().to_string();
        assert_eq!(refuse("example.net"), "Hostnames: example.net is not under the domain example.org");
        assert_eq!(refuse("badexample.org"), "Hostnames: badexample.org is not under the domain example.org");
        assert!(hostnames_of(&listed(&["example.org"]), Some(&host("example.org"))).is_ok());
    }

    #[test]
    fn a_name_that_dns_does_not_have_is_refused() {
        let label = "a".repeat(63);
        let long = format!("{label}.{label}.{label}.org");
        let refusal = hostnames_of(&sub(&label), Some(&host(&long))).unwrap_err();
        assert_eq!(refusal.details[0].field, "SubDomain");
        assert!(refusal.sentence.ends_with("has 259 characters; a DNS name has at most 253"), "{refusal}");
    }
}
