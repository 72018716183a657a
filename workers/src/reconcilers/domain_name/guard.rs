//! The guard of deletions: a zone doesn't lose many hostnames at once without a person's word, whoever writes its records.
//!
//! Everything that takes a hostname out of a zone counts, whoever asked for it: a mistake in a list of gateways, in a domain, or in this program looks the
//! same. What may go without a question is a budget for each zone and period, kept in Postgres. Beyond it nothing goes, and the condition lists what would; a
//! person's release is for that list, and not for what comes later.

use super::{
    at_zone::{AtZone, Stopped},
    seen::ZoneState,
};
use causeway_dns::{self as dns, Freshness};
use causeway_records::inputs::{DeletionState, DomainNameInputs, Published};
use causeway_rules::deletions::may_leave;
use std::{collections::BTreeSet, fmt, time::Duration};

/// The budget of deletions in a zone is for this long.
const PERIOD: Duration = Duration::from_secs(600);
/// How many hostnames the sentence about those that wait lists.
const NAMED: usize = 100;
/// When to look again at what waits for a person: the budget of the next period may be enough.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// The reason of the condition and of the event.
pub(super) const MASS_DELETION: &str = "MassDeletion";

/// Hostnames that wait for a person before they leave a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldDeletions {
    /// Id and name.
    pub(super) zone: (String, String),
    /// All that may go in a period.
    pub(super) allowed: usize,
    pub(super) hosts: BTreeSet<String>,
}

impl fmt::Display for HeldDeletions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, (id, name)) = (self.hosts.len(), &self.zone);
        let names: Vec<_> = self.hosts.iter().take(NAMED).map(String::as_str).collect();
        let more = count.saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        write!(
            f,
            "{count} hostnames would leave hosted zone {id} ({name}): {}{more}; no more than {} may within {} minutes, those of others included, unless a person says so: if that is meant, send Reconciled false, which lets just these go",
            names.join(", "),
            self.allowed,
            PERIOD.as_secs() / 60
        )
    }
}

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

    #[test]
    fn the_sentence_lists_the_hostnames_and_says_what_to_do() {
        let hosts = (100..225).map(|n| format!("h{n}.test")).collect();
        let held = HeldDeletions { zone: ("Z1".into(), "test".into()), allowed: 20, hosts };
        let sentence = held.to_string();
        for part in [
            "125 hostnames",
            "hosted zone Z1 (test): h100.test, h101.test",
            "h199.test and 25 more;",
            "more than 20 may within 10 minutes",
            "send Reconciled false",
        ] {
            assert!(sentence.contains(part), "{part}: {sentence}");
        }
        let other = |id: &str, host: &str| HeldDeletions {
            zone: (id.into(), "test".into()),
            allowed: 0,
            hosts: [host.to_owned()].into(),
        };
        let zones = ZoneState { held: vec![other("Z1", "a.test"), other("Z2", "b.test")], ..ZoneState::default() };
        let sentence = zones.held_back().unwrap();
        assert!(sentence.contains("Z1 (test): a.test") && sentence.contains("Z2 (test): b.test"), "{sentence}");
        assert_eq!(ZoneState::default().held_back(), None);
    }
}
