//! Deletes what a record no longer wants: only what is proven to be its own, in exactly the state that was read.

use std::sync::atomic::{AtomicBool, Ordering};

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use futures::{StreamExt, stream};

use super::{
    Cluster, ClusterError, FieldOwner, LiveObject, Lookup, ObjectChange, WriteOutcome,
    apply::CONCURRENCY,
    contents::Occupancy,
    live::held_up,
    wave::{Wave, is_crd, is_namespace},
};

/// What becomes of an object whose deletion is held up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldUp {
    /// It stays in the inventory, and what it needs waits for it.
    Wait,
    /// Its deletion is asked for, and nobody waits for it.
    LetGo,
}

/// What the objects of one call have in common.
struct PruneRun<'a> {
    owner: &'a FieldOwner,
    held_up: HeldUp,
    /// Set by a failure that concerns everything.
    stop: AtomicBool,
}

/// Attempts for an object that somebody else changes between our read and our deletion, before other records get their turn.
pub(crate) const TRIES: usize = 5;

impl Cluster {
    /// Deletes the objects of these entries, in the reverse order of their creation; what others need waits until those are gone.
    ///
    /// An object that is not the one of the inventory, or no longer carries this record's labels, stays and leaves the inventory. So do
    /// objects marked to be kept, namespaces and custom resource definitions that hold somebody else's objects. What is on its way
    /// out stays in the inventory as pending: call again when the cache wakes the record.
    pub async fn prune(&self, owner: &FieldOwner, entries: &[InventoryEntry]) -> WriteOutcome {
        self.prune_waves(owner, entries, HeldUp::Wait).await
    }

    /// As [`Self::prune`], by a person's word: the deletion of every object is asked for, and what is held up or refused leaves the inventory
    /// as released. Only a failure that concerns the whole cluster keeps an entry.
    pub async fn prune_and_let_go(&self, owner: &FieldOwner, entries: &[InventoryEntry]) -> WriteOutcome {
        self.prune_waves(owner, entries, HeldUp::LetGo).await
    }

    async fn prune_waves(&self, owner: &FieldOwner, entries: &[InventoryEntry], held_up: HeldUp) -> WriteOutcome {
        let run = PruneRun { owner, held_up, stop: AtomicBool::new(false) };
        let mut outcome = WriteOutcome::default();
        for wave in Wave::ALL.into_iter().rev() {
            let waits_for = outcome.pending().next().map(|(object, _)| object.to_string());
            let of_wave = entries.iter().rev().filter(|entry| Wave::for_object(&entry.object) == wave);
            if !outcome.errors.is_empty() {
                outcome.inventory.extend(of_wave.cloned());
                continue;
            }
            // Futures first, then the stream: a closure inside the stream's type would keep the whole from being Send.
            let pruning: Vec<_> = of_wave.map(|entry| self.prune_entry(&run, entry, waits_for.as_deref())).collect();
            let mut results = stream::iter(pruning).buffered(CONCURRENCY);
            while let Some((entry, result)) = results.next().await {
                let gone = matches!(result, Some(Ok(ObjectChange::Deleted | ObjectChange::Released(_))));
                if !gone {
                    outcome.inventory.push(entry.clone());
                }
                match result {
                    Some(Ok(change)) => outcome.changes.push((entry.object.clone(), change.bounded())),
                    Some(Err(error)) => outcome.errors.push(error),
                    None => {}
                }
            }
        }
        outcome
    }

