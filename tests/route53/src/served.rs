//! What the name servers have of a zone, which is behind what the API has while a change is PENDING.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::record::{Key, RecordSet};

/// The records of a zone as they were at one time.
pub(crate) type Records = Arc<BTreeMap<Key, RecordSet>>;

/// The records of a zone with the times from which they are on their way to the name servers; the oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Versions(Vec<(Instant, Records)>);

impl Versions {
    /// A new zone is served at once.
    pub(crate) fn first(records: &BTreeMap<Key, RecordSet>) -> Self {
        Self(vec![(Instant::now(), Arc::new(records.clone()))])
    }

    /// Adds what holds from now on, and forgets what nobody is served any more.
    pub(crate) fn add(&mut self, records: &BTreeMap<Key, RecordSet>, propagation: Duration) {
        let current = self.current(propagation);
        self.0.drain(..current);
        self.0.push((Instant::now(), Arc::new(records.clone())));
    }

    /// The last that all name servers have; the oldest where none is that old.
    fn current(&self, propagation: Duration) -> usize {
        self.0.iter().rposition(|(since, _)| since.elapsed() >= propagation).unwrap_or(0)
    }

    /// What all name servers have, when a change takes so long to reach them; None: nothing yet.
    pub(crate) fn served(&self, propagation: Duration) -> Option<Records> {
        self.0.get(self.current(propagation)).map(|(_, records)| Arc::clone(records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_served_when_it_is_in_sync() {
        let records = BTreeMap::new();
        let mut versions = Versions::first(&records);
        let first = versions.served(Duration::ZERO).unwrap();
        let hour = Duration::from_secs(3600);
        versions.add(&records, hour);
        assert!(Arc::ptr_eq(&versions.served(hour).unwrap(), &first));
        let second = versions.served(Duration::ZERO).unwrap();
        assert!(!Arc::ptr_eq(&second, &first));
        versions.add(&records, Duration::ZERO);
        assert_eq!(versions.0.len(), 2, "what was before is forgotten");
    }
}
