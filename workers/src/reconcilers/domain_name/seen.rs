//! What a look at the zones has found. Pure.

use super::{
    Placement, ZoneWork,
    held::HeldDeletions,
    reweighed::{as_read, reweighed},
};
use causeway_dns::{self as dns, Deletion, DnsError, HostState, RecordState, ZoneRecord};
use causeway_records::inputs::{DeletionState, DomainNameInputs, Published, PublishedZone};
use causeway_render::{domain_name::weighted, hostnames, support_service::dns_owner};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What the zones say, after what has to leave them was deleted.
#[derive(Debug, Default)]
pub(super) struct ZoneState {
    /// By hostname: None when the records are there as asked for, else why not.
    pub(super) hosts: BTreeMap<String, Option<Obstacle>>,
    /// Leaving hostnames that still have records of ours, each with the id of the zone.
    pub(super) remaining: BTreeSet<(String, String)>,
    /// Hostnames whose change isn't in all name servers of Route 53 yet, each with the id of the change.
    pub(super) pending: BTreeMap<String, String>,
    /// Hostnames whose records were written just now.
    pub(super) written: BTreeSet<String>,
    /// The weights of the records that other clusters have of hostnames.
    pub(super) other_weights: BTreeMap<String, Vec<i64>>,
    /// Leaving hostnames that may go.
    pub(super) allowed: BTreeSet<String>,
    /// Leaving hostnames that wait for a person.
    pub(super) held: Vec<HeldDeletions>,
    /// What could not be read or deleted.
    pub(super) failures: Vec<Failure>,
}

/// Why a hostname's records aren't as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) sentence: String,
    /// Whoever writes them is to write them.
    pub(super) awaited: bool,
}

/// A zone that could not be read, or whose records could not be deleted.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: DnsError,
    /// None: no zone was found.
    pub(super) zone: Option<PublishedZone>,
    /// The hostnames that leave the zone, if that is all that they do there.
    pub(super) leaving: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) if !self.leaving.is_empty() => write!(
                f,
                "the records of {} can't be taken out of hosted zone {} ({}), where they were published: {}; send Reconciled false to leave them there",
                self.leaving.join(", "),
                zone.id,
                zone.name,
                self.error
            ),
            _ => self.error.fmt(f),
        }
    }
}

impl ZoneState {
    /// Adds the hostnames that can't be in their zones, and why.
    pub(super) fn with_impossible(mut self, impossible: BTreeMap<String, String>) -> Self {
        let of_host = |(host, sentence)| (host, Some(Obstacle { sentence, awaited: false }));
        self.hosts.extend(impossible.into_iter().map(of_host));
        self
    }

    /// Adds the hostnames whose zone could not be found. Those that stay where they are were looked at there.
    pub(super) fn with_unplaced(mut self, placement: Placement) -> Self {
        for (host, error) in placement.errors {
            if !placement.zones.contains_key(&host) {
                self.hosts.insert(host, Some(Obstacle { sentence: error.to_string(), awaited: false }));
            }
            self.failures.push(Failure { error, zone: None, leaving: vec![] });
        }
        self
    }

    /// Forgets the records of former zones that could not be read: a person takes care of them.
    pub(super) fn give_up(&mut self, published: &mut Published) {
        for failure in std::mem::take(&mut self.failures) {
            let Some(zone) = failure.zone.as_ref().filter(|_| !failure.leaving.is_empty()) else {
                self.failures.push(failure);
                continue;
            };
            tracing::warn!(%failure, "records are left in a hosted zone, because a person said so");
            for host in &failure.leaving {
                self.remaining.remove(&(host.clone(), zone.id.clone()));
                let Some(record) = published.hosts.get_mut(host) else { continue };
                record.former.retain(|former| former.zone != *zone);
                record.zone = record.zone.take().filter(|known| known != zone);
            }
        }
    }

    /// Ids of the zones that AWS doesn't let us read.
    pub(super) fn unreadable(&self) -> BTreeSet<String> {
        let forbidden = self.failures.iter().filter(|failure| failure.error.is_forbidden());
        forbidden.filter_map(|failure| Some(failure.zone.as_ref()?.id.clone())).collect()
    }

    /// All hostnames that wait for a person, whatever zone they would leave: a release lets all of them go.
    pub(super) fn held_back(&self) -> Option<String> {
        let sentences: Vec<_> = self.held.iter().map(ToString::to_string).collect();
        (!sentences.is_empty()).then(|| sentences.join("; and "))
    }

    /// Whether a hostname may leave its zones.
    pub(super) fn deletion(&self, host: &str, before: Option<DeletionState>) -> Option<DeletionState> {
        if self.held.iter().any(|held| held.hosts.contains(host)) {
            Some(DeletionState::Held)
        } else if self.allowed.contains(host) {
            Some(DeletionState::Allowed)
        } else {
            before.filter(|_| self.remaining.iter().any(|(remaining, _)| remaining == host))
        }
    }

    /// Whether nothing could be read in a zone.
    pub(super) fn failed_in(&self, zone: Option<&PublishedZone>) -> bool {
        zone.is_some() && self.failures.iter().any(|failure| failure.zone.as_ref() == zone)
    }

    /// Whether a leaving hostname still has records of ours in a zone.
    pub(super) fn remains(&self, host: &str, zone: &str) -> bool {
        self.remaining.contains(&(host.to_owned(), zone.to_owned()))
    }

