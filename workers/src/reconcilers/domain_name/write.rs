//! Our own DNS driver in one zone: what is wanted is written, what has to go is deleted, and a change counts when all name servers of Route 53 have it.

use super::{
    ZoneWork,
    at_zone::{AtZone, Stopped},
    guard,
    reweighed::reweighed,
    seen::{Failure, Obstacle, ZoneState},
};
use causeway_dns::{self as dns, DnsError, Freshness, HostChange, Written, ZoneRecord};
use causeway_failpoints::{DNS_DONE, DNS_NEXT, failpoint};
use std::collections::BTreeMap;

/// Reads the zone, changes it, and says how it is then. What was accepted is noted in `all` at once: it is on its way whatever comes.
pub(super) async fn write(at: &AtZone<'_>, all: &mut ZoneState) -> Result<ZoneState, Stopped> {
    // 1. Read (needs Route 53), compare (pure).
    let mut records = at.read(at.freshness()).await?;
    let mut due = due(at, &records);
    // 2. Guard what is to leave the zone (needs Postgres).
    let held = guard::held_back(at, due.iter().map(HostChange::host), all).await?;
    due.retain(|change| !held.contains(change.host()));
    // 3. Change (needs Route 53).
    let mut written = Written::default();
    if !due.is_empty() && at.may_change() {
        log(at, &due);
        failpoint(&DNS_NEXT);
        written = at.route53.write(&at.zone, &due).await;
        failpoint(&DNS_DONE);
        all.written.extend(written.accepted.keys().cloned());
        all.pending.extend(written.accepted.clone());
        if let Some(error) = written.error.take() {
            return Err(error.into());
        }
        records = at.read(Freshness::New).await?;
    }
    // 4. What has not arrived of earlier changes (needs Route 53).
    let on_the_way = on_the_way(at, &written).await?;
    // 5. What the zone says now (pure).
    let state = at.state(&records);
    Ok(note(state, at.work, written, on_the_way))
}

/// What to change, host by host.
fn due(at: &AtZone<'_>, records: &[ZoneRecord]) -> Vec<HostChange> {
    let (work, owner) = (at.work, &at.owner);
    let leaving: Vec<_> = work.leaving.iter().cloned().collect();
    let gone = dns::deletions(records, &leaving, owner);
    let mut due = dns::changes(records, &work.wanted, owner, &work.held);
    due.extend(gone.iter().map(HostChange::from));
    due.extend(reweighed(at.inputs, work, records, owner));
    due
}

fn log(at: &AtZone<'_>, due: &[HostChange]) {
    let names = |records: &[ZoneRecord]| records.iter().map(ToString::to_string).collect::<Vec<_>>();
    let deleted: Vec<_> = due.iter().flat_map(|change| names(change.deletes())).collect();
    let created: Vec<_> = due.iter().flat_map(|change| names(change.creates())).collect();
    tracing::info!(zone = at.zone.name, id = at.zone.id, ?deleted, ?created, "changing records");
}

/// The hosts whose change isn't in all name servers yet: of those that were made just now all, and of earlier ones what Route 53 says.
async fn on_the_way(at: &AtZone<'_>, written: &Written) -> Result<BTreeMap<String, String>, DnsError> {
    let mut found = written.accepted.clone();
    let mut asked: BTreeMap<&str, bool> = BTreeMap::new();
    for (host, record) in &at.inputs.published.hosts {
        let is_here = record.zone.as_ref().is_some_and(|zone| zone.id == at.zone.id);
        let Some(change) = record.change.as_deref().filter(|_| is_here && !found.contains_key(host)) else { continue };
        let is_in_sync = match asked.get(change) {
            Some(known) => *known,
            None => at.route53.is_in_sync(change).await?,
        };
        asked.insert(change, is_in_sync);
        if !is_in_sync {
            found.insert(host.clone(), change.to_owned());
        }
    }
    Ok(found)
}

/// Adds to what the zone says what became of the changes.
pub(super) fn note(
    mut state: ZoneState,
    work: &ZoneWork,
    written: Written,
    on_the_way: BTreeMap<String, String>,
) -> ZoneState {
    for (host, error) in written.refused {
        if work.leaving.contains(&host) {
            state.failures.push(Failure { error, zone: Some(work.zone.clone()), leaving: vec![host] });
        } else {
            let awaited = error.retry_after().is_some();
            state.hosts.insert(host, Some(Obstacle { sentence: error.to_string(), awaited }));
        }
    }
    for (host, change) in &on_the_way {
        if work.leaving.contains(host) {
            state.remaining.insert((host.clone(), work.zone.id.clone()));
        } else if let Some(why) = state.hosts.get_mut(host) {
            let sentence = format!("its records are on their way to the name servers of Route 53 (change {change})");
            *why = why.take().or(Some(Obstacle { sentence, awaited: true }));
        }
    }
    state.pending = on_the_way;
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(hosts: &[&str]) -> BTreeMap<String, String> {
        hosts.iter().map(|host| ((*host).to_owned(), "C1".to_owned())).collect()
    }

    #[test]
    fn a_host_counts_when_its_change_has_arrived_everywhere() {
        let work = ZoneWork { leaving: ["old.test".to_owned()].into(), ..ZoneWork::default() };
        let hosts = ["a.test", "b.test"].map(|host| (host.to_owned(), None)).into();
        let seen =
            note(ZoneState { hosts, ..ZoneState::default() }, &work, Written::default(), of(&["a.test", "old.test"]));
        let why = seen.hosts["a.test"].as_ref().unwrap();
        assert!(why.awaited && why.sentence.contains("change C1"), "{why:?}");
        assert_eq!(seen.hosts["b.test"], None);
        assert!(seen.remains("old.test", ""), "resolvers may be given it still");
        assert_eq!(seen.pending, of(&["a.test", "old.test"]));
    }

    #[test]
    fn a_refused_host_says_why_and_the_others_nothing() {
        let work = ZoneWork { leaving: ["old.test".to_owned()].into(), ..ZoneWork::default() };
        let error = DnsError::Refused { action: "write the records of a.test".into(), reason: "InvalidInput".into() };
        let hosts = ["a.test", "b.test"].map(|host| (host.to_owned(), None)).into();
        let refused = ["a.test", "old.test"].map(|host| (host.to_owned(), error.clone())).into();
        let written = Written { refused, ..Written::default() };
        let seen = note(ZoneState { hosts, ..ZoneState::default() }, &work, written, BTreeMap::new());
        let why = seen.hosts["a.test"].as_ref().unwrap();
        assert!(!why.awaited && why.sentence.contains("a.test: InvalidInput"), "{why:?}");
        assert_eq!((&seen.hosts["b.test"], seen.failures.len()), (&None, 1));
        assert!(seen.failures[0].to_string().contains("the records of old.test can't be taken out"));
    }
}
