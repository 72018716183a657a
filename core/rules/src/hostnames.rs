//! The hostnames that a gateway definition answers to.

use causeway_records::{
    inputs::{Elsewhere, Published},
    nouns::GatewayDefinition,
    problem::{Reason, Refusal},
    text::Hostname,
};
use std::collections::BTreeMap;

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

/// A domain name instance that asks for hostnames. One that publishes several gateways asks once for each.
pub struct Asking {
    /// Its id.
    pub id: i64,
    /// Its name, for messages.
    pub name: String,
    /// The hostnames of one gateway.
    pub hostnames: Vec<String>,
    /// What it has published.
    pub published: Published,
}

/// For each hostname who asks for it, sorted by id, or the first that has noted it down.
pub fn asked_for(mut asking: Vec<Asking>) -> BTreeMap<String, Elsewhere> {
    asking.sort_by_key(|asking| asking.id);
    let mut all: BTreeMap<String, Elsewhere> = BTreeMap::new();
    for Asking { id, name, hostnames, published } in asking {
        for hostname in hostnames {
            let record = published.hosts.get(&hostname);
            let is_noted = record.is_some_and(|record| record.gone_since.is_none() && !record.elsewhere);
            match all.entry(hostname).or_insert_with(|| Elsewhere::Asked { by: vec![] }) {
                Elsewhere::Noted { .. } => {}
                found if is_noted => *found = Elsewhere::Noted { id, name: name.clone() },
                Elsewhere::Asked { by } if by.last() == Some(&id) => {}
                Elsewhere::Asked { by } => by.push(id),
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{inputs::HostRecord, nouns::Hostnames};

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

    #[test]
    fn a_hostname_is_asked_for_until_it_is_noted_down() {
        let asking = |id: i64, hostnames: &[&str], noted: &[&str]| Asking {
            id,
            name: format!("n{id}"),
            hostnames: hostnames.iter().map(ToString::to_string).collect(),
            published: Published {
                hosts: noted.iter().map(|name| (name.to_string(), HostRecord::default())).collect(),
            },
        };
        let all = asked_for(vec![
            asking(3, &["a", "b"], &["b"]),
            asking(1, &["a", "c"], &[]),
            asking(1, &["a"], &[]),
            asking(4, &["b"], &["b"]),
        ]);
        assert_eq!(all["a"], Elsewhere::Asked { by: vec![1, 3] });
        assert_eq!(all["b"], Elsewhere::Noted { id: 3, name: "n3".into() });
        assert_eq!(all["c"], Elsewhere::Asked { by: vec![1] });
    }

    #[test]
    fn what_is_published_elsewhere_or_gone_is_not_noted_down() {
        for record in [
            HostRecord { elsewhere: true, ..HostRecord::default() },
            HostRecord { gone_since: Some(chrono::DateTime::UNIX_EPOCH), ..HostRecord::default() },
        ] {
            let published = Published { hosts: [("a".to_owned(), record)].into() };
            let all = asked_for(vec![Asking { id: 1, name: "n".into(), hostnames: vec!["a".into()], published }]);
            assert_eq!(all["a"], Elsewhere::Asked { by: vec![1] });
        }
    }
}
