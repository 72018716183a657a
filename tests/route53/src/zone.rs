//! A hosted zone, and the rules by which a batch of changes is accepted whole or refused whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    name::Name,
    record::{Content, Key, RecordSet, Routing},
    served::Versions,
};

/// The most records a request may hold, and the most characters in their values; an UPSERT counts twice.
const MAX_RECORDS: usize = 1000;
const MAX_CHARACTERS: usize = 32_000;

/// A hosted zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) id: String,
    /// In the order in which zones were made.
    pub(crate) number: u64,
    pub(crate) name: Name,
    pub(crate) caller_reference: String,
    pub(crate) comment: Option<String>,
    pub(crate) private: bool,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) records: BTreeMap<Key, RecordSet>,
    pub(crate) versions: Versions,
}

/// What a change does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Create,
    Upsert,
    Delete,
}

impl Action {
    /// As on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
        }
    }
}

/// One change of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) action: Action,
    pub(crate) record: RecordSet,
}

impl Zone {
    /// The zone after these changes.
    ///
    /// # Errors
    /// Everything that is wrong with the batch, in Route53's words; nothing has been changed then.
    pub(crate) fn apply(&self, changes: &[Change]) -> Result<Self, Vec<String>> {
        let mut after = self.clone();
        let mut problems = Vec::new();
        let size = |change: &Change| match (&change.record.content, change.action) {
            (Content::Alias { .. }, _) => 1,
            (Content::Values { values, .. }, Action::Upsert) => values.len() * 2,
            (Content::Values { values, .. }, _) => values.len(),
        };
        if changes.iter().map(size).sum::<usize>() > MAX_RECORDS {
            return Err(vec![format!("Number of records limit of {MAX_RECORDS} exceeded.")]);
        }
        let characters = |change: &Change| match (&change.record.content, change.action) {
            (Content::Alias { .. }, _) => 0,
            (Content::Values { values, .. }, Action::Upsert) => values.iter().map(String::len).sum::<usize>() * 2,
            (Content::Values { values, .. }, _) => values.iter().map(String::len).sum(),
        };
        if changes.iter().map(characters).sum::<usize>() > MAX_CHARACTERS {
            return Err(vec![format!("Number of characters limit of {MAX_CHARACTERS} exceeded.")]);
        }
        for Change { action, record } in changes {
            let before = problems.len();
            problems.extend(self.place_problems(record));
            if *action != Action::Delete {
                problems.extend(record.problems());
            }
            if problems.len() == before
                && let Err(problem) = after.change(*action, record)
            {
                problems.push(problem);
            }
        }
        if problems.is_empty() {
            problems = after.conflicts(changes);
        }
        if problems.is_empty() { Ok(after) } else { Err(problems) }
    }

    /// What is wrong with a record set's place in this zone.
    fn place_problems(&self, record: &RecordSet) -> Option<String> {
        let Key { name, kind, .. } = &record.key;
        if !name.is_within(&self.name) {
            return Some(format!("RRSet with DNS name {name} is not permitted in zone {}", self.name));
        }
        (kind == "CNAME" && *name == self.name)
            .then(|| format!("RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {}", self.name))
    }

    fn change(&mut self, action: Action, record: &RecordSet) -> Result<(), String> {
        let key = &record.key;
        let tried = |what: &str| format!("Tried to {what} resource record set {}", key.quoted());
        match (action, self.records.get(key)) {
            (Action::Create, Some(_)) => Err(format!("{} but it already exists", tried("create"))),
            (Action::Delete, None) => Err(format!("{} but it was not found", tried("delete"))),
            (Action::Delete, Some(existing)) if !same(existing, record) => {
                Err(format!("{} but the values provided do not match the current values", tried("delete")))
            }
            (Action::Delete, Some(_)) if key.name == self.name && ["NS", "SOA"].contains(&key.kind.as_str()) => {
                Err(format!("A HostedZone must contain at least one {} record for the zone itself.", key.kind))
            }
            (Action::Delete, Some(_)) => {
                self.records.remove(key);
                Ok(())
            }
            (Action::Create | Action::Upsert, _) => {
                self.records.insert(key.clone(), record.clone());
                Ok(())
            }
        }
    }

    /// Which records exclude each other at the names that the changes touch.
    fn conflicts(&self, changes: &[Change]) -> Vec<String> {
        let names: BTreeSet<&Name> = changes.iter().map(|change| &change.record.key.name).collect();
        names.into_iter().flat_map(|name| self.conflicts_at(name)).collect()
    }

    fn conflicts_at(&self, name: &Name) -> Vec<String> {
        let mut kinds: BTreeMap<&str, Vec<&RecordSet>> = BTreeMap::new();
        for record in self.records.values().filter(|record| record.key.name == *name) {
            kinds.entry(&record.key.kind).or_default().push(record);
        }
        let mut problems = Vec::new();
        if kinds.len() > 1 && kinds.contains_key("CNAME") {
            problems.push(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the same \
                 DNS name in zone {}",
                self.name
            ));
        }
        for (kind, records) in kinds {
            problems.extend(mixed(name, kind, &records));
        }
        problems
    }
}

/// What is wrong with the records of one name and type together.
fn mixed(name: &Name, kind: &str, records: &[&RecordSet]) -> Option<String> {
    let policies: BTreeSet<_> = records.iter().map(|record| policy(record)).collect();
    let set = records.iter().find_map(|record| record.key.set_identifier.as_ref());
    let subject = format!("RRSet with DNS name {name}, type {kind}");
    let of_set = set.map_or(subject.clone(), |set| format!("{subject}, SetIdentifier {set}"));
    if policies.contains("simple") && policies.contains("weighted") {
        return Some(format!("{of_set} cannot be created as a non-weighted set exists with the same name and type."));
    }
    if policies.len() > 1 {
        return Some(format!("{subject} cannot be created as other RRSets exist with the same name and type."));
    }
    let ttl = |record: &RecordSet| match record.content {
        Content::Values { ttl, .. } => Some(ttl),
        // That of its target counts.
        Content::Alias { .. } => None,
    };
    let ttls: BTreeSet<_> = records.iter().filter_map(|record| ttl(record)).collect();
    (policies.contains("weighted") && ttls.len() > 1)
        .then(|| format!("{of_set} cannot be created as weighted sets must contain the same TTL."))
}

fn policy(record: &RecordSet) -> &'static str {
    match record.routing {
        None => "simple",
        Some(Routing::Weight(_)) => "weighted",
        Some(Routing::Region(_)) => "latency",
        Some(Routing::Failover(_)) => "failover",
        Some(Routing::MultiValue) => "multivalue answer",
    }
}

/// Whether two sets are the same for a DELETE: in everything, but the order of values doesn't matter.
fn same(a: &RecordSet, b: &RecordSet) -> bool {
    let sorted = |record: &RecordSet| {
        let mut record = record.clone();
        if let Content::Values { values, .. } = &mut record.content {
            values.sort();
        }
        record
    };
    sorted(a) == sorted(b)
}
