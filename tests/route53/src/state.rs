//! The emulator's data in memory: zones, changes and the journal.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    fault::Fault,
    faults::AllFaults,
    limit::AccountLimits,
    name::Name,
    policy::Policies,
    record::{Content, Key, RecordSet, Routing},
    served::{Records, Versions},
    zone::{Change, Zone},
};

/// One accepted change, as the journal keeps it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct JournalEntry {
    /// Counts all entries from 1, so that a reader can go on where it stopped.
    pub sequence: u64,
    /// When the change was accepted, by this machine's clock.
    pub at: DateTime<Utc>,
    /// The id of its zone.
    pub zone_id: String,
    /// The batch it came in, as in `GetChange`.
    pub change_id: String,
    /// `CREATE`, `UPSERT` or `DELETE`.
    pub action: String,
    /// Fully qualified with the final dot; a wildcard is `\052.`.
    pub name: String,
    /// The record type.
    pub kind: String,
    /// For routing policies other than the simple one.
    pub set_identifier: Option<String>,
    /// Of a weighted record.
    pub weight: Option<i64>,
    /// In seconds; `None` for an alias.
    pub ttl: Option<i64>,
    /// As they were sent; for an alias its target.
    pub values: Vec<String>,
    /// The access key that the request was signed with.
    pub access_key: String,
}

/// The emulator's memory, shared by its handlers.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) zones: BTreeMap<String, Zone>,
    pub(crate) journal: Vec<JournalEntry>,
    pub(crate) faults: AllFaults,
    /// How often each operation was called, whatever the outcome.
    pub(crate) calls: BTreeMap<String, u64>,
    /// The same by zone and access key.
    pub(crate) zone_calls: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) limits: AccountLimits,
    pub(crate) policies: Policies,
    changes: BTreeMap<String, ChangeInfo>,
    /// Counts zones in the order in which they were made.
    zones_made: u64,
}

/// A batch that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct ChangeInfo {
    pub(crate) id: String,
    pub(crate) at: DateTime<Utc>,
    accepted: Instant,
}

impl Shared {
    /// The state. A panic of another handler can't leave it half changed: each step replaces whole values.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn zone(&self, id: &str) -> Result<&Zone, Fault> {
        self.zones.get(id).ok_or_else(|| Fault::no_such_zone(id))
    }

    pub(crate) fn zone_mut(&mut self, id: &str) -> Result<&mut Zone, Fault> {
        self.zones.get_mut(id).ok_or_else(|| Fault::no_such_zone(id))
    }

    /// Adds a zone with its NS and SOA records.
    pub(crate) fn create_zone(
        &mut self,
        name: &str,
        caller_reference: String,
        comment: Option<String>,
        private: bool,
    ) -> Result<(Zone, ChangeInfo), Fault> {
        let parsed = Name::parse(name).filter(Name::is_plain).ok_or_else(|| Fault::invalid_domain_name(name))?;
        if self.zones.values().any(|zone| zone.caller_reference == caller_reference) {
            return Err(Fault::zone_exists(&caller_reference));
        }
        let id = unique_id('Z');
        let records = apex_records(&parsed);
        let zone = Zone {
            id: id.clone(),
            number: self.zones_made,
            name: parsed,
            caller_reference,
            comment,
            private,
            tags: BTreeMap::new(),
            versions: Versions::first(&records),
            records,
        };
        self.zones_made += 1;
        self.zones.insert(id, zone.clone());
        Ok((zone, self.change_info()))
    }

    /// Removes a zone that holds only what it was created with.
    pub(crate) fn delete_zone(&mut self, id: &str) -> Result<ChangeInfo, Fault> {
        let zone = self.zone(id)?;
        if zone.records.len() > 2 {
            return Err(Fault::zone_not_empty());
        }
        self.zones.remove(id);
        Ok(self.change_info())
    }

    /// Makes all changes or none.
    pub(crate) fn change(&mut self, zone_id: &str, changes: &[Change], access_key: &str) -> Result<ChangeInfo, Fault> {
        let mut after =
            self.zone(zone_id)?.apply(changes).map_err(|problems| Fault::invalid_change_batch(&problems))?;
        after.versions.add(&after.records, self.faults.propagation());
        self.zones.insert(zone_id.to_owned(), after);
        let info = self.change_info();
        for change in changes {
            let sequence = self.journal.len() as u64 + 1;
            self.journal.push(entry(sequence, zone_id, &info, change, access_key));
        }
        Ok(info)
    }

    pub(crate) fn change_by_id(&self, id: &str) -> Result<&ChangeInfo, Fault> {
        self.changes.get(id).ok_or_else(|| Fault::no_such_change(id))
    }

    /// `PENDING` until the change has been there for long enough, then `INSYNC`.
    pub(crate) fn status(&self, change: &ChangeInfo) -> &'static str {
        if change.accepted.elapsed() < self.faults.propagation() { "PENDING" } else { "INSYNC" }
    }

    fn change_info(&mut self) -> ChangeInfo {
        let info = ChangeInfo { id: unique_id('C'), at: Utc::now(), accepted: Instant::now() };
        self.changes.insert(info.id.clone(), info.clone());
        info
    }
}

