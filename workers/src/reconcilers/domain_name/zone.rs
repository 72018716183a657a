//! The work in the hosted zones of a domain, one after the other: records that have to leave them are deleted, and our own driver writes.

use super::{
    super::Turn,
    ZoneWork,
    at_zone::{AtZone, Stopped},
    guard,
    reweighed::reweighed,
    seen::{ZoneState, deletions},
    write::{note, write},
};
use causeway_dns::{self as dns, Deletion, DnsError, Freshness, HostChange, Written};
use causeway_failpoints::{DNS_DONE, DNS_NEXT, failpoint};
use causeway_records::{inputs::DomainNameInputs, nouns::DnsDriver};
use causeway_store::StoreError;
use std::collections::BTreeMap;

/// Reads each zone, deletes what has to leave it, and writes what our own driver is to write. A zone that fails is no reason to leave the others alone.
pub(super) async fn read_and_change(
    ctx: Turn<'_>,
    inputs: &DomainNameInputs,
    due: Vec<ZoneWork>,
) -> Result<ZoneState, StoreError> {
    let mut all = ZoneState::default();
    for work in due {
        match in_zone(ctx, inputs, &work, &mut all).await {
            Ok(seen) => all.add(seen),
            // With the zone its records are gone.
            Err(Stopped::Dns(DnsError::NoZone { .. })) if work.only_leaves() => {}
            Err(Stopped::Dns(error)) => all.fail(&work, error),
            Err(Stopped::Store(error)) => return Err(error),
        }
    }
    Ok(all)
}

async fn in_zone(
    ctx: Turn<'_>,
    inputs: &DomainNameInputs,
    work: &ZoneWork,
    all: &mut ZoneState,
) -> Result<ZoneState, Stopped> {
    let at = AtZone::new(ctx, inputs, work).await?;
    match inputs.definition.spec.dns_driver() {
        DnsDriver::ExternalDns => delete(&at, all).await,
        DnsDriver::Route53 => write(&at, all).await,
    }
}

/// external-dns writes what is wanted; what has to go is deleted here, and what it can't change is replaced, so that there is no moment without it.
async fn delete(at: &AtZone<'_>, all: &mut ZoneState) -> Result<ZoneState, Stopped> {
    let mut records = at.read(at.freshness()).await?;
    let mut written = Written::default();
    let mut replaced = dns::rerouted(&records, &at.work.wanted, &at.owner, &at.work.held);
    // There is no object any more that tells external-dns of these.
    replaced.extend(reweighed(at.inputs, at.work, &records, &at.owner));
    if !replaced.is_empty() && at.may_change() {
        tracing::info!(zone = at.zone.name, id = at.zone.id, hosts = ?replaced.iter().map(HostChange::host).collect::<Vec<_>>(), "replacing records");
        written = at.route53.write(&at.zone, &replaced).await;
        if let Some(error) = written.error.take() {
            return Err(error.into());
        }
        records = at.read(Freshness::New).await?;
    }
    let mut due = deletions(at.work, &records, &at.owner);
    let held = guard::held_back(at, due.iter().map(Deletion::host), all).await?;
    due.retain(|deletion| !held.contains(deletion.host()));
    if !due.is_empty() && at.may_change() {
        let going: Vec<_> = due.iter().flat_map(Deletion::records).map(ToString::to_string).collect();
        tracing::info!(zone = at.zone.name, id = at.zone.id, records = ?going, "deleting records");
        failpoint(&DNS_NEXT);
        at.route53.delete(&at.zone, &due).await?;
        failpoint(&DNS_DONE);
        records = at.read(Freshness::New).await?;
    }
    Ok(note(at.state(&records), at.work, written, BTreeMap::new()))
}
