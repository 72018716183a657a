//! The guard of deletions: a zone doesn't lose many hostnames at once without a person's word, whoever writes its records.
//!
//! Everything that takes a hostname out of a zone counts, whoever asked for it: a mistake in a list of gateways, in a domain, or in this program looks the
//! same. What may go without a question is a budget for each zone and period, kept in Postgres. Beyond it nothing goes, and the condition lists what would; a
//! person's release is for that list, and not for what comes later.

use super::{
    at_zone::{AtZone, Stopped},
    held::{HeldDeletions, PERIOD},
    seen::ZoneState,
};
use causeway_dns::{self as dns, Freshness};
use causeway_records::inputs::{DeletionState, DomainNameInputs, Published};
use causeway_rules::deletions::may_leave;
use std::{collections::BTreeSet, time::Duration};

/// When to look again at what waits for a person: the budget of the next period may be enough.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// The reason of the condition and of the event.
pub(super) const MASS_DELETION: &str = "MassDeletion";

/// The hostnames among these that have to stay. Takes those that nobody has decided on yet from the zone's budget (needs Postgres), and notes in `all` which
/// may go, now and when it is tried again, and which wait.
pub(super) async fn held_back<'h>(
    at: &AtZone<'_>,
    due: impl Iterator<Item = &'h str>,
    all: &mut ZoneState,
) -> Result<BTreeSet<String>, Stopped> {
    let hosts = undecided(at.inputs, &at.work.leaving, due);
    // Without the lease nothing is counted, and nothing may go that wasn't: it may be held again in the next moment.
    if hosts.is_empty() || !at.may_change() {
        return Ok(hosts);
    }
    let records = at.route53.records(&at.zone, Freshness::Shared).await?;
    let allowed = may_leave(&at.inputs.definition.spec, dns::owned_hosts(&records, &at.owner).len());
    let count = |hosts: usize| u32::try_from(hosts).unwrap_or(u32::MAX);
    let store = &at.ctx.context.store;
    if store.take_from_zone(&at.zone.id, count(hosts.len()), count(allowed), PERIOD).await? {
        all.allowed.extend(hosts);
        return Ok(BTreeSet::new());
    }
    let zone = (at.zone.id.clone(), at.zone.name.clone());
    all.held.push(HeldDeletions { zone, allowed, hosts: hosts.clone() });
    Ok(hosts)
}

/// The leaving hostnames among these that were neither counted before nor released.
fn undecided<'h>(
    inputs: &DomainNameInputs,
    leaving: &BTreeSet<String>,
    due: impl Iterator<Item = &'h str>,
) -> BTreeSet<String> {
    let decided = |host: &str| {
        let known = inputs.published.hosts.get(host).and_then(|record| record.deletion);
        known == Some(DeletionState::Allowed)
    };
    due.filter(|host| leaving.contains(*host) && !decided(host)).map(str::to_owned).collect()
}

/// A person has read the list: what is on it may go.
pub(super) fn release(published: &mut Published) {
    for record in published.hosts.values_mut().filter(|record| record.deletion == Some(DeletionState::Held)) {
        record.deletion = Some(DeletionState::Allowed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::HostRecord;

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
