//! What a zone is to hold.

use causeway_render::domain_name::{RecordSet, is_alias_target};
use causeway_rules::routing::Weighted;

use super::record::{RecordType, comparable};

/// A record that is to be in the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredRecord {
    /// `*.example.test` for a wildcard.
    pub host: String,
    /// A CNAME to an AWS load balancer may be published as an alias instead.
    pub record_type: RecordType,
    /// Where it leads: addresses, or one name.
    pub targets: Vec<String>,
    /// Seconds; None when any will do.
    pub ttl: Option<i64>,
    /// Which of several clusters it is of; None: it is to be the only one of its host and type.
    pub weighted: Option<Weighted>,
}

impl DesiredRecord {
    /// What a domain name instance renders for a host. Types that publish no host are passed over.
    pub fn of(host: &str, rendered: &[RecordSet]) -> Vec<Self> {
        let wanted = rendered.iter().filter_map(|set| {
            let record_type =
                RecordType::ALL.into_iter().find(|record_type| record_type.as_str() == set.record_type)?;
            let (host, targets, weighted) = (host.to_owned(), set.values.clone(), set.weighted.clone());
            Some(Self { host, record_type, targets, ttl: Some(set.ttl), weighted })
        });
        wanted.collect()
    }

    /// Its targets as those of a [`ZoneRecord`] are.
    pub(super) fn sorted_targets(&self) -> Vec<String> {
        let mut targets: Vec<_> = self.targets.iter().map(|target| comparable(target)).collect();
        targets.sort();
        targets.dedup();
        targets
    }

    /// What tells it from the records of other clusters.
    pub(super) fn set_identifier(&self) -> Option<&str> {
        self.weighted.as_ref().map(|weighted| weighted.set_identifier.as_str())
    }

    /// Its weight, if it has one.
    pub(super) fn weight(&self) -> Option<i64> {
        self.weighted.as_ref().map(|weighted| weighted.weight.into())
    }

    /// Whether it is published as a CNAME, and not as an alias.
    pub(super) fn is_cname(&self) -> bool {
        self.record_type == RecordType::Cname && !self.is_alias()
    }

    /// Whether it leads to a load balancer of AWS, so that it is published as aliases.
    pub(super) fn is_alias(&self) -> bool {
        self.record_type == RecordType::Cname && self.targets.iter().any(|name| is_alias_target(name))
    }
}
