//! Objects that can't be changed in place. A Job that has ended is deleted and made anew; for everything else that is a person's decision.

use causeway_records::inventory::{InventoryEntry, JobEnd, ObjectRef};
use causeway_render::{job, plan::Object};

use super::{
    CachedObject, Cluster, ClusterError, FieldOwner, Lookup, ObjectCache,
    ownership::{Step, decide},
};

impl Cluster {
    /// How a Job ended that was made from this manifest and is gone, or on its way out: it isn't made again. None if it is to be applied.
    pub(super) async fn end_of_job(
        &self,
        cache: &ObjectCache,
        object: &Object,
        entry: &InventoryEntry,
    ) -> Result<Option<JobEnd>, ClusterError> {
        let Some(uid) = entry.uid.as_deref().filter(|_| job::is_job(&object.at)) else { return Ok(None) };
        let seen = match cache.get(&object.at) {
            Some(seen) if seen.uid == uid && seen.deleting => seen.job_end(),
            Some(_) => return Ok(None),
            None if cache.is_synced(&object.at.group, &object.at.kind) => cache.end_of_gone(&object.at, uid),
            None => match self.get(&object.at).await? {
                Lookup::Absent => None,
                Lookup::Found(_) | Lookup::NotServed => return Ok(None),
            },
        };
        Ok(job::end_of_gone(object, entry, seen))
    }

    /// After the API server said that these fields of an object can't be changed: deletes a Job that has ended, so that it can be made anew.
    pub(super) async fn replace_ended(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        entry: Option<&InventoryEntry>,
        fields: &str,
    ) -> Result<(), ClusterError> {
        if !job::is_job(at) {
            return Err(immutable(at, fields));
        }
        let Lookup::Found(live) = self.get(at).await? else { return Ok(()) };
        match decide(owner, Some(&live), entry, false) {
            Step::Update if job::end(&live.body()["status"]).is_some() => {
                self.delete(owner, at, &live).await.map(|_| ())
            }
            Step::Update => {
                let reason = format!(
                    "its {fields} can't be changed while it runs; it is replaced when it has ended, or at once when you delete it"
                );
                Err(ClusterError::refused(at, reason))
            }
            // What is read next says so.
            Step::Create | Step::Wait(_) | Step::Leave(_) => Ok(()),
        }
    }
}

/// The entry with the end of a Job that still stands.
pub(super) fn with_end(entry: &InventoryEntry, seen: &CachedObject) -> InventoryEntry {
    InventoryEntry { ended: seen.job_end().or(entry.ended), ..entry.clone() }
}

pub(super) fn immutable(at: &ObjectRef, fields: &str) -> ClusterError {
    let reason = format!(
        "its {fields} can't be changed in place; delete it, and it is made anew, or undo the change of the manifest"
    );
    ClusterError::refused(at, reason)
}
