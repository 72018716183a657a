//! What changes in DNS.

use super::{ChangeKind, Rendered, rendered::HostRecords};
use crate::domain_name::RecordSet;
use causeway_records::trial::{Side, Trial};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The records of one hostname and type.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordChange {
    /// Which way they change.
    pub change: ChangeKind,
    pub hostname: String,
    /// `A`, `AAAA` or `CNAME`; left out: the Gateway has no address yet, so nobody knows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub r#type: String,
    /// The hosted zone; left out: it is looked for when the records are published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The values before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub old: Vec<String>,
    /// The values afterwards.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<String>,
    /// The time to live before, where it changes.
    #[serde(rename = "OldTTL", skip_serializing_if = "Option::is_none")]
    pub old_ttl: Option<i64>,
    /// The time to live afterwards, where it changes.
    #[serde(rename = "NewTTL", skip_serializing_if = "Option::is_none")]
    pub new_ttl: Option<i64>,
    /// The weight among the records of several clusters before, where it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_weight: Option<i32>,
    /// The weight afterwards, where it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_weight: Option<i32>,
}

/// By cluster, hostname and zone: who of several domain name instances publishes it changes nothing.
type Hosts<'a> = BTreeMap<(Option<i64>, &'a str, Option<&'a str>), &'a HostRecords>;

pub(super) fn changes(trial: &Trial<Rendered>) -> Vec<RecordChange> {
    let (before, after) = (hosts(&trial.before), hosts(&trial.after));
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |key: &(Option<i64>, &str, Option<&str>)| {
        let (old, new) = (before.get(key).copied(), after.get(key).copied());
        host(key.1, key.2, old, new)
    };
    all.into_iter().flat_map(of).collect()
}

fn hosts(side: &Side<Rendered>) -> Hosts<'_> {
    let mut hosts = Hosts::new();
    for (subject, rendered) in &side.records {
        let runtime = side.touched.get(subject).and_then(|of| of.runtime_id);
        for (hostname, records) in &rendered.hosts {
            hosts.insert((runtime, hostname, records.zone.as_deref()), records);
        }
    }
    hosts
}

fn host(hostname: &str, zone: Option<&str>, old: Option<&HostRecords>, new: Option<&HostRecords>) -> Vec<RecordChange> {
    let sets = |records: Option<&HostRecords>| records.map(|records| records.sets.clone()).unwrap_or_default();
    let (old_sets, new_sets) = (sets(old), sets(new));
    let change = |change, kind: &str| RecordChange {
        change,
        hostname: hostname.to_owned(),
        r#type: kind.to_owned(),
        zone: zone.map(str::to_owned),
        old: vec![],
        new: vec![],
        old_ttl: None,
        new_ttl: None,
        old_weight: None,
        new_weight: None,
    };
    if old_sets.is_empty() && new_sets.is_empty() {
        return match (old, new) {
            (None, Some(_)) => vec![change(ChangeKind::Added, "")],
            // Nothing was published for it.
            _ => vec![],
        };
    }
    let find = |sets: &[RecordSet], kind: &str| sets.iter().find(|set| set.record_type == kind).cloned();
    let types: BTreeSet<_> = old_sets.iter().chain(&new_sets).map(|set| set.record_type).collect();
    let of = |kind: &str| {
        let (old, new) = (find(&old_sets, kind), find(&new_sets, kind));
        let which = match (&old, &new) {
            (None, _) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(old), Some(new)) if old != new => ChangeKind::Changed,
            _ => return None,
        };
        let ttl = |set: &Option<RecordSet>| set.as_ref().map(|set| set.ttl);
        let (old_ttl, new_ttl) = (ttl(&old), ttl(&new));
        let differs = old_ttl != new_ttl && which == ChangeKind::Changed;
        let weight = |set: &Option<RecordSet>| Some(set.as_ref()?.weighted.as_ref()?.weight);
        let (old_weight, new_weight) = (weight(&old), weight(&new));
        let weighs = old_weight != new_weight;
        Some(RecordChange {
            old_weight: old_weight.filter(|_| weighs),
            new_weight: new_weight.filter(|_| weighs),
            old: old.map(|set| set.values).unwrap_or_default(),
            new: new.map(|set| set.values).unwrap_or_default(),
            old_ttl: old_ttl.filter(|_| differs),
            new_ttl: new_ttl.filter(|_| differs),
            ..change(which, kind)
        })
    };
    types.into_iter().filter_map(of).collect()
}
