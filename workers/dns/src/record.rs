//! One record set of a zone, as Route 53 returned it.

use std::net::Ipv6Addr;

use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use causeway_rules::routing::Weighted;

/// The types of record that publish a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    A,
    Aaaa,
    Cname,
}

impl RecordType {
    pub const ALL: [Self; 3] = [Self::A, Self::Aaaa, Self::Cname];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
        }
    }

    fn from_sdk(found: &RrType) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == found.as_str())
    }
}

impl std::fmt::Display for RecordType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record set. It keeps what Route 53 returned to the last field, since a deletion has to repeat all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneRecord {
    name: String,
    raw: ResourceRecordSet,
}

impl ZoneRecord {
    pub fn new(raw: ResourceRecordSet) -> Self {
        Self { name: normal_name(raw.name()), raw }
    }

    /// In normal form (see [`normal_name`]).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// None for types that publish no host (TXT, MX, …).
    pub fn record_type(&self) -> Option<RecordType> {
        RecordType::from_sdk(self.raw.r#type())
    }

    /// Of any type, as Route 53 writes it.
    pub fn type_name(&self) -> &str {
        self.raw.r#type().as_str()
    }

    pub fn is_txt(&self) -> bool {
        *self.raw.r#type() == RrType::Txt
    }

    /// Distinguishes weighted, failover and other routed records of one name and type; None for a plain record.
    pub fn set_identifier(&self) -> Option<&str> {
        self.raw.set_identifier()
    }

    /// The share of a weighted record; None: it isn't one.
    pub fn weight(&self) -> Option<i64> {
        self.raw.weight()
    }

    /// How Route 53 chooses it among others of its name and type, in AWS's word.
    pub(super) fn policy(&self) -> &'static str {
        let raw = &self.raw;
        if raw.weight().is_some() {
            "weighted"
        } else if raw.failover().is_some() {
            "failover"
        } else if raw.region().is_some() {
            "latency"
        } else if raw.geo_location().is_some() {
            "geolocation"
        } else if raw.geo_proximity_location().is_some() {
            "geoproximity"
        } else if raw.cidr_routing_config().is_some() {
            "IP-based"
        } else if raw.multi_value_answer() == Some(true) {
            "multivalue answer"
        } else {
            "simple"
        }
    }

    /// The same record with another TTL.
    pub(super) fn kept_for(&self, ttl: Option<i64>) -> Self {
        let mut raw = self.raw.clone();
        raw.ttl = ttl;
        Self { raw, ..self.clone() }
    }

    /// The same record as the one of a cluster among those of others.
    pub(super) fn weighing(&self, weighted: &Weighted) -> Self {
        let mut raw = self.raw.clone();
        (raw.set_identifier, raw.weight) = (Some(weighted.set_identifier.clone()), Some(weighted.weight.into()));
        Self { raw, ..self.clone() }
    }

    /// Seconds; None for an alias.
    pub fn ttl(&self) -> Option<i64> {
        self.raw.ttl()
    }

    /// Route 53 answers with the addresses of another name.
    pub fn is_alias(&self) -> bool {
        self.raw.alias_target().is_some()
    }

    /// As written in the zone; none for an alias.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.raw.resource_records().iter().map(|record| record.value())
    }

    /// Where the record leads, sorted and in a form that can be compared with [`comparable`] texts.
    pub fn targets(&self) -> Vec<String> {
        let alias = self.raw.alias_target().map(|alias| alias.dns_name());
        let mut targets: Vec<_> = self.values().chain(alias).map(comparable).collect();
        targets.sort();
        targets.dedup();
        targets
    }

    pub(super) fn raw(&self) -> &ResourceRecordSet {
        &self.raw
    }
}

/// `A shop.example.test`, with the set identifier where there is one.
impl std::fmt::Display for ZoneRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.raw.r#type().as_str(), self.name)?;
        self.set_identifier().map_or(Ok(()), |set| write!(f, " ({set})"))
    }
}

/// A name in lower case, without trailing dot, with Route 53's octal escapes (`\052` is `*`) resolved.
pub fn normal_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                text.push(char::from(code));
                rest = after.get(3..).unwrap_or_default();
            }
            _ => {
                text.push('\\');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text.make_ascii_lowercase();
    if text.ends_with('.') {
        text.pop();
    }
    text
}

/// A target in a form in which equal ones are equal texts: addresses in their shortest spelling, names in normal form and
/// without the `dualstack.` that AWS puts before its load balancers' names.
pub(super) fn comparable(target: &str) -> String {
    match target.parse::<Ipv6Addr>() {
        Ok(address) => address.to_string(),
        Err(_) => {
            let name = normal_name(target);
            name.strip_prefix("dualstack.").map(str::to_owned).unwrap_or(name)
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use aws_sdk_route53::types::{AliasTarget, ResourceRecord};

    use super::*;

    pub(crate) fn record(record_type: &str, name: &str, set: Option<&str>, values: &[&str]) -> ZoneRecord {
        let values = values.iter().map(|value| ResourceRecord::builder().value(*value).build().unwrap()).collect();
        let raw = ResourceRecordSet::builder()
            .name(name)
            .r#type(RrType::from(record_type))
            .ttl(300)
            .set_set_identifier(set.map(str::to_owned))
            .set_weight(set.map(|_| 10))
            .set_resource_records(Some(values));
        ZoneRecord::new(raw.build().unwrap())
    }

    pub(crate) fn alias(record_type: &str, name: &str, target: &str) -> ZoneRecord {
        let target = AliasTarget::builder()
            .hosted_zone_id("ZELB")
            .dns_name(target)
            .evaluate_target_health(true)
            .build()
            .unwrap();
        let raw = ResourceRecordSet::builder().name(name).r#type(RrType::from(record_type)).alias_target(target);
        ZoneRecord::new(raw.build().unwrap())
    }

    #[test]
    fn names_are_compared_in_normal_form() {
        for (written, normal) in [
            ("\\052.Example.test.", "*.example.test"),
            ("_edns-a.\\052.example.test.", "_edns-a.*.example.test"),
            ("plain.test", "plain.test"),
            ("odd\\99.test", "odd\\99.test"),
            ("end\\", "end\\"),
            ("\\05", "\\05"),
        ] {
            assert_eq!(normal_name(written), normal);
        }
    }

    #[test]
    fn targets_are_compared_as_what_they_mean() {
        let found = record("AAAA", "a.test.", None, &["2001:DB8:0::1", "2001:db8::1"]);
        assert_eq!(found.targets(), ["2001:db8::1"]);
        assert_eq!(alias("A", "a.test.", "dualstack.lb.elb.amazonaws.com.").targets(), ["lb.elb.amazonaws.com"]);
    }
}
