//! The hostnames that a gateway definition answers to.

use causeway_records::{
    inputs::{Elsewhere, Published},
    nouns::{DomainNameDefinition, GatewayDefinition, Hostnames, ZoneType},
    patterns::is_above,
    problem::{Reason, Refusal},
    text::Hostname,
};
use std::collections::{BTreeMap, BTreeSet};

use crate::ownership::{LONGEST_NAME, longest_published};

/// The hostnames of a definition, sorted; empty: every hostname. `domain` is the one that the definition names.
///
/// # Errors
/// One of `Hostnames` is not under the domain, or a hostname under it is too long to be published.
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
    let hostname = match &definition.sub_domain {
        None => domain.to_string(),
        Some(sub_domain) => format!("{sub_domain}.{domain}"),
    };
    short_enough("SubDomain", hostname).map(|hostname| vec![hostname])
}

fn all_under(hostnames: Vec<String>, domain: &str) -> Result<Vec<String>, Refusal> {
    let is_under =
        |hostname: &str| hostname.strip_suffix(domain).is_some_and(|labels| labels.is_empty() || labels.ends_with('.'));
    match hostnames.iter().find(|hostname| !is_under(hostname)) {
        Some(hostname) => {
            let problem = format!("{hostname} is not under the domain {domain}");
            Err(Refusal::field(Reason::InvalidField, "Hostnames", problem))
        }
        None => hostnames.into_iter().map(|hostname| short_enough("Hostnames", hostname)).collect(),
    }
}

/// Those of a definition's hostnames that a part of it is for, sorted: the ones that it names, or else all. `part` names it in the refusal.
///
/// # Errors
/// It names one that the definition doesn't answer to.
pub(crate) fn chosen(
    part: &str,
    definition: &GatewayDefinition,
    hostnames: &[String],
    named: Option<&Hostnames>,
) -> Result<Vec<String>, Refusal> {
    let Some(named) = named.filter(|named| !named.0.is_empty()) else { return Ok(hostnames.to_vec()) };
    let named: BTreeSet<String> = named.0.iter().map(ToString::to_string).collect();
    match named.iter().find(|hostname| !hostnames.contains(hostname)) {
        None => Ok(named.into_iter().collect()),
        Some(hostname) => {
            let name = &definition.name;
            let has = match hostnames.iter().find(|own| is_above(own, hostname)) {
                Some(wildcard) => format!("has only {wildcard} for"),
                None => "doesn't answer to".to_owned(),
            };
            let problem = format!(
                "{part} is for {hostname}, which gateway definition {name} {has}; add it to the Hostnames there, or leave it out"
            );
            Err(Refusal::field(Reason::InvalidField, "Hostnames", problem))
        }
    }
}

/// A hostname of a domain is published one day, together with its ownership record.
fn short_enough(field: &str, hostname: String) -> Result<String, Refusal> {
    let (length, most) = (hostname.len(), longest_published());
    if length <= most {
        return Ok(hostname);
    }
    let problem = format!(
        "{hostname} has {length} characters; {most} can be published, because a DNS name has at most {LONGEST_NAME} and the record that says who \
         owns it has a longer name"
    );
    Err(Refusal::field(Reason::InvalidField, field, problem))
}

/// A domain name instance that asks for hostnames. One that publishes several gateways asks once for each.
pub struct Asking {
    pub id: i64,
    /// Its name, for messages.
    pub name: String,
    /// The hostnames of one gateway.
    pub hostnames: Vec<String>,
    /// What it has published.
    pub published: Published,
}

