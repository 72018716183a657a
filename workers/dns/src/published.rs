//! What a zone publishes of the desired records, host by host.

use std::collections::BTreeSet;

use super::beside::{foreign, with_shared_ttl};
use super::deletions::sets;
use super::desired::DesiredRecord;
use super::ownership::{Owned, owned, owner_of, txt_name};
use super::record::{RecordType, ZoneRecord, normal_name};
use super::stale::written;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostState {
    /// In normal form.
    pub host: String,
    pub record_type: RecordType,
    pub state: RecordState,
}

/// What the zone says about one desired record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// It is there, ours, and as wanted.
    Present,
    /// Nothing is there, or something of ours of another type that is still to be replaced.
    Missing,
    /// It is there and ours, but says something else.
    Differs {
        /// What it says: targets, and TTL where that is what differs.
        found: String,
        wanted: String,
    },
    /// A record of that name is somebody else's.
    Foreign {
        /// The owner that the ownership record names; None when there is none.
        owner: Option<String>,
    },
    /// A record that is somebody else's is chosen in another way, and Route 53 keeps one way for each name and type.
    Routed {
        /// The owner that its ownership record names; None when there is none.
        owner: Option<String>,
        /// How it is chosen, such as `simple`.
        found: &'static str,
        /// How ours is.
        wanted: &'static str,
    },
    /// It is there and ours, with the TTL that the records of other clusters have: Route 53 keeps one for each name and type.
    OtherTtl {
        /// Theirs, in seconds.
        found: i64,
        wanted: i64,
    },
    /// A CNAME can't stand beside other records of its name.
    Excluded {
        /// The types of those that are there, such as `MX, TXT`.
        by: String,
    },
}

impl RecordState {
    /// Whether whoever writes the records can bring it about.
    pub fn is_awaited(&self) -> bool {
        matches!(self, Self::Missing | Self::Differs { .. })
    }
}

/// A sentence that names the host and what to do or wait for.
impl std::fmt::Display for HostState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (record_type, host) = (self.record_type, &self.host);
        match &self.state {
            RecordState::Present => write!(f, "{record_type} {host} is published"),
            RecordState::Missing => write!(f, "{record_type} {host} is not in the zone yet"),
            RecordState::Differs { found, wanted } => {
                write!(f, "{record_type} {host} says {found} and should say {wanted}; it is being changed")
            }
            RecordState::Foreign { owner: Some(owner) } => write!(
                f,
                "{host} has a record that belongs to {owner}; have its owner remove it, or choose another host name"
            ),
            RecordState::Foreign { owner: None } => write!(
                f,
                "{host} has a record that was made by hand or by another tool; remove it, or choose another host name"
            ),
            RecordState::Routed { owner, found, wanted } => {
                let whose = match owner {
                    Some(owner) => format!("belongs to {owner}"),
                    None => "was made by hand or by another tool".to_owned(),
                };
                write!(
                    f,
                    "{host} has a {found} record that {whose}, and a {wanted} one can't be beside it; have its owner make a {wanted} one of it or remove it, or choose another host name"
                )
            }
            RecordState::OtherTtl { found, wanted } => write!(
                f,
                "the records that other clusters have of {host} have TTL {found} and should have {wanted}, and all weighted records of a hostname need the same; set one TTL in all domains that publish it"
            ),
            RecordState::Excluded { by } => write!(
                f,
                "a CNAME can't be at {host} beside its other records ({by}); remove these, choose another host name, or give the load balancer an address"
            ),
        }
    }
}

/// Compares a zone's records with what we want. One state for each desired record, in the same order.
pub fn published(records: &[ZoneRecord], wanted: &[DesiredRecord], owner: &str) -> Vec<HostState> {
    wanted
        .iter()
        .map(|wanted| {
            let host = normal_name(&wanted.host);
            let state = state(records, &host, wanted, owner);
            HostState { host, record_type: wanted.record_type, state }
        })
        .collect()
}

