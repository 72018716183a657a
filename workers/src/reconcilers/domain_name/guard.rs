//! The guard of our own driver: a zone doesn't lose many hostnames at once without a person's word.
//!
//! Everything that takes a hostname out of a zone counts, whoever asked for it: a mistake in a list of gateways, in a domain, or in this program looks the
//! same. What may go without a question is a budget for each zone and period, kept in Postgres. Beyond it nothing goes, and the condition lists what would; a
//! person's release is for that list, and not for what comes later.

use super::{
    at_zone::{AtZone, Stopped},
    seen::{HeldDeletions, PERIOD},
};
use causeway_dns::{self as dns, Freshness, HostChange};
use causeway_records::inputs::{DeletionState, DomainNameInputs, Published};
use causeway_render::hostnames::MAY_LEAVE_AT_ONCE;
use std::{collections::BTreeSet, time::Duration};

/// The budget of a zone: [`MAY_LEAVE_AT_ONCE`] hostnames in a period, or this part of ours in the zone, if that is more.
const PER_CENT: usize = 20;
/// When to look again at what waits for a person: the budget of the next period may be enough.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// The reason of the condition and of the event.
pub(super) const MASS_DELETION: &str = "MassDeletion";

/// What came of asking for the deletions of one zone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Guarded {
    /// Hostnames that may go, now and when it is tried again.
    pub(super) allowed: BTreeSet<String>,
    pub(super) held: Option<HeldDeletions>,
}

/// Asks for what nobody has decided on yet, and takes it from the zone's budget (needs Postgres).
pub(super) async fn ask(at: &AtZone<'_>, due: &[HostChange]) -> Result<Guarded, Stopped> {
    let hosts = undecided(at.inputs, &at.work.leaving, due);
    if hosts.is_empty() || !at.may_change() {
        return Ok(Guarded::default());
    }
    let records = at.route53.records(&at.zone, Freshness::Shared).await?;
    let allowed = allowed(dns::owned_hosts(&records, &at.owner).len());
    let count = |hosts: usize| u32::try_from(hosts).unwrap_or(u32::MAX);
    let store = &at.ctx.context.store;
    match store.take_from_zone(&at.zone.id, count(hosts.len()), count(allowed), PERIOD).await? {
        true => Ok(Guarded { allowed: hosts, held: None }),
        false => {
            let zone = (at.zone.id.clone(), at.zone.name.clone());
            Ok(Guarded { allowed: BTreeSet::new(), held: Some(HeldDeletions { zone, allowed, hosts }) })
        }
    }
}

/// How many hostnames may leave a zone in a period that has so many of ours.
fn allowed(ours: usize) -> usize {
    (ours * PER_CENT / 100).max(MAY_LEAVE_AT_ONCE)
}

/// The leaving hostnames among the changes that were neither counted before nor released.
fn undecided(inputs: &DomainNameInputs, leaving: &BTreeSet<String>, due: &[HostChange]) -> BTreeSet<String> {
    let decided = |host: &str| {
        let known = inputs.published.hosts.get(host).and_then(|record| record.deletion);
        known == Some(DeletionState::Allowed)
    };
    let hosts = due.iter().map(HostChange::host).filter(|host| leaving.contains(*host) && !decided(host));
    hosts.map(str::to_owned).collect()
}

/// A person has read the list: what is on it may go.
pub(super) fn release(published: &mut Published) {
    for record in published.hosts.values_mut().filter(|record| record.deletion == Some(DeletionState::Held)) {
        record.deletion = Some(DeletionState::Allowed);
    }
}

/// The changes without those of held hostnames.
pub(super) fn without_held(due: Vec<HostChange>, guarded: &Guarded) -> Vec<HostChange> {
    let is_held = |change: &HostChange| guarded.held.as_ref().is_some_and(|held| held.hosts.contains(change.host()));
    due.into_iter().filter(|change| !is_held(change)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::HostRecord;

    #[test]
    fn a_fifth_may_go_and_twenty_always() {
        assert_eq!([allowed(0), allowed(30), allowed(100), allowed(1000)], [20, 20, 20, 200]);
    }

    #[test]
    fn a_release_is_for_what_was_listed() {
        let of = |deletion| HostRecord { deletion, ..HostRecord::default() };
        let hosts = [("held", of(Some(DeletionState::Held))), ("new", of(None))]
            .map(|(host, record)| (host.to_owned(), record));
        let mut published = Published { hosts: hosts.into(), ..Published::default() };
        release(&mut published);
        assert_eq!(published.hosts["held"].deletion, Some(DeletionState::Allowed));
        assert_eq!(published.hosts["new"].deletion, None);
    }
}