/// Whether records of one hostname may be in one zone for both domains. Only then one of the two has to publish it for both.
pub fn may_share_zone(one: &DomainNameDefinition, other: &DomainNameDefinition) -> bool {
    let types = [one.zone, other.zone];
    let of_both_types = types.contains(&ZoneType::Public) && types.contains(&ZoneType::Private);
    let in_two_zones = one.hosted_zone_id.as_ref().zip(other.hosted_zone_id.as_ref()).is_some_and(|(a, b)| a != b);
    !(of_both_types || in_two_zones)
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
    use causeway_records::inputs::HostRecord;

    fn host(name: &str) -> Hostname {
        name.parse().unwrap()
    }

    fn listed(names: &[&str]) -> GatewayDefinition {
        let hostnames = Some(Hostnames(names.iter().map(|name| name.parse().unwrap()).collect()));
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
    fn a_wildcard_is_under_the_domain_that_it_stands_below() {
        let of = |name: &str| hostnames_of(&listed(&[name]), Some(&host("example.org")));
        assert_eq!(of("*.Example.org").unwrap(), ["*.example.org"]);
        assert_eq!(of("*.eu.example.org").unwrap(), ["*.eu.example.org"]);
        assert_eq!(of("*.org").unwrap_err().to_string(), "Hostnames: *.org is not under the domain example.org");
        assert!(of("*.badexample.org").is_err());
        assert_eq!(hostnames_of(&listed(&["*.org", "b.org", "*.org"]), None).unwrap(), ["*.org", "b.org"]);
    }

    #[test]
    fn a_part_is_for_hostnames_that_its_definition_lists() {
        let definition = GatewayDefinition { name: "web".parse().unwrap(), ..listed(&["*.b.test", "a.test"]) };
        let hostnames = hostnames_of(&definition, None).unwrap();
        let of = |names: &[&str]| chosen("a part", &definition, &hostnames, listed(names).hostnames.as_ref());
        assert_eq!(of(&[]).unwrap(), ["*.b.test", "a.test"]);
        assert_eq!(of(&["*.b.test"]).unwrap(), ["*.b.test"]);
        let refused = |name: &str| of(&[name]).unwrap_err().to_string();
        assert!(refused("c.test").contains("is for c.test, which gateway definition web doesn't answer to; add it"));
        assert!(
            refused("x.b.test").contains("is for x.b.test, which gateway definition web has only *.b.test for; add it")
        );
    }

    #[test]
    fn a_hostname_that_cannot_be_published_is_refused() {
        let label = "a".repeat(63);
        let of = |rest: usize| format!("{label}.{label}.{}.org", "a".repeat(rest));
        let refuse = |definition: &GatewayDefinition, domain: &str| {
            hostnames_of(definition, Some(&host(domain)))
                .err()
                .map(|refusal| (refusal.details[0].field.clone(), refusal.sentence))
        };
        // 64 for the sub-domain and its dot, 128 for two labels, 4 for the last one.
        assert_eq!(refuse(&sub(&label), &of(45)), None);
        let (field, sentence) = refuse(&sub(&label), &of(46)).unwrap();
        assert!(field == "SubDomain" && sentence.contains("has 242 characters; 241 can be published"), "{sentence}");
        let long = format!("{label}.{}", of(46));
        assert_eq!(refuse(&listed(&[&long]), "org").unwrap().0, "Hostnames");
        assert!(hostnames_of(&listed(&[&long]), None).is_ok(), "without a domain nothing is published");
    }

    #[test]
    fn two_zones_of_one_name_are_published_each_for_itself() {
        let of = |zone, id: Option<&str>| DomainNameDefinition {
            zone,
            hosted_zone_id: id.map(str::to_owned),
            ..DomainNameDefinition::default()
        };
        let share = |one: (ZoneType, Option<&str>), other: (ZoneType, Option<&str>)| {
            may_share_zone(&of(one.0, one.1), &of(other.0, other.1))
        };
        assert!(!share((ZoneType::Public, None), (ZoneType::Private, None)));
        assert!(!share((ZoneType::Public, Some("Z1")), (ZoneType::Public, Some("Z2"))));
        assert!(share((ZoneType::Public, Some("Z1")), (ZoneType::Public, None)));
        assert!(share((ZoneType::Public, None), (ZoneType::Either, None)));
    }

    #[test]
    fn a_hostname_is_asked_for_until_it_is_noted_down() {
        let asking = |id: i64, hostnames: &[&str], noted: &[&str]| Asking {
            id,
            name: format!("n{id}"),
            hostnames: hostnames.iter().map(ToString::to_string).collect(),
            published: Published {
                hosts: noted.iter().map(|name| (name.to_string(), HostRecord::default())).collect(),
                ..Published::default()
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
            let published = Published { hosts: [("a".to_owned(), record)].into(), ..Published::default() };
            let all = asked_for(vec![Asking { id: 1, name: "n".into(), hostnames: vec!["a".into()], published }]);
            assert_eq!(all["a"], Elsewhere::Asked { by: vec![1] });
        }
    }
}
