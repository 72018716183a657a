//! What our own driver changes in a zone so that it publishes what is wanted: as external-dns would, with the same ownership records, so that either of
//! the two can go on where the other one stopped. Pure.

use std::collections::BTreeMap;

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{AliasTarget, ResourceRecord, ResourceRecordSet, RrType};

use causeway_rules::routing::Weighted;

use super::alias_zones::alias_zone;
use super::beside::{of_other_ttl, with_shared_ttl};
use super::change::HostChange;
use super::deletions::{Deletion, deletions_of};
use super::desired::DesiredRecord;
use super::ownership::{Owned, Ownership, owned, txt_name};
use super::published::{RecordState, published};
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

/// Those of the changes that external-dns can't make. Records of ours that are chosen in another way than is wanted, as a simple record where a weighted one
/// is, it could only delete before it creates the others. Of the weighted records of a hostname it knows only its own, and Route 53 wants one TTL for all.
pub fn rerouted(
    records: &[ZoneRecord],
    wanted: &[DesiredRecord],
    owner: &str,
    held: &BTreeMap<String, String>,
) -> Vec<HostChange> {
    let mut changes = changes(records, wanted, owner, held);
    changes.retain(|change| {
        let host = change.host();
        let mut of_host = wanted.iter().filter(|wanted| normal_name(&wanted.host) == host).peekable();
        let Some(set) = of_host.peek().map(|wanted| wanted.set_identifier()) else { return false };
        let is_other = |record: &ZoneRecord| record.set_identifier().is_some() && record.set_identifier() != set;
        deletions_of(records, host, owner).iter().any(|found| found.set_identifier() != set)
            || change.creates().iter().any(is_other)
            || of_host.any(|wanted| with_shared_ttl(records, host, wanted, owner).ttl != wanted.ttl)
    });
    changes
}

/// The changes after which what is ours at these hosts is the record of a cluster among others, with this weight, and says what it says now: for a cluster
/// that can't be asked where it leads.
pub fn reweighed(records: &[ZoneRecord], hosts: &[String], owner: &str, weighted: &Weighted) -> Vec<HostChange> {
    let of_host = |host: &String| {
        let host = normal_name(host);
        let (mut deletes, mut creates) = (vec![], vec![]);
        for found in deletions_of(records, &host, owner) {
            let moves = found.set_identifier() != Some(&weighted.set_identifier);
            let weighs = |record: &&ZoneRecord| moves || record.weight() != Some(weighted.weight.into());
            // An ownership record keeps the weight that it was made with.
            for record in found.records().iter().filter(|record| moves || !record.is_txt()).filter(weighs) {
                deletes.push(record.clone());
                creates.push(record.weighing(weighted));
            }
        }
        HostChange::new(&host, deletes, creates)
    };
    hosts.iter().map(of_host).filter(|change| !change.creates().is_empty()).collect()
}