    /// Adds what one zone says.
    pub(super) fn add(&mut self, seen: Self) {
        self.hosts.extend(seen.hosts);
        self.remaining.extend(seen.remaining);
        self.pending.extend(seen.pending);
        self.written.extend(seen.written);
        self.other_weights.extend(seen.other_weights);
        self.failures.extend(seen.failures);
    }

    /// Nothing is known of the hostnames that should be in the zone: they are as they were.
    pub(super) fn fail(&mut self, work: &ZoneWork, error: DnsError) {
        self.remaining.extend(work.leaving.iter().map(|host| (host.clone(), work.zone.id.clone())));
        let only_left = work.only_leaves();
        let leaving = work.leaving.iter().filter(|_| only_left).cloned().collect();
        self.failures.push(Failure { error, zone: Some(work.zone.clone()), leaving });
    }
}

/// What is ours in the zone and has to leave it.
pub(super) fn deletions(work: &ZoneWork, records: &[ZoneRecord], owner: &str) -> Vec<Deletion> {
    let held: Vec<_> = work.wanted.iter().filter(|wanted| work.held.contains_key(&wanted.host)).cloned().collect();
    let leaving: Vec<_> = work.leaving.iter().cloned().collect();
    let mut due = dns::deletions(records, &leaving, owner);
    due.extend(dns::stale(records, &held, owner));
    due
}

/// What the zone says.
pub(super) fn state(inputs: &DomainNameInputs, work: &ZoneWork, records: &[ZoneRecord], owner: &str) -> ZoneState {
    let mut seen = ZoneState::default();
    for state in dns::published(records, &work.wanted, owner) {
        let why = obstacle(inputs, &state);
        let known = seen.hosts.entry(state.host).or_default();
        *known = known.take().or(why);
    }
    let (owned, due) = (dns::owned_hosts(records, owner), reweighed(inputs, work, records, owner));
    let as_read = |(host, why): (&String, &&str)| (host.clone(), as_read(host, why, &owned, &due));
    seen.hosts.extend(work.as_read.iter().map(as_read));
    if let Some(weighted) = weighted(inputs) {
        let others = |host: &String| (host.clone(), dns::other_weights(records, host, &weighted.set_identifier));
        seen.other_weights = seen.hosts.keys().map(others).collect();
    }
    for left in deletions(work, records, owner) {
        let (host, Some(record)) = (left.host().to_owned(), left.records().first()) else { continue };
        if work.leaving.contains(&host) {
            seen.remaining.insert((host, work.zone.id.clone()));
        } else {
            let sentence = format!("{record} is still in the zone beside what is wanted; it is being deleted");
            seen.hosts.insert(host, Some(Obstacle { sentence, awaited: false }));
        }
    }
    seen
}

/// Why a record isn't there as asked for.
fn obstacle(inputs: &DomainNameInputs, state: &HostState) -> Option<Obstacle> {
    let sentence = match (&state.state, hostnames::holder(inputs, &state.host)) {
        (RecordState::Present, _) => return None,
        (RecordState::Differs { found, wanted }, Some(holder)) => format!(
            "domain name instance {holder} had it before, and it says {found} there instead of {wanted}; choose another hostname, take it from that one's gateway, or let both be carried by one Gateway"
        ),
        (RecordState::Foreign { owner: Some(owner) } | RecordState::Routed { owner: Some(owner), .. }, _)
            if weighted(inputs).is_none() && is_of_this_control_plane(inputs, owner) =>
        {
            format!(
                "{} is published on another cluster of this control plane ({owner}), and with RoutingPolicy Simple a hostname is on one cluster; set RoutingPolicy Weighted in the domain of both, choose another hostname, or take it from the gateway there",
                state.host
            )
        }
        _ => state.to_string(),
    };
    Some(Obstacle { sentence, awaited: state.state.is_awaited() })
}

fn is_of_this_control_plane(inputs: &DomainNameInputs, owner: &str) -> bool {
    let cluster = owner.rsplit_once('-').and_then(|(_, id)| id.parse().ok());
    cluster.is_some_and(|id| dns_owner(&inputs.control_plane, id) == owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::HostRecord;

    #[test]
    fn what_fails_in_a_zone_is_said_of_its_hostnames() {
        let zone = PublishedZone { id: "Z1".into(), name: "example.org".into(), ..PublishedZone::default() };
        let work = ZoneWork { zone, leaving: ["old.example.org".to_owned()].into(), ..ZoneWork::default() };
        let mut state = ZoneState::default();
        state.fail(&work, DnsError::NoCredentials);
        assert_eq!(state.remaining, [("old.example.org".to_owned(), "Z1".to_owned())].into());
        let sentence = state.failures[0].to_string();
        let begin = "the records of old.example.org can't be taken out of hosted zone Z1 (example.org), where they were published: ";
        assert!(
            sentence.starts_with(begin) && sentence.ends_with("send Reconciled false to leave them there"),
            "{sentence}"
        );

        let mut record = HostRecord::default();
        record.move_to(&work.zone);
        let hosts = [("old.example.org".to_owned(), record)].into();
        let mut published = Published { hosts, ..Published::default() };
        state.failures.push(Failure { error: DnsError::NoCredentials, zone: Some(work.zone.clone()), leaving: vec![] });
        state.give_up(&mut published);
        assert_eq!((state.failures.len(), state.remaining.len()), (1, 0), "what should be published is not given up");
        assert_eq!(published.hosts["old.example.org"].zone, None);
    }
}
