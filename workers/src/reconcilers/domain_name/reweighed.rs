//! Records whose weight alone is changed, because nobody can say now where they lead. Pure.

use super::{ZoneWork, seen::Obstacle};
use causeway_dns::{self as dns, HostChange, ZoneRecord};
use causeway_records::inputs::DomainNameInputs;
use causeway_render::domain_name::weighted;
use std::collections::BTreeSet;

/// The changes of weight.
pub(super) fn reweighed(
    inputs: &DomainNameInputs,
    work: &ZoneWork,
    records: &[ZoneRecord],
    owner: &str,
) -> Vec<HostChange> {
    let hosts: Vec<_> = work.as_read.keys().cloned().collect();
    weighted(inputs).map(|weighted| dns::reweighed(records, &hosts, owner, &weighted)).unwrap_or_default()
}

/// Why the records of a host aren't as they were left. `why` nobody can say where it leads; `owned`: the hosts that have records of ours.
pub(super) fn as_read(host: &str, why: &str, owned: &BTreeSet<&str>, due: &[HostChange]) -> Option<Obstacle> {
    if !owned.contains(host) {
        return Some(Obstacle { sentence: format!("{host} has no records in the zone, and {why}"), awaited: false });
    }
    let is_due = due.iter().any(|change| change.host() == host);
    is_due.then(|| Obstacle { sentence: format!("the weight of {host} is being changed"), awaited: true })
}
