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

/// A record as it can be written now. Where it isn't ours to change the TTL of other clusters' records, it has theirs: otherwise neither its targets nor its
/// weight could be changed either.
pub(super) fn with_shared_ttl(
    records: &[ZoneRecord],
    host: &str,
    wanted: &DesiredRecord,
    owner: &str,
) -> DesiredRecord {
    let found = of_other_ttl(records, host, wanted, owner).find_map(ZoneRecord::ttl);
    match found.filter(|_| !decides_ttl(records, host, wanted, owner)) {
        None => wanted.clone(),
        found => DesiredRecord { ttl: found, ..wanted.clone() },
    }
}

/// The records of other clusters whose TTL is another one than is wanted. An alias has none, and needs none.
pub(super) fn of_other_ttl<'a>(
    records: &'a [ZoneRecord],
    host: &str,
    wanted: &DesiredRecord,
    owner: &str,
) -> impl Iterator<Item = &'a ZoneRecord> {
    let (set, ttl) = (wanted.set_identifier().map(str::to_owned), wanted.ttl);
    with_ttl(records, host, wanted, owner)
        .filter(move |record| record.set_identifier() != set.as_deref())
        .filter(move |record| ttl.is_some_and(|ttl| record.ttl() != Some(ttl)))
}

/// All weighted records that Route 53 keeps with one TTL, a wanted one among them. What else is ours goes in the same request as the wanted one comes.
fn with_ttl<'a>(
    records: &'a [ZoneRecord],
    host: &str,
    wanted: &DesiredRecord,
    owner: &str,
) -> impl Iterator<Item = &'a ZoneRecord> {
    let (host, owner, types) = (host.to_owned(), owner.to_owned(), written(wanted));
    let is_one = wanted.weighted.is_some() && !wanted.is_alias();
    let set = wanted.set_identifier().map(str::to_owned);
    records.iter().filter(move |record| {
        let found = record.record_type().filter(|found| types.contains(found));
        let goes = |found| {
            record.set_identifier() != set.as_deref()
                && owner_of(records, record, found).owner() == Some(owner.as_str())
        };
        let fits = found.is_some_and(|found| record.name() == host && !goes(found));
        is_one && fits && record.weight().is_some() && record.ttl().is_some()
    })
}

/// Whether the TTL of all records of a hostname and type is changed with this one: one cluster of a control plane does it, so that they don't take turns.
fn decides_ttl(records: &[ZoneRecord], host: &str, wanted: &DesiredRecord, owner: &str) -> bool {
    let set = wanted.set_identifier();
    let control_plane = |owner: &str| owner.rsplit_once('-').map(|(control_plane, _)| control_plane.to_owned());
    let is_there = with_ttl(records, host, wanted, owner).any(|record| record.set_identifier() == set);
    is_there
        && with_ttl(records, host, wanted, owner).filter(|record| record.set_identifier() != set).all(|record| {
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
