//! Which of several domain name instances has a hostname. In the zone all of a cluster are one owner, so one of those that ask for a hostname
//! publishes it, and that one takes its records away. It is the first that has noted the hostname down; the others look whether the records are
//! as they would have them, and take over when it is no longer asked for there. So nobody takes a name from another that has it.

use crate::domain_name::{RecordSet, is_being_deleted, staying};
use causeway_records::inputs::{DomainNameInputs, Elsewhere, HostRecord, Published};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// How long a domain name instance that goes waits for another one to take over its hostnames.
const HANDOVER: TimeDelta = TimeDelta::seconds(30);

/// The name of the other domain name instance that has a hostname. Of two that noted it down in the same moment the one with the lower id has it.
pub fn holder<'a>(inputs: &'a DomainNameInputs, hostname: &str) -> Option<&'a str> {
    let Some(Elsewhere::Noted { id, name }) = inputs.wanted_elsewhere.get(hostname) else { return None };
    let noted_here = inputs.published.hosts.get(hostname).is_some_and(has);
    (!noted_here || *id < inputs.instance.record.common.id).then_some(name)
}

/// Whether it is published by the domain name instance that remembers it.
fn has(record: &HostRecord) -> bool {
    record.gone_since.is_none() && !record.elsewhere
}

/// Whether a hostname belongs to a gateway that stays.
pub fn is_asked(inputs: &DomainNameInputs, hostname: &str) -> bool {
    staying(inputs).any(|gateway| gateway.hostnames.iter().any(|asked| asked == hostname))
}

/// What was published, and what is about to be: whose records will have to leave the zone one day.
pub fn intended(inputs: &DomainNameInputs, wanted: &BTreeMap<String, Vec<RecordSet>>) -> Published {
    let mut published = inputs.published.clone();
    let ttl = inputs.definition.spec.ttl_seconds();
    for hostname in wanted.keys().filter(|hostname| holder(inputs, hostname).is_none()) {
        let record =
            published.hosts.entry(hostname.clone()).or_insert_with(|| HostRecord { ttl, ..HostRecord::default() });
        (record.gone_since, record.elsewhere) = (None, false);
    }
    published
}

/// Hostnames that were published and that no gateway has any more, here or in another domain name instance: their records go. A gateway that
/// merely lost its address keeps them, because a wrong address does less harm than none when it comes back in a moment.
pub fn leaving(inputs: &DomainNameInputs, now: DateTime<Utc>) -> BTreeSet<String> {
    let elsewhere = |hostname: &str| match inputs.wanted_elsewhere.get(hostname) {
        None => false,
        Some(Elsewhere::Noted { .. }) => true,
        Some(Elsewhere::Asked { .. }) => has_time(inputs, now),
    };
    let gone = |hostname: &&String| !is_asked(inputs, hostname) && !elsewhere(hostname);
    inputs.published.hosts.keys().filter(gone).cloned().collect()
}

/// Other domain name instances that may take over hostnames which this one has and which no gateway of its own asks for any more, by id.
pub fn successors(inputs: &DomainNameInputs) -> BTreeSet<i64> {
    let held = inputs.published.hosts.iter().filter(|(hostname, record)| has(record) && !is_asked(inputs, hostname));
    let asking = held.filter_map(|(hostname, _)| match inputs.wanted_elsewhere.get(hostname)? {
        Elsewhere::Asked { by } => Some(by),
        Elsewhere::Noted { .. } => None,
    });
    asking.flatten().copied().collect()
}

/// Whether a domain name instance that is on its way out still has to wait: others ask for its hostnames too and haven't noted down yet that the
/// records are their matter now. Were they deleted, the name would be without an address until external-dns comes round.
pub fn is_handing_over(inputs: &DomainNameInputs, now: DateTime<Utc>) -> bool {
    is_being_deleted(&inputs.instance.record.status) && has_time(inputs, now) && !successors(inputs).is_empty()
}

/// Whether others may still take over what a domain name instance has published.
fn has_time(inputs: &DomainNameInputs, now: DateTime<Utc>) -> bool {
    inputs.instance.record.status.deletion_scheduled.is_none_or(|since| now - since < HANDOVER)
}
