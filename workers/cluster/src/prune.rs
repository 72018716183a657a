//! Deletes what a record no longer wants: only what is proven to be its own, in exactly the state that was read.

use std::sync::atomic::{AtomicBool, Ordering};

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::OWNER;
use futures::{StreamExt, stream};

use super::{
    Cluster, ClusterError, FieldOwner, LiveObject, Lookup, ObjectChange, WriteOutcome,
    apply::CONCURRENCY,
    contents::Occupancy,
    rest::Written,
    wave::{Wave, is_crd, is_namespace},
};

/// Attempts for an object that somebody else changes between our read and our deletion, before other records get their turn.
const TRIES: usize = 5;

impl Cluster {
    /// Deletes the objects of these entries, in the reverse order of their creation; what others need waits until those are gone.
    ///
    /// An object that is not the one of the inventory, or no longer carries this record's labels, stays and leaves the inventory. So do
    /// objects marked to be kept, namespaces and custom resource definitions that hold somebody else's objects. What is on its way
    /// out stays in the inventory as pending: call again when the cache wakes the record.
    pub async fn prune(&self, owner: &FieldOwner, entries: &[InventoryEntry]) -> WriteOutcome {
        let mut outcome = WriteOutcome::default();
        let stop = AtomicBool::new(false);
        for wave in Wave::ALL.into_iter().rev() {
            let waits_for = outcome.pending().next().map(|(object, _)| object.to_string());
            let of_wave = entries.iter().rev().filter(|entry| Wave::for_object(&entry.object) == wave);
            if !outcome.errors.is_empty() {
                outcome.inventory.extend(of_wave.cloned());
                continue;
            }
            // Futures first, then the stream: a closure inside the stream's type would keep the whole from being Send.
            let pruning: Vec<_> =
                of_wave.map(|entry| self.prune_entry(owner, entry, waits_for.as_deref(), &stop)).collect();
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
        owner: &FieldOwner,
        entry: &'o InventoryEntry,
        waits_for: Option<&str>,
        stop: &AtomicBool,
    ) -> (&'o InventoryEntry, Option<Result<ObjectChange, ClusterError>>) {
        (entry, self.prune_object(owner, entry, waits_for, stop).await)
    }

    /// None if another object's failure came first and left no point in trying.
    async fn prune_object(
        &self,
        owner: &FieldOwner,
        entry: &InventoryEntry,
        waits_for: Option<&str>,
        stop: &AtomicBool,
    ) -> Option<Result<ObjectChange, ClusterError>> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let result = match waits_for {
            Some(other) => Ok(ObjectChange::Pending(format!("{other} has to be gone first"))),
            None => self.remove(owner, entry).await,
        };
        if result.as_ref().is_err_and(ClusterError::stops_everything) {
            stop.store(true, Ordering::Relaxed);
        }
        Some(result)
    }

    async fn remove(&self, owner: &FieldOwner, entry: &InventoryEntry) -> Result<ObjectChange, ClusterError> {
        let at = &entry.object;
        for _ in 0..TRIES {
            let live = match self.get(at).await? {
                Lookup::Found(live) => live,
                Lookup::Absent => return Ok(ObjectChange::Deleted),
                Lookup::NotServed => return Ok(ObjectChange::Pending(unconfirmed(at))),
            };
            if let Some(why) = not_ours(owner, entry, &live) {
                return Ok(ObjectChange::Released(why));
            }
            if live.is_deleting() {
                return Ok(ObjectChange::Pending(held_up(&live)));
            }
            let done = match self.obstacle(owner, entry, &live).await? {
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
        Err(ClusterError::refused(at, "it changed each time between reading and deleting; it is tried again by itself"))
    }

    /// What keeps an object of ours from being deleted now.
    async fn obstacle(
        &self,
        owner: &FieldOwner,
        entry: &InventoryEntry,
        live: &LiveObject,
    ) -> Result<Option<ObjectChange>, ClusterError> {
        let at = &entry.object;
        if entry.keep {
            return Ok(Some(ObjectChange::Released(
                "others may have come to use it, so it stays; delete it by hand".into(),
            )));
        }
        let contents = if is_namespace(at) {
            self.contents_of_namespace(owner.control_plane(), at).await?
        } else if is_crd(at) {
            self.contents_of_definition(owner.control_plane(), at, live).await?
        } else {
            Occupancy::Empty
        };
        Ok(match contents {
            Occupancy::Empty => None,
            Occupancy::Going(what) => Some(ObjectChange::Pending(format!("{what} has to be gone first"))),
            Occupancy::Foreign(what) => Some(ObjectChange::Released(format!(
                "it holds {what}, which is not ours, so it stays; delete it by hand"
            ))),
        })
    }

    /// Lets go of an object that stays: without an owner, any record of this control plane may take it up again. False if it changed
    /// meanwhile.
    async fn release(&self, owner: &FieldOwner, at: &ObjectRef, live: &LiveObject) -> Result<bool, ClusterError> {
        Ok(match self.remove_labels(owner, at, live, &[OWNER]).await? {
            Written::Created(_) | Written::Stored(_) => true,
            Written::Outdated | Written::NotServed => false,
        })
    }

    /// After a deletion was accepted: whether the object is gone already.
    async fn confirm(&self, at: &ObjectRef, deleted: &LiveObject) -> Result<ObjectChange, ClusterError> {
        Ok(match self.get(at).await? {
            Lookup::Absent => ObjectChange::Deleted,
            Lookup::Found(live) if live.uid() != deleted.uid() => ObjectChange::Deleted,
            Lookup::Found(live) => ObjectChange::Pending(held_up(&live)),
            Lookup::NotServed => ObjectChange::Pending(unconfirmed(at)),
        })
    }
}

/// Why the object that was found under the name of an entry is not this record's to delete.
fn not_ours(owner: &FieldOwner, entry: &InventoryEntry, live: &LiveObject) -> Option<String> {
    match &entry.uid {
        Some(uid) if uid != live.uid() => {
            Some(format!("ours is gone, and {} made another of that name; it stays", owner.describe_holder(live)))
        }
        _ if !owner.owns(live) => {
            Some(format!("it lost our labels and belongs to {} now; it stays", owner.describe_holder(live)))
        }
        _ => None,
    }
}

fn held_up(live: &LiveObject) -> String {
    let finalizers = live.finalizers();
    if finalizers.is_empty() {
        "its deletion is under way".to_owned()
    } else {
        format!("its deletion waits for {}; see that what sets this finalizer runs", finalizers.join(", "))
    }
}

fn unconfirmed(at: &ObjectRef) -> String {
    format!(
        "the cluster no longer serves kind {}, so nobody can tell whether it is gone; restore its definition",
        at.kind
    )
}

#[cfg(test)]
mod tests {
    use causeway_render::labels::CONTROL_PLANE;
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
