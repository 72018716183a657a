//! What others have of a host, beside what is ours: the records of other clusters, each with a weight, and what can't be together with a wanted one.

use std::collections::BTreeMap;

use super::desired::DesiredRecord;
use super::ownership::owner_of;
use super::published::RecordState;
use super::record::{RecordType, ZoneRecord, normal_name};
use super::stale::written;

/// Whether another record of its name may stand beside it: each is of another cluster then.
fn may_be_beside(wanted: &DesiredRecord, other: &ZoneRecord) -> bool {
    wanted.weighted.is_some() && other.weight().is_some() && other.set_identifier() != wanted.set_identifier()
}

/// Why a record of somebody else's, or its ownership record, is in the way of a wanted one. None: it isn't.
pub(super) fn foreign(
    record: &ZoneRecord,
    record_type: RecordType,
    owner: Option<&str>,
    wanted: &DesiredRecord,
) -> Option<RecordState> {
    let owner = owner.map(str::to_owned);
    let (found, policy) = (record.policy(), if wanted.weighted.is_some() { "weighted" } else { "simple" });
    if may_be_beside(wanted, record) {
        // A CNAME may only be beside a CNAME, whoever's it is.
        let fits = record.is_txt() || written(wanted).contains(&record_type);
        return (!fits).then_some(RecordState::Foreign { owner });
    }
    Some(if found == policy {
        RecordState::Foreign { owner }
    } else {
        RecordState::Routed { owner, found, wanted: policy }
    })
}

/// Why a record can't have its TTL: those of other clusters have another one, and it isn't ours to change it.
pub(super) fn other_ttl(
    records: &[ZoneRecord],
    host: &str,
    wanted: &DesiredRecord,
    owner: &str,
) -> Option<RecordState> {
    let ttl = wanted.ttl?;
    let found = of_other_ttl(records, host, wanted).next()?.ttl()?;
    (!decides_ttl(records, host, wanted, owner)).then_some(RecordState::OtherTtl { found, wanted: ttl })
}

/// The records of other clusters whose TTL is another one than is wanted. An alias has none.
pub(super) fn of_other_ttl<'a>(
    records: &'a [ZoneRecord],
    host: &str,
    wanted: &DesiredRecord,
) -> impl Iterator<Item = &'a ZoneRecord> {
    let (ttl, types) = (wanted.ttl, written(wanted));
    let differs = move |record: &&ZoneRecord| record.ttl().is_some_and(|found| ttl.is_some_and(|ttl| ttl != found));
    others(records, host, wanted)
        .filter(move |record| record.record_type().is_some_and(|found| types.contains(&found)))
        .filter(differs)
}

fn others<'a>(records: &'a [ZoneRecord], host: &str, wanted: &DesiredRecord) -> impl Iterator<Item = &'a ZoneRecord> {
    let (host, set) = (host.to_owned(), wanted.set_identifier().map(str::to_owned));
    records.iter().filter(move |record| {
        set.is_some() && record.weight().is_some() && record.name() == host && record.set_identifier() != set.as_deref()
    })
}

/// Whether the TTL of all records of a hostname is changed with this one: one cluster of a control plane does it, so that they don't take turns.
fn decides_ttl(records: &[ZoneRecord], host: &str, wanted: &DesiredRecord, owner: &str) -> bool {
    let set = wanted.set_identifier();
    let control_plane = |owner: &str| owner.rsplit_once('-').map(|(control_plane, _)| control_plane.to_owned());
    let is_there = records.iter().any(|record| record.name() == host && record.set_identifier() == set);
    is_there
        && others(records, host, wanted).filter(|record| record.record_type().is_some()).all(|record| {
            let theirs =
                record.record_type().and_then(|of| owner_of(records, record, of).owner().and_then(control_plane));
            record.set_identifier() > set && theirs.is_some() && theirs == control_plane(owner)
        })
}

/// The weights of the records that others have of a host, one for each cluster.
pub fn other_weights(records: &[ZoneRecord], host: &str, set_identifier: &str) -> Vec<i64> {
    let host = normal_name(host);
    let others = records.iter().filter(|record| record.name() == host && record.record_type().is_some());
    let weights: BTreeMap<_, _> =
        others.filter_map(|record| Some((record.set_identifier()?, record.weight()?))).collect();
    weights.into_iter().filter(|(set, _)| *set != set_identifier).map(|(_, weight)| weight).collect()
}
