//! Which of several domain name instances publishes a hostname. All domain name instances of a cluster write to the zone under one owner, so exactly
//! one of those that ask for a hostname holds it: it publishes the records, and deletes them one day. The holder is the first that stored the
//! hostname in its `Published`. The others report whether the records are as they want them, and take over when the holder no longer asks for the
//! hostname. So no instance takes a hostname from its holder.

use crate::domain_name::{RecordSet, is_being_deleted, staying};
use causeway_records::inputs::{DomainNameInputs, Elsewhere, HostRecord, Published, PublishedZone};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// How long a domain name instance that is being deleted waits for another one to take over its hostnames.
const HANDOVER: TimeDelta = TimeDelta::seconds(30);

/// The name of the other domain name instance that holds a hostname. Of two that stored it at the same moment the one with the lower id holds it.
pub fn holder<'a>(inputs: &'a DomainNameInputs, hostname: &str) -> Option<&'a str> {
    let Some(Elsewhere::Noted { id, name }) = inputs.wanted_elsewhere.get(hostname) else { return None };
    let noted_here = inputs.published.hosts.get(hostname).is_some_and(has);
    (!noted_here || *id < inputs.instance.record.common.id).then_some(name)
}

/// Whether the domain name instance that stored the record publishes it.
fn has(record: &HostRecord) -> bool {
    record.gone_since.is_none() && !record.elsewhere
}

/// Whether a gateway that is not being deleted has the hostname.
pub fn is_asked(inputs: &DomainNameInputs, hostname: &str) -> bool {
    staying(inputs).any(|gateway| gateway.hostnames.iter().any(|asked| asked == hostname))
}

/// Whether a gateway that is not being deleted has any hostname.
pub fn any_is_asked(inputs: &DomainNameInputs) -> bool {
    staying(inputs).any(|gateway| !gateway.hostnames.is_empty())
}

/// Hostnames, each with the zone that it is to be published in.
pub type ZonesOf = BTreeMap<String, PublishedZone>;

/// The hostnames that were published and those that are about to be, each with its zone. Stored before anything is published, so that every record is
/// deleted one day, wherever it is.
pub fn intended(
    inputs: &DomainNameInputs,
    wanted: &BTreeMap<String, Vec<RecordSet>>,
    zones: &ZonesOf,
    domain_zone: Option<PublishedZone>,
) -> Published {
    let mut published = inputs.published.clone();
    published.domain_zone = domain_zone.or(published.domain_zone);
    let ttl = inputs.definition.spec.ttl_seconds();
    for hostname in wanted.keys().filter(|hostname| holder(inputs, hostname).is_none()) {
        let Some(zone) = zones.get(hostname) else { continue };
        let record =
            published.hosts.entry(hostname.clone()).or_insert_with(|| HostRecord { ttl, ..HostRecord::default() });
        (record.gone_since, record.elsewhere) = (None, false);
        record.move_to(zone);
    }
    published
}

/// Hostnames that were published and that no gateway has any more, here or in another domain name instance: their records are deleted. A gateway that
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

/// Ids of the other domain name instances that may take over hostnames which this one holds and none of its gateways has any more.
pub fn successors(inputs: &DomainNameInputs) -> BTreeSet<i64> {
    let held = inputs.published.hosts.iter().filter(|(hostname, record)| has(record) && !is_asked(inputs, hostname));
    let asking = held.filter_map(|(hostname, _)| match inputs.wanted_elsewhere.get(hostname)? {
        Elsewhere::Asked { by } => Some(by),
        Elsewhere::Noted { .. } => None,
    });
    asking.flatten().copied().collect()
}

/// Whether a domain name instance that is being deleted still has to wait: others ask for its hostnames too and have not taken them over yet. If the
/// records were deleted now, the hostname would have no address until the next synchronisation of external-dns.
pub fn is_handing_over(inputs: &DomainNameInputs, now: DateTime<Utc>) -> bool {
    is_being_deleted(&inputs.instance.record.status) && has_time(inputs, now) && !successors(inputs).is_empty()
}

/// Whether others may still take over the hostnames of a domain name instance.
fn has_time(inputs: &DomainNameInputs, now: DateTime<Utc>) -> bool {
    inputs.instance.record.status.deletion_scheduled.is_none_or(|since| now - since < HANDOVER)
}
