//! Reads the cache of the cluster's objects, which watches keep.

use super::super::Reconcile;
use causeway_cluster::{ClusterError, ObjectChange, WriteOutcome};
use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::{labels::Owner, observed::Seen, plan::Plan};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

/// How long the first list of a kind may take before a reconcile goes on without it.
const FIRST_LIST: Duration = Duration::from_secs(5);
/// How long the watch may take to show what was written before a reconcile goes on without it.
const ECHO: Duration = Duration::from_millis(100);

impl Reconcile<'_> {
    /// Watches the kinds of these objects, and waits until they are listed, as far as the cluster serves them.
    pub(in super::super) async fn watch<'o>(&self, objects: impl Iterator<Item = &'o ObjectRef>) {
        let cache = &self.connection.cache;
        let mut kinds: HashMap<_, &ObjectRef> = HashMap::new();
        for object in objects {
            kinds.entry((&object.group, &object.kind)).or_insert(object);
        }
        kinds.values().for_each(|object| cache.ensure_watched(object));
        cache.wait_listed(kinds.into_values(), tokio::time::Instant::now() + FIRST_LIST).await;
    }

    /// Has the record woken when the kind of an object that could not be applied is served: no object of its own will tell.
    pub(super) fn wait_for_kinds(&self, owner: Owner, errors: &[ClusterError]) {
        let discovery = self.connection.cluster.discovery();
        let unserved = errors.iter().filter_map(ClusterError::object).filter(|at| !discovery.knows(at));
        self.connection.cache.wake_when_served(&owner.to_string(), unserved.cloned().collect());
    }

    /// One error for each kind of which objects were applied that nobody can see: nothing could be said of them, and a change of them would go
    /// unnoticed.
    pub(super) fn unwatched(&self, plan: &Plan, applied: &WriteOutcome) -> Vec<ClusterError> {
        let mut kinds = HashSet::new();
        let objects = plan.objects.iter().map(|object| &object.at);
        let first_of_each = objects.filter(|at| kinds.insert((&at.group, &at.kind)));
        let unwatched = first_of_each.filter_map(|at| self.connection.cache.unwatched(at));
        unwatched.filter(|error| error.object().is_some_and(|at| applied.change(at).is_some())).collect()
    }

    /// The record's objects, and these others.
    pub(in super::super) fn seen<'o>(&self, owner: Owner, others: impl Iterator<Item = &'o ObjectRef>) -> Seen {
        let (cache, owner) = (&self.connection.cache, owner.to_string());
        let others = others.filter_map(|at| cache.get_for(&owner, at));
        let own = cache.by_owner(&owner);
        own.into_iter().chain(others).map(|object| (object.at.clone(), object.observed())).collect()
    }

    /// The instant up to which all events about the record are covered by this reconcile. None if an object isn't as it was left, or a further
    /// one is there. The echo of what was just written is waited for a little: then the conditions show it.
    pub(super) async fn observed_up_to(&self, owner: Owner, applied: &WriteOutcome) -> Option<Instant> {
        let cache = &self.connection.cache;
        if !applied.errors.is_empty() || applied.pending().next().is_some() {
            return None;
        }
        if applied.changes.iter().any(|(_, change)| !matches!(change, ObjectChange::Skipped | ObjectChange::Unchanged))
        {
            let stand: Vec<_> = applied.inventory.iter().filter(|entry| entry.ended.is_none()).collect();
            cache.wait_seen(stand, tokio::time::Instant::now() + ECHO).await;
        }
        let now = Instant::now();
        // Only what is read after that instant counts.
        let as_left = |entry: &InventoryEntry| match cache.get(&entry.object) {
            Some(seen) => seen.is_as_left(entry),
            // A Job that has run may be gone.
            None => entry.ended.is_some(),
        };
        let known: HashSet<&ObjectRef> = applied.inventory.iter().map(|entry| &entry.object).collect();
        let orphan = cache.by_owner(&owner.to_string()).iter().any(|seen| seen.applied && !known.contains(&seen.at));
        (!orphan && applied.inventory.iter().all(as_left)).then_some(now)
    }
}
