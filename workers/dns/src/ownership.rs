//! Who owns a record: the TXT records that external-dns writes beside each record it makes, and that we read and write alike.

use std::collections::BTreeSet;

use causeway_rules::ownership::ownership_name;

use super::record::{RecordType, ZoneRecord};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    pub owner: String,
    /// What the record was made for: `crd/<namespace>/<name>`; empty when it isn't said.
    pub resource: String,
}

impl Ownership {
    /// Reads the value of a TXT record. None when it is anything else than an ownership record.
    pub fn parse(value: &str) -> Option<Self> {
        let text = value.strip_prefix('"')?.strip_suffix('"')?;
        let mut parts = text.split(',').map(|part| part.split_once('='));
        let mut heritage = None;
        let mut owner = None;
        let mut resource = None;
        for part in parts.by_ref() {
            let (key, value) = part?;
            match key {
                "heritage" => heritage = Some(value),
                "external-dns/owner" => owner = Some(value),
                "external-dns/resource" => resource = Some(value),
                _ => {}
            }
        }
        (heritage == Some("external-dns")).then_some(())?;
        let owner = owner.filter(|owner| !owner.is_empty())?.to_owned();
        Some(Self { owner, resource: resource.unwrap_or_default().to_owned() })
    }
}

/// The value of an ownership record, as external-dns writes it.
impl std::fmt::Display for Ownership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"heritage=external-dns,external-dns/owner={}", self.owner)?;
        if !self.resource.is_empty() {
            write!(f, ",external-dns/resource={}", self.resource)?;
        }
        f.write_str("\"")
    }
}

/// The name of the ownership record of a host's record of one type.
pub(super) fn txt_name(host: &str, record_type: RecordType) -> String {
    ownership_name(host, record_type.as_str())
}

/// The names of all ownership records that a host can have.
pub fn ownership_names(host: &str) -> [String; 3] {
    RecordType::ALL.map(|record_type| txt_name(host, record_type))
}

/// The hosts of which an owner has records, by its ownership records.
pub fn owned_hosts<'a>(records: &'a [ZoneRecord], owner: &str) -> BTreeSet<&'a str> {
    let is_ours = |record: &&ZoneRecord| {
        record.is_txt()
            && record.values().any(|value| Ownership::parse(value).is_some_and(|found| found.owner == owner))
    };
    // `_edns-a.` and the like are one label each.
    records.iter().filter(is_ours).filter_map(|record| Some(record.name().split_once('.')?.1)).collect()
}

/// What the zone says about the owner of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Owned<'a> {
    /// There is no ownership record: a person or another tool made the record.
    Nobody,
    /// The ownership record, and the one owner it names.
    By(&'a ZoneRecord, String),
    /// There is a TXT record of that name, but it doesn't name exactly one owner.
    Unclear,
}

impl Owned<'_> {
    pub(super) fn owner(&self) -> Option<&str> {
        match self {
            Self::By(_, owner) => Some(owner),
            Self::Nobody | Self::Unclear => None,
        }
    }
}

/// The owner of a record of one host, type and set identifier.
pub(super) fn owned<'a>(
    records: &'a [ZoneRecord],
    host: &str,
    record_type: RecordType,
    set: Option<&str>,
) -> Owned<'a> {
    let name = txt_name(host, record_type);
    let mut found =
        records.iter().filter(|record| record.is_txt() && record.name() == name && record.set_identifier() == set);
    match (found.next(), found.next()) {
        (None, _) => Owned::Nobody,
        (Some(txt), None) => {
            // Every value has to name the same owner: a value of somebody else's means that deleting the TXT takes it from them.
            let owners: Option<Vec<_>> =
                txt.values().map(|value| Ownership::parse(value).map(|found| found.owner)).collect();
            match owners {
                Some(mut owners) => {
                    owners.dedup();
                    if owners.len() == 1 {
                        owners.pop().map_or(Owned::Unclear, |owner| Owned::By(txt, owner))
                    } else {
                        Owned::Unclear
                    }
                }
                None => Owned::Unclear,
            }
        }
        (Some(_), Some(_)) => Owned::Unclear,
    }
}

/// The owner of a record. An alias made by an older external-dns has its ownership under `cname-`.
pub(super) fn owner_of<'a>(records: &'a [ZoneRecord], record: &ZoneRecord, record_type: RecordType) -> Owned<'a> {
    match owned(records, record.name(), record_type, record.set_identifier()) {
        Owned::Nobody if record.is_alias() => owned(records, record.name(), RecordType::Cname, record.set_identifier()),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn an_ownership_record_is_read_and_written() {
        let value = "\"heritage=external-dns,external-dns/owner=cp-1,external-dns/resource=crd/ns/name\"";
        let found = Ownership::parse(value).unwrap();
        assert_eq!((found.owner.as_str(), found.resource.as_str()), ("cp-1", "crd/ns/name"));
        assert_eq!(found.to_string(), value);
        for other in [
            "\"v=spf1 -all\"",
            "heritage=external-dns,external-dns/owner=x",
            "\"heritage=external-dns\"",
            "\"\"",
            "\"",
            "",
        ] {
            assert_eq!(Ownership::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_host_counts_once_whatever_records_it_has() {
        let text = |name: &str, owner: &str| {
            let value = Ownership { owner: owner.into(), resource: String::new() }.to_string();
            record("TXT", name, None, &[&value])
        };
        let zone = [
            text("_edns-a.h.test.", "us"),
            text("_edns-aaaa.h.test.", "us"),
            text("_edns-a.\\052.h.test.", "us"),
            text("_edns-a.o.test.", "them"),
            record("A", "x.test.", None, &["192.0.2.1"]),
        ];
        assert_eq!(owned_hosts(&zone, "us").into_iter().collect::<Vec<_>>(), ["*.h.test", "h.test"]);
    }

    #[test]
    fn an_owner_is_clear_only_when_every_value_names_it() {
        let ours = "\"heritage=external-dns,external-dns/owner=us\"";
        let theirs = "\"heritage=external-dns,external-dns/owner=them\"";
        let zone = |values: &[&str]| vec![record("TXT", "_edns-a.h.test.", None, values)];
        let owner = |values: &[&str]| owned(&zone(values), "h.test", RecordType::A, None).owner().map(str::to_owned);
        assert_eq!(owner(&[ours]), Some("us".into()));
        assert_eq!(owner(&[ours, theirs]), None);
        assert_eq!(owner(&[ours, "\"note\""]), None);
        assert_eq!(owned(&zone(&[ours]), "h.test", RecordType::A, Some("blue")), Owned::Nobody);
        assert_eq!(owned(&zone(&[ours]), "h.test", RecordType::Aaaa, None), Owned::Nobody);
    }
}