    async fn prune_entry<'o>(
        &self,
        run: &PruneRun<'_>,
        entry: &'o InventoryEntry,
        waits_for: Option<&str>,
    ) -> (&'o InventoryEntry, Option<Result<ObjectChange, ClusterError>>) {
        (entry, self.prune_object(run, entry, waits_for).await)
    }

    /// None if another object's failure came first and left no point in trying.
    async fn prune_object(
        &self,
        run: &PruneRun<'_>,
        entry: &InventoryEntry,
        waits_for: Option<&str>,
    ) -> Option<Result<ObjectChange, ClusterError>> {
        if run.stop.load(Ordering::Relaxed) {
            return None;
        }
        let mut result = match waits_for {
            Some(other) => Ok(ObjectChange::Pending(format!("{other} has to be gone first"))),
            None => self.remove(run, entry).await,
        };
        if run.held_up == HeldUp::LetGo {
            result = self.let_go(run.owner, entry, result).await;
        }
        if result.as_ref().is_err_and(ClusterError::stops_everything) {
            run.stop.store(true, Ordering::Relaxed);
        }
        Some(result)
    }

    async fn remove(&self, run: &PruneRun<'_>, entry: &InventoryEntry) -> Result<ObjectChange, ClusterError> {
        let (owner, at) = (run.owner, &entry.object);
        for _ in 0..TRIES {
            if let Some(change) = self.without_kind(entry).await? {
                return Ok(change);
            }
            let live = match self.get(at).await? {
                Lookup::Found(live) => live,
                Lookup::Absent => return Ok(ObjectChange::Deleted),
                // The cached answer was wrong; the next look-up asks.
                Lookup::NotServed => continue,
            };
            if let Some(why) = not_ours(owner, entry, &live) {
                return Ok(ObjectChange::Released(why));
            }
            if live.is_deleting() {
                return Ok(ObjectChange::Pending(held_up(&live)));
            }
            let done = match self.obstacle(run, entry, &live).await? {
                Some(ObjectChange::Released(why)) => {
                    self.release(owner, at, &live).await?.then_some(ObjectChange::Released(why))
                }
                Some(other) => Some(other),
                None if self.delete(owner, at, &live).await? => Some(self.confirm(at, &live).await?),
                None => None,
            };
            if let Some(change) = done {
                return Ok(change);
            }
        }
        Err(ClusterError::refused(at, CHANGES))
    }

    /// What keeps an object of ours from being deleted now.
    async fn obstacle(
        &self,
        run: &PruneRun<'_>,
        entry: &InventoryEntry,
        live: &LiveObject,
    ) -> Result<Option<ObjectChange>, ClusterError> {
        let at = &entry.object;
        if entry.keep {
            let why = "it is to be kept; delete it by hand when nobody uses it any more";
            return Ok(Some(ObjectChange::Released(why.into())));
        }
        let contents = if is_namespace(at) {
            self.contents_of_namespace(run.owner, at).await?
        } else if is_crd(at) {
            self.contents_of_definition(run.owner, at, live).await?
        } else {
            Occupancy::Empty
        };
        Ok(match contents {
            Occupancy::Empty => None,
            // All of it goes as soon as it can: its container may be deleted before it.
            Occupancy::Going(_) if run.held_up == HeldUp::LetGo => None,
            Occupancy::Going(what) => Some(ObjectChange::Pending(format!("{what} has to be gone first"))),
            Occupancy::Others { owner, what } => {
                let why = format!("it holds {what} of {owner}, which has to be deleted first");
                Some(ObjectChange::Held { by: owner, why })
            }
            Occupancy::Foreign(names) => {
                let why = format!("it stays, because it holds what is not this record's: {names}; delete it by hand");
                Some(ObjectChange::Released(why))
            }
        })
    }

    /// After a deletion was accepted: whether the object is gone already.
    async fn confirm(&self, at: &ObjectRef, deleted: &LiveObject) -> Result<ObjectChange, ClusterError> {
        Ok(match self.get(at).await? {
            Lookup::Absent => ObjectChange::Deleted,
            Lookup::Found(live) if live.uid() != deleted.uid() => ObjectChange::Deleted,
            Lookup::Found(live) => ObjectChange::Pending(held_up(&live)),
            Lookup::NotServed => ObjectChange::Pending(NO_LONGER_SERVED.into()),
        })
    }
}

pub(crate) const CHANGES: &str = "it changed each time between reading and deleting; it is tried again by itself";
/// Its kind went while it was deleted: the next attempt finds out what that means for it.
const NO_LONGER_SERVED: &str = "its kind went meanwhile; it is looked at again by itself";

/// Why the object that was found under the name of an entry is not this record's to delete.
pub(crate) fn not_ours(owner: &FieldOwner, entry: &InventoryEntry, live: &LiveObject) -> Option<String> {
    match &entry.uid {
        Some(uid) if uid != live.uid() => {
            Some(format!("ours is gone, and {} made another of that name; it stays", owner.describe_holder(live)))
        }
        None if !owner.owns(live) => {
            Some(format!("an object of that name belongs to {}; it stays", owner.describe_holder(live)))
        }
        Some(_) if !owner.owns(live) => {
            Some(format!("it lost our labels and belongs to {} now; it stays", owner.describe_holder(live)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use causeway_render::labels::{CONTROL_PLANE, OWNER};
    use serde_json::json;

    use super::*;

    fn entry(uid: Option<&str>) -> InventoryEntry {
        let object = ObjectRef {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        };
        InventoryEntry { uid: uid.map(Into::into), ..InventoryEntry::intended(object) }
    }

    fn live(uid: &str, control_plane: &str, owner: &str) -> LiveObject {
        LiveObject::new(json!({"metadata": {
            "uid": uid, "labels": {CONTROL_PLANE: control_plane, OWNER: owner}, "managedFields": [{"manager": "kubectl"}],
        }}))
    }

    #[test]
    fn uid_and_both_labels_must_agree() {
        let owner = FieldOwner::new("cp1", "gateway-instance-7", || true);
        let ours = live("u1", "cp1", "gateway-instance-7");
        assert_eq!(not_ours(&owner, &entry(Some("u1")), &ours), None);
        assert_eq!(not_ours(&owner, &entry(None), &ours), None, "made, and the crash came before it was noted");
        assert!(not_ours(&owner, &entry(Some("u2")), &ours).is_some());
        for other in [live("u1", "cp2", "gateway-instance-7"), live("u1", "cp1", "gateway-instance-8")] {
            assert!(not_ours(&owner, &entry(Some("u1")), &other).is_some());
            assert!(not_ours(&owner, &entry(None), &other).is_some());
        }
    }
}