impl State {
    /// The public zone that a name is in, and what its name servers have.
    pub(crate) fn served(&self, name: &Name) -> Option<(Name, Records)> {
        let zones = self.zones.values().filter(|zone| !zone.private && name.is_within(&zone.name));
        let zone = zones.max_by_key(|zone| (zone.name.depth(), zone.number))?;
        Some((zone.name.clone(), zone.versions.served(self.faults.propagation())?))
    }
}

fn unique_id(kind: char) -> String {
    let hex = Uuid::new_v4().simple().to_string().to_uppercase();
    format!("{kind}{}", &hex[..20])
}

fn apex_records(zone: &Name) -> BTreeMap<Key, RecordSet> {
    let record = |kind: &str, ttl, values: &[&str]| {
        let key = Key { name: zone.clone(), kind: kind.to_owned(), set_identifier: None };
        let values = values.iter().map(|&value| value.to_owned()).collect();
        (key.clone(), RecordSet { key, routing: None, content: Content::Values { ttl, values }, health_check: None })
    };
    BTreeMap::from([
        record("NS", 172_800, &NAME_SERVERS),
        record("SOA", 900, &["ns1.rig.invalid. hostmaster.rig.invalid. 1 7200 900 1209600 86400"]),
    ])
}

/// The name servers of every zone.
pub const NAME_SERVERS: [&str; 2] = ["ns1.rig.invalid.", "ns2.rig.invalid."];

fn entry(sequence: u64, zone_id: &str, info: &ChangeInfo, change: &Change, access_key: &str) -> JournalEntry {
    let (ttl, values) = match &change.record.content {
        Content::Values { ttl, values } => (Some(*ttl), values.clone()),
        Content::Alias { target, .. } => (None, vec![target.to_string()]),
    };
    let Key { name, kind, set_identifier } = &change.record.key;
    JournalEntry {
        sequence,
        at: info.at,
        zone_id: zone_id.to_owned(),
        change_id: info.id.clone(),
        action: change.action.as_str().to_owned(),
        name: name.to_string(),
        kind: kind.clone(),
        set_identifier: set_identifier.clone(),
        weight: match change.record.routing {
            Some(Routing::Weight(weight)) => Some(weight),
            _ => None,
        },
        ttl,
        values,
        access_key: access_key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(state: &mut State, name: &str, private: bool) -> String {
        let (zone, _) =
            state.create_zone(name, format!("{name} {private} {}", state.zones.len()), None, private).unwrap();
        zone.id
    }

    fn zone_of(state: &State, name: &str) -> Option<String> {
        state.served(&Name::parse(name).unwrap()).map(|(zone, _)| zone.to_string())
    }

    #[test]
    fn the_closest_public_zone_answers() {
        let mut state = State::default();
        for (name, private) in [("example.test", false), ("a.example.test", false), ("b.example.test", true)] {
            made(&mut state, name, private);
        }
        assert_eq!(zone_of(&state, "www.a.example.test").as_deref(), Some("a.example.test."));
        assert_eq!(zone_of(&state, "www.b.example.test").as_deref(), Some("example.test."));
        assert_eq!(zone_of(&state, "www.elsewhere.test"), None);
    }
}
