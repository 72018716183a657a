//! What to know before a write: sentences for people.

use super::{ChangeKind, ClaimChange, Effect, Rendered};
use causeway_records::{
    Kind,
    trial::{Side, Trial},
};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn warnings(trial: &Trial<Rendered>, effect: &Effect) -> Vec<String> {
    let mut all = vec![];
    all.extend(unanswered(&effect.claims));
    all.extend(not_rendered(trial));
    all.extend(paused(trial));
    all.extend(without_address(effect));
    all.extend(leave_slowly(trial));
    all.extend(services(trial));
    all
}

/// Hostnames and ports that nobody answers to any more.
fn unanswered(claims: &[ClaimChange]) -> Vec<String> {
    let of = |wanted: ChangeKind| -> BTreeSet<_> {
        let some = claims.iter().filter(move |claim| claim.change == wanted);
        some.map(|claim| (claim.protocol.as_str(), claim.hostname.as_str(), claim.port)).collect()
    };
    let (added, removed) = (of(ChangeKind::Added), of(ChangeKind::Removed));
    let sentence = |(protocol, hostname, port): &(&str, &str, i32)| {
        let hostname = if hostname.is_empty() { String::new() } else { format!(" for {hostname}") };
        format!("{protocol} port {port}{hostname}: what is answered there now may not be answered any more")
    };
    removed.difference(&added).map(sentence).collect()
}

fn not_rendered(trial: &Trial<Rendered>) -> Vec<String> {
    let mut all = vec![];
    for (subject, rendered) in &trial.after.records {
        let known = trial.before.records.get(subject);
        let name = trial.after.touched.get(subject).map(|of| of.name.as_str()).unwrap_or_default();
        let is_new = |sentence: &String| known.is_none_or(|known| !known.warnings.contains(sentence));
        if let Some(why) = &rendered.invalid {
            all.push(format!("{} {name}: nothing is applied, because {why}", subject.0));
        }
        all.extend(
            rendered.warnings.iter().filter(|one| is_new(one)).map(|one| format!("{} {name}: {one}", subject.0)),
        );
    }
    all
}

fn paused(trial: &Trial<Rendered>) -> Vec<String> {
    let paused =
        trial.after.touched.iter().filter(|(subject, of)| of.paused && trial.after.records.contains_key(subject));
    let sentence =
        |of: &str, kind: Kind| format!("{kind} {of} is paused, or its cluster is: this happens when it is resumed");
    paused.map(|((kind, _), of)| sentence(&of.name, *kind)).collect()
}

fn without_address(effect: &Effect) -> Vec<String> {
    let new = effect.dns_records.iter().filter(|record| record.r#type.is_empty());
    new.map(|record| format!("{} gets its records when its Gateway has an address", record.hostname)).collect()
}

/// Zones that lose more hostnames than workers take out of one at once.
fn leave_slowly(trial: &Trial<Rendered>) -> Vec<String> {
    let of = |side: &Side<Rendered>| -> BTreeMap<(String, String), (usize, usize)> {
        let hosts = side.records.values().flat_map(|rendered| &rendered.hosts);
        let published = hosts.filter(|(_, records)| !records.sets.is_empty());
        published
            .filter_map(|(hostname, records)| Some(((records.zone.clone()?, hostname.clone()), records.may_leave)))
            .collect()
    };
    let (before, after) = (of(&trial.before), of(&trial.after));
    // Of two domains with one zone the one that allows less is told of.
    let mut leaving = BTreeMap::<&str, (usize, (usize, usize))>::new();
    for ((zone, hostname), may_leave) in &before {
        if !after.contains_key(&(zone.clone(), hostname.clone())) {
            let (count, least) = leaving.entry(zone).or_insert((0, *may_leave));
            *count += 1;
            *least = (*least).min(*may_leave);
        }
    }
    let many = leaving.into_iter().filter(|(_, (count, (hosts, _)))| count > hosts);
    let sentence = |(zone, (count, (hosts, percent))): (&str, (usize, (usize, usize)))| {
        format!(
            "{count} hostnames leave hosted zone {zone}: {hosts} may at once, or {percent} percent of ours there; others wait for a person's word, which the condition DnsPublished asks for"
        )
    };
    many.map(sentence).collect()
}

/// Support services are rendered from what a worker finds in the cluster.
fn services(trial: &Trial<Rendered>) -> Vec<String> {
    let is_known = |id: &i64| *id < causeway_records::trial::PLACEHOLDER;
    let woken =
        trial.after.touched.iter().filter(|((kind, id), _)| *kind == Kind::SupportServiceInstance && is_known(id));
    let sentence = |name: &str, runtime: &str| {
        format!("support service {name} of {runtime} is looked at again; what changes of its own objects is not shown")
    };
    woken.map(|(_, of)| sentence(&of.name, &of.runtime)).collect()
}