fn state(records: &[ZoneRecord], host: &str, wanted: &DesiredRecord, owner: &str) -> RecordState {
    let there: Vec<_> =
        records.iter().filter(|r| r.name() == host).filter_map(|r| Some((r, r.record_type()?))).collect();
    // Route 53 takes only one type beside a CNAME: none. So another's CNAME, or another's anything where we want one, is in the way.
    let in_the_way = |record_type: RecordType| {
        record_type == wanted.record_type || record_type == RecordType::Cname || wanted.record_type == RecordType::Cname
    };
    for (record, record_type) in there.iter().filter(|(_, record_type)| in_the_way(*record_type)) {
        let found = owner_of(records, record, *record_type);
        if found.owner() != Some(owner)
            && let Some(why) = foreign(record, *record_type, found.owner(), wanted)
        {
            return why;
        }
    }
    // An ownership record alone keeps the name for its owner, too.
    for record_type in written(wanted) {
        for set in sets(records, host, record_type) {
            let found = owned(records, host, record_type, set);
            let name = txt_name(host, record_type);
            let text = records.iter().find(|r| r.is_txt() && r.name() == name && r.set_identifier() == set);
            if !matches!(&found, Owned::By(_, known) if known == owner)
                && let Some(why) = text.and_then(|text| foreign(text, wanted.record_type, found.owner(), wanted))
            {
                return why;
            }
        }
    }
    if wanted.is_cname() {
        let others = records.iter().filter(|record| record.name() == host && record.record_type().is_none());
        let types: BTreeSet<_> = others.map(|record| record.type_name()).collect();
        if !types.is_empty() {
            return RecordState::Excluded { by: types.into_iter().collect::<Vec<_>>().join(", ") };
        }
    }
    let possible = with_shared_ttl(records, host, wanted, owner);
    match (ours(&there, &possible), possible.ttl.zip(wanted.ttl)) {
        (RecordState::Present, Some((found, wanted))) if found != wanted => RecordState::OtherTtl { found, wanted },
        (found, _) => found,
    }
}

