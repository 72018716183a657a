//! Takes away what a record no longer wants: only what is proven to be its own, in exactly the state that was looked at.

use std::sync::atomic::{AtomicBool, Ordering};

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::OWNER;
use futures::{StreamExt, stream};

use super::{
    Change, Cluster, ClusterError, Live, Lookup, Outcome, Writer,
    apply::{CONCURRENCY, Stage, is_crd, is_namespace},
    contents::Contents,
    rest::Written,
};

/// Looks at an object that changes under our eyes before somebody else's turn comes.
const TRIES: usize = 5;

impl Cluster {
    /// Deletes the objects of these entries, in the reverse order of their making; what others stand on waits until those are gone.
    ///
    /// An object that is not the remembered one, or no longer carries this record's labels, stays and leaves the inventory. So do
    /// objects marked to be kept, namespaces and custom resource definitions that hold somebody else's objects. What is on its way
    /// out stays in the inventory as pending: call again when the watch wakes the record.
    pub async fn prune(&self, writer: &Writer, entries: &[InventoryEntry]) -> Outcome {
        let mut outcome = Outcome::default();
        let stop = AtomicBool::new(false);
        for stage in Stage::ALL.into_iter().rev() {
            let waits_for = outcome.pending().next().map(|(object, _)| object.to_string());
            let of_stage = entries.iter().rev().filter(|entry| Stage::of(&entry.object) == stage);
            if !outcome.errors.is_empty() {
                outcome.inventory.extend(of_stage.cloned());
                continue;
            }
            // Futures first, then the stream: a closure inside the stream's type would keep the whole from being Send.
            let pruning: Vec<_> =
                of_stage.map(|entry| self.prune_entry(writer, entry, waits_for.as_deref(), &stop)).collect();
            let mut results = stream::iter(pruning).buffered(CONCURRENCY);
            while let Some((entry, result)) = results.next().await {
                let gone = matches!(result, Some(Ok(Change::Deleted | Change::Released(_))));
                if !gone {
                    outcome.inventory.push(entry.clone());
                }
                match result {
                    Some(Ok(change)) => outcome.changes.push((entry.object.clone(), change)),
                    Some(Err(error)) => outcome.errors.push(error),
                    None => {}
                }
            }
        }
        outcome
    }

    async fn prune_entry<'o>(
        &self,
        writer: &Writer,
        entry: &'o InventoryEntry,
        waits_for: Option<&str>,
        stop: &AtomicBool,
    ) -> (&'o InventoryEntry, Option<Result<Change, ClusterError>>) {
        (entry, self.prune_object(writer, entry, waits_for, stop).await)
    }

    /// None if another object's failure came first and left no point in trying.
    async fn prune_object(
        &self,
        writer: &Writer,
        entry: &InventoryEntry,
        waits_for: Option<&str>,
        stop: &AtomicBool,
    ) -> Option<Result<Change, ClusterError>> {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        let result = match waits_for {
            Some(other) => Ok(Change::Pending(format!("{other} has to be gone first"))),
            None => self.remove(writer, entry).await,
        };
        if result.as_ref().is_err_and(ClusterError::stops_everything) {
            stop.store(true, Ordering::Relaxed);
        }
        Some(result)
    }

    async fn remove(&self, writer: &Writer, entry: &InventoryEntry) -> Result<Change, ClusterError> {
        let at = &entry.object;
        for _ in 0..TRIES {
            let live = match self.get(at).await? {
                Lookup::Found(live) => live,
                Lookup::Absent => return Ok(Change::Deleted),
                Lookup::NotServed => return Ok(Change::Pending(unconfirmed(at))),
            };
            if let Some(why) = not_ours(writer, entry, &live) {
                return Ok(Change::Released(why));
            }
            if live.is_deleting() {
                return Ok(Change::Pending(held_up(&live)));
            }
            let done = match self.obstacle(writer, entry, &live).await? {
                Some(Change::Released(why)) => self.release(writer, at, &live).await?.then_some(Change::Released(why)),
                Some(other) => Some(other),
                None if self.delete(writer, at, &live).await? => Some(self.confirm(at, &live).await?),
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
        writer: &Writer,
        entry: &InventoryEntry,
        live: &Live,
    ) -> Result<Option<Change>, ClusterError> {
        let at = &entry.object;
        if entry.keep {
            return Ok(Some(Change::Released("others may have come to use it, so it stays; delete it by hand".into())));
        }
        let contents = if is_namespace(at) {
            self.contents_of_namespace(writer.control_plane(), at).await?
        } else if is_crd(at) {
            self.contents_of_definition(writer.control_plane(), at, live).await?
        } else {
            Contents::Nothing
        };
        Ok(match contents {
            Contents::Nothing => None,
            Contents::Going(what) => Some(Change::Pending(format!("{what} has to be gone first"))),
            Contents::Foreign(what) => {
                Some(Change::Released(format!("it holds {what}, which is not ours, so it stays; delete it by hand")))
            }
        })
    }

    /// Lets go of an object that stays: without an owner, any record of this control plane may take it up again. False if it changed
    /// meanwhile.
    async fn release(&self, writer: &Writer, at: &ObjectRef, live: &Live) -> Result<bool, ClusterError> {
        Ok(match self.remove_labels(writer, at, live, &[OWNER]).await? {
            Written::Created(_) | Written::Stored(_) => true,
            Written::Outdated | Written::NotServed => false,
        })
    }

    /// After a deletion was accepted: whether the object is gone already.
    async fn confirm(&self, at: &ObjectRef, deleted: &Live) -> Result<Change, ClusterError> {
        Ok(match self.get(at).await? {
            Lookup::Absent => Change::Deleted,
            Lookup::Found(live) if live.uid() != deleted.uid() => Change::Deleted,
            Lookup::Found(live) => Change::Pending(held_up(&live)),
            Lookup::NotServed => Change::Pending(unconfirmed(at)),
        })
    }
}

/// Why an object that stands under a remembered name is not this record's to delete.
fn not_ours(writer: &Writer, entry: &InventoryEntry, live: &Live) -> Option<String> {
    match &entry.uid {
        Some(uid) if uid != live.uid() => {
            Some(format!("ours is gone, and {} made another of that name; it stays", writer.holder(live)))
        }
        _ if !writer.owns(live) => {
            Some(format!("it lost our labels and belongs to {} now; it stays", writer.holder(live)))
        }
        _ => None,
    }
}

fn held_up(live: &Live) -> String {
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

    fn live(uid: &str, control_plane: &str, owner: &str) -> Live {
        Live::new(json!({"metadata": {
            "uid": uid, "labels": {CONTROL_PLANE: control_plane, OWNER: owner}, "managedFields": [{"manager": "kubectl"}],
        }}))
    }

    #[test]
    fn uid_and_both_labels_must_agree() {
        let writer = Writer::new("cp1", "gateway-instance-7", || true);
        let ours = live("u1", "cp1", "gateway-instance-7");
        assert_eq!(not_ours(&writer, &entry(Some("u1")), &ours), None);
        assert_eq!(not_ours(&writer, &entry(None), &ours), None, "made, and the crash came before it was noted");
        assert!(not_ours(&writer, &entry(Some("u2")), &ours).is_some());
        for other in [live("u1", "cp2", "gateway-instance-7"), live("u1", "cp1", "gateway-instance-8")] {
            assert!(not_ours(&writer, &entry(Some("u1")), &other).is_some());
            assert!(not_ours(&writer, &entry(None), &other).is_some());
        }
    }
}
