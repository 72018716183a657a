//! What our own driver changes in a zone so that it publishes what is wanted: as external-dns would, with the same ownership records, so that either of
//! the two can go on where the other one stopped. Pure.

use std::collections::BTreeMap;

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{AliasTarget, ResourceRecord, ResourceRecordSet, RrType};

use super::alias_zones::alias_zone;
use super::change::HostChange;
use super::deletions::{Deletion, deletions_of};
use super::ownership::{Owned, Ownership, owned, txt_name};
use super::published::{DesiredRecord, RecordState, published};
use super::record::{RecordType, ZoneRecord, normal_name};
use super::stale::is_stale;

/// Seconds for which answers may be kept where nothing else is said, as external-dns has it; also for ownership records.
const TTL: i64 = 300;

/// The changes after which the zone holds the wanted records of these hosts, each change whole. `records` is what the zone was just seen to hold; `held`
/// are the hosts that are ours to write, each with the resource that its ownership records name. What isn't ours stays, and what excludes it isn't written.
pub fn changes(
    records: &[ZoneRecord],
    wanted: &[DesiredRecord],
    owner: &str,
    held: &BTreeMap<String, String>,
) -> Vec<HostChange> {
    let of_host = |(host, resource): (&String, &String)| {
        let host = normal_name(host);
        let wanted: Vec<_> = wanted.iter().filter(|record| normal_name(&record.host) == host).cloned().collect();
        let ownership = Ownership { owner: owner.to_owned(), resource: resource.clone() };
        // The SDK's builders fail only when a field is left out.
        let change = of_host(records, &host, &wanted, &ownership).ok()?;
        (!(change.deletes().is_empty() && change.creates().is_empty())).then_some(change)
    };
    held.iter().filter_map(of_host).collect()
}

fn of_host(
    records: &[ZoneRecord],
    host: &str,
    wanted: &[DesiredRecord],
    ownership: &Ownership,
) -> Result<HostChange, BuildError> {
    let states = published(records, wanted, &ownership.owner);
    let awaited = wanted.iter().zip(&states).filter(|(_, state)| state.state.is_awaited()).map(|(wanted, _)| wanted);
    let sets: Vec<_> = awaited.map(|wanted| sets(host, wanted)).collect::<Result<Vec<_>, _>>()?.concat();
    let ours = deletions_of(records, host, &ownership.owner);
    let (mut deletes, mut creates) = (vec![], vec![]);
    // While what is wanted can't come, what is there of ours is better than nothing.
    if !states.iter().any(|state| is_in_the_way(&state.state)) {
        let kept: Vec<_> = wanted.iter().flat_map(types).collect();
        let present = wanted.iter().zip(&states).filter(|(_, state)| state.state == RecordState::Present);
        let present: Vec<_> = present.map(|(wanted, _)| wanted).collect();
        let stale = ours.iter().filter(|deletion| is_stale(deletion, &kept, &present));
        deletes.extend(stale.flat_map(Deletion::records).cloned());
    }
    // Such as a CNAME that nothing stands beside.
    let is_kept_alone = |record: &ZoneRecord| record.name() == host && record.record_type() == Some(RecordType::Cname);
    let kept_alone = records.iter().any(|record| is_kept_alone(record) && !deletes.contains(record));
    for (record_type, set) in sets {
        if kept_alone && record_type != RecordType::Cname {
            continue;
        }
        let old = records.iter().filter(|record| record.name() == host && record.record_type() == Some(record_type));
        let (same, other): (Vec<_>, Vec<_>) = old.partition(|record| says_the_same(record, &set));
        for record in other.into_iter().flat_map(|record| with_ownership(record, record_type, &ours)) {
            if !deletes.contains(record) {
                deletes.push(record.clone());
            }
        }
        if same.is_empty() {
            creates.push(set);
        }
        match owned(records, host, record_type, None) {
            // It may stand there from before, alone or beside what is replaced.
            Owned::By(txt, _) if !deletes.contains(txt) => {}
            _ => creates.push(text(&txt_name(host, record_type), &ownership.to_string())?),
        }
        // A plain one can't stand beside one of a routed record that is long gone.
        let name = txt_name(host, record_type);
        let routed = records.iter().filter(|record| record.name() == name && record.set_identifier().is_some());
        deletes.extend(routed.filter(|record| !deletes.contains(record)).cloned().collect::<Vec<_>>());
    }
    Ok(HostChange::new(host, deletes, creates))
}

/// Whether a record can't come because of what others have.
fn is_in_the_way(state: &RecordState) -> bool {
    matches!(state, RecordState::Foreign { .. } | RecordState::Excluded { .. })
}

/// What goes with a record that is replaced: its ownership record, unless the record that comes has the same one.
fn with_ownership<'a>(record: &'a ZoneRecord, record_type: RecordType, ours: &'a [Deletion]) -> Vec<&'a ZoneRecord> {
    let its = ours.iter().find(|deletion| deletion.host_records().contains(record));
    match its {
        Some(its) if its.record_type() != record_type || record.set_identifier().is_some() => {
            its.records().iter().collect()
        }
        _ => vec![record],
    }
}

/// The types of the record sets that a wanted record becomes.
fn types(wanted: &DesiredRecord) -> Vec<RecordType> {
    match alias_of(wanted) {
        Some(_) => vec![RecordType::A, RecordType::Aaaa],
        None => vec![wanted.record_type],
    }
}

/// The name and the zone of the load balancer of AWS that a wanted record leads to.
fn alias_of(wanted: &DesiredRecord) -> Option<(&str, &'static str)> {
    let name = wanted.targets.first().filter(|_| wanted.record_type == RecordType::Cname)?;
    Some((name, alias_zone(name)?))
}

/// The record sets that a wanted record becomes.
fn sets(host: &str, wanted: &DesiredRecord) -> Result<Vec<(RecordType, ZoneRecord)>, BuildError> {
    let set = |record_type: RecordType| {
        let set = ResourceRecordSet::builder().name(host).r#type(RrType::from(record_type.as_str()));
        let set = match alias_of(wanted) {
            Some((name, zone)) => {
                let target = AliasTarget::builder().hosted_zone_id(zone).dns_name(name).evaluate_target_health(true);
                set.alias_target(target.build()?)
            }
            None => {
                let value = |target: &String| ResourceRecord::builder().value(target).build();
                let values: Result<Vec<_>, _> = wanted.targets.iter().map(value).collect();
                set.ttl(wanted.ttl.unwrap_or(TTL)).set_resource_records(Some(values?))
            }
        };
        Ok((record_type, ZoneRecord::new(set.build()?)))
    };
    types(wanted).into_iter().map(set).collect()
}

fn text(name: &str, value: &str) -> Result<ZoneRecord, BuildError> {
    let value = ResourceRecord::builder().value(value).build()?;
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::Txt).ttl(TTL).resource_records(value);
    Ok(ZoneRecord::new(set.build()?))
}

fn says_the_same(found: &ZoneRecord, wanted: &ZoneRecord) -> bool {
    found.set_identifier().is_none()
        && found.is_alias() == wanted.is_alias()
        && found.ttl() == wanted.ttl()
        && found.targets() == wanted.targets()
}

#[cfg(test)]
mod tests;