fn of_host(
    records: &[ZoneRecord],
    host: &str,
    wanted: &[DesiredRecord],
    ownership: &Ownership,
) -> Result<HostChange, BuildError> {
    let states = published(records, wanted, &ownership.owner);
    let wanted: Vec<_> = wanted.iter().map(|wanted| with_shared_ttl(records, host, wanted, &ownership.owner)).collect();
    let awaited = wanted.iter().zip(&states).filter(|(_, state)| state.state.is_awaited()).map(|(wanted, _)| wanted);
    let sets: Vec<_> = awaited.map(|wanted| sets(host, wanted)).collect::<Result<Vec<_>, _>>()?.concat();
    let all_ours = deletions_of(records, host, &ownership.owner);
    let set = wanted.first().and_then(DesiredRecord::set_identifier);
    let (ours, others): (Vec<_>, Vec<_>) = all_ours.into_iter().partition(|found| found.set_identifier() == set);
    let (mut deletes, mut creates) = (vec![], vec![]);
    // While what is wanted can't come, what is there of ours is better than nothing.
    let in_the_way = states.iter().any(|state| is_in_the_way(&state.state));
    if in_the_way && !others.is_empty() {
        return Ok(HostChange::new(host, deletes, creates));
    }
    if !in_the_way {
        let kept: Vec<_> = wanted.iter().flat_map(types).collect();
        let is_there = |state: &RecordState| matches!(state, RecordState::Present | RecordState::OtherTtl { .. });
        let present = wanted.iter().zip(&states).filter(|(_, state)| is_there(&state.state));
        let present: Vec<_> = present.map(|(wanted, _)| wanted).collect();
        let stale = ours.iter().filter(|deletion| is_stale(deletion, &kept, &present));
        deletes.extend(stale.flat_map(Deletion::records).cloned());
        // What is chosen in another way makes room in the same request.
        deletes.extend(others.iter().filter(|_| !wanted.is_empty()).flat_map(Deletion::records).cloned());
    }
    // Such as a CNAME that nothing stands beside.
    let is_kept_alone = |record: &ZoneRecord| record.name() == host && record.record_type() == Some(RecordType::Cname);
    let kept_alone = records.iter().any(|record| is_kept_alone(record) && !deletes.contains(record));
    for (record_type, wanted_set) in sets {
        if kept_alone && record_type != RecordType::Cname {
            continue;
        }
        let old = records.iter().filter(|record| record.name() == host && record.set_identifier() == set);
        let old = old.filter(|record| record.record_type() == Some(record_type));
        let (same, other): (Vec<_>, Vec<_>) = old.partition(|record| says_the_same(record, &wanted_set));
        for record in other.into_iter().flat_map(|record| with_ownership(record, record_type, &ours)) {
            if !deletes.contains(record) {
                deletes.push(record.clone());
            }
        }
        if same.is_empty() {
            creates.push(wanted_set);
        }
        // Weighted records have one TTL, so it changes for all clusters in one request; a state that awaits this one says that we may.
        let retimed = wanted.iter().flat_map(|wanted| {
            of_other_ttl(records, host, wanted, &ownership.owner).map(move |record| (record, wanted.ttl))
        });
        for (record, ttl) in retimed.filter(|(record, _)| record.record_type() == Some(record_type)) {
            deletes.push(record.clone());
            creates.push(record.kept_for(ttl));
        }
        match owned(records, host, record_type, set) {
            // It may stand there from before, alone or beside what is replaced.
            Owned::By(txt, _) if !deletes.contains(txt) => {}
            _ => {
                let text = text(&txt_name(host, record_type), &ownership.to_string())?;
                let weighted = wanted.first().and_then(|wanted| wanted.weighted.as_ref());
                creates.push(weighted.map_or(text.clone(), |weighted| text.weighing(weighted)));
            }
        }
    }
    Ok(HostChange::new(host, deletes, creates))
}

/// Whether a record can't come because of what others have.
fn is_in_the_way(state: &RecordState) -> bool {
    matches!(state, RecordState::Foreign { .. } | RecordState::Routed { .. } | RecordState::Excluded { .. })
}

/// What goes with a record that is replaced: its ownership record, unless the record that comes has the same one.
fn with_ownership<'a>(record: &'a ZoneRecord, record_type: RecordType, ours: &'a [Deletion]) -> Vec<&'a ZoneRecord> {
    let its = ours.iter().find(|deletion| deletion.host_records().contains(record));
    match its {
        Some(its) if its.record_type() != record_type => its.records().iter().collect(),
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
        let set = ZoneRecord::new(set.build()?);
        Ok((record_type, wanted.weighted.as_ref().map_or(set.clone(), |weighted| set.weighing(weighted))))
    };
    types(wanted).into_iter().map(set).collect()
}

fn text(name: &str, value: &str) -> Result<ZoneRecord, BuildError> {
    let value = ResourceRecord::builder().value(value).build()?;
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::Txt).ttl(TTL).resource_records(value);
    Ok(ZoneRecord::new(set.build()?))
}

fn says_the_same(found: &ZoneRecord, wanted: &ZoneRecord) -> bool {
    found.set_identifier() == wanted.set_identifier()
        && found.weight() == wanted.weight()
        && found.is_alias() == wanted.is_alias()
        && found.ttl() == wanted.ttl()
        && found.targets() == wanted.targets()
}

#[cfg(test)]
mod tests;