/// Whether our record is there and as wanted, where nothing of others is in the way. `there`: what is at its host.
fn ours(there: &[(&ZoneRecord, RecordType)], wanted: &DesiredRecord) -> RecordState {
    let answers = |record: &ZoneRecord, record_type: RecordType| {
        record_type == wanted.record_type
            || (wanted.record_type == RecordType::Cname && record_type == RecordType::A && record.is_alias())
    };
    let own = there.iter().filter(|(record, _)| record.set_identifier() == wanted.set_identifier());
    let types = written(wanted);
    let mut weighing = own.clone().filter(|(_, record_type)| types.contains(record_type));
    if let Some((other, _)) = weighing.find(|(record, _)| record.weight() != wanted.weight()) {
        let weight =
            |weight: Option<i64>| format!("weight {}", weight.map_or("none".into(), |weight| weight.to_string()));
        return RecordState::Differs { found: weight(other.weight()), wanted: weight(wanted.weight()) };
    }
    let mut answering = own.filter(|(record, record_type)| answers(record, *record_type)).map(|(record, _)| *record);
    let Some(first) = answering.next() else { return RecordState::Missing };
    let targets = wanted.sorted_targets();
    // A CNAME may be there as aliases, and for one of them a record of its own.
    let best = std::iter::once(first).chain(answering).find(|record| record.targets() == targets).unwrap_or(first);
    if best.targets() != targets {
        return RecordState::Differs { found: best.targets().join(", "), wanted: targets.join(", ") };
    }
    match (wanted.ttl, best.ttl()) {
        (Some(wanted), Some(found)) if wanted != found => {
            RecordState::Differs { found: format!("TTL {found}"), wanted: format!("TTL {wanted}") }
        }
        _ => RecordState::Present,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ownership::Ownership;
    use super::super::record::tests::{alias, record};
    use super::*;

    fn txt(record_type: &str, host: &str, owner: &str) -> ZoneRecord {
        let value = Ownership { owner: owner.into(), resource: "crd/ns/x".into() }.to_string();
        record("TXT", &format!("_edns-{record_type}.{host}."), None, &[&value])
    }

    fn compare(records: &[ZoneRecord], record_type: RecordType, targets: &[&str]) -> RecordState {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        let wanted = DesiredRecord { host: "H.test.".into(), record_type, targets, ttl: Some(300), weighted: None };
        published(records, &[wanted], "us").remove(0).state
    }

    #[test]
    fn a_host_is_present_missing_different_or_foreign() {
        let ours = [record("A", "h.test.", None, &["192.0.2.2", "192.0.2.1"]), txt("a", "h.test", "us")];
        assert_eq!(compare(&ours, RecordType::A, &["192.0.2.1", "192.0.2.2"]), RecordState::Present);
        assert_eq!(compare(&ours, RecordType::Aaaa, &["2001:db8::1"]), RecordState::Missing);
        assert_eq!(compare(&[], RecordType::A, &["192.0.2.1"]), RecordState::Missing);
        let RecordState::Differs { found, wanted } = compare(&ours, RecordType::A, &["192.0.2.9"]) else { panic!() };
        assert_eq!((found.as_str(), wanted.as_str()), ("192.0.2.1, 192.0.2.2", "192.0.2.9"));

        let theirs = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", "them")];
        assert_eq!(
            compare(&theirs, RecordType::A, &["192.0.2.1"]),
            RecordState::Foreign { owner: Some("them".into()) }
        );
        assert_eq!(compare(&theirs[..1], RecordType::A, &["192.0.2.1"]), RecordState::Foreign { owner: None });
        // Another type of somebody else's doesn't matter, unless a CNAME is in play.
        assert_eq!(compare(&theirs, RecordType::Aaaa, &["2001:db8::1"]), RecordState::Missing);
        assert_eq!(
            compare(&theirs, RecordType::Cname, &["lb.test"]),
            RecordState::Foreign { owner: Some("them".into()) }
        );
    }

    #[test]
    fn an_alias_counts_for_the_name_it_stands_for() {
        let new = [alias("A", "h.test.", "dualstack.lb.elb.amazonaws.com."), txt("a", "h.test", "us")];
        assert_eq!(compare(&new, RecordType::Cname, &["lb.elb.amazonaws.com"]), RecordState::Present);
        let old = [alias("A", "h.test.", "lb.elb.amazonaws.com."), txt("cname", "h.test", "us")];
        assert_eq!(compare(&old, RecordType::Cname, &["lb.elb.amazonaws.com"]), RecordState::Present);
    }

    #[test]
    fn a_cname_stands_alone_and_an_alias_does_not() {
        let mail = [record("MX", "h.test.", None, &["10 mail.test"]), record("TXT", "h.test.", None, &["\"note\""])];
        assert_eq!(compare(&mail, RecordType::Cname, &["lb.test"]), RecordState::Excluded { by: "MX, TXT".into() });
        assert_eq!(compare(&mail, RecordType::A, &["192.0.2.1"]), RecordState::Missing);
        assert_eq!(compare(&mail, RecordType::Cname, &["lb.elb.eu-west-1.amazonaws.com"]), RecordState::Missing);
    }

    #[test]
    fn a_ttl_that_differs_is_said() {
        let zone = [record("A", "h.test.", None, &["192.0.2.1"]), txt("a", "h.test", "us")];
        let wanted = DesiredRecord {
            host: "h.test".into(),
            record_type: RecordType::A,
            targets: vec!["192.0.2.1".into()],
            ttl: Some(60),
            weighted: None,
        };
        let sentence = published(&zone, &[wanted], "us")[0].to_string();
        assert_eq!(sentence, "A h.test says TTL 300 and should say TTL 60; it is being changed");
    }
}
