//! Objects that stay in the cluster and are no longer this record's: they lose the label of their owner, so that nobody takes them for orphans.

use causeway_records::inventory::{InventoryEntry, ObjectRef};
use causeway_render::labels::OWNER;

use super::{
    Cluster, ClusterError, FieldOwner, LiveObject, Lookup, ObjectChange,
    prune::{CHANGES, TRIES, not_ours},
    rest::Written,
};

impl Cluster {
    /// Lets go of an object of this record that is to stay, for this reason.
    ///
    /// # Errors
    /// As [`Self::get`]; Refused when others change it all the time.
    pub async fn let_stay(
        &self,
        owner: &FieldOwner,
        entry: &InventoryEntry,
        why: &str,
    ) -> Result<ObjectChange, ClusterError> {
        for _ in 0..TRIES {
            let live = match self.get(&entry.object).await? {
                Lookup::Found(live) if not_ours(owner, entry, &live).is_none() => live,
                Lookup::Found(_) | Lookup::Absent | Lookup::NotServed => {
                    return Ok(ObjectChange::Released(why.to_owned()));
                }
            };
            if self.release(owner, &entry.object, &live).await? {
                return Ok(ObjectChange::Released(why.to_owned()));
            }
        }
        Err(ClusterError::refused(&entry.object, CHANGES))
    }

    /// By a person's word: what is held up or refused stays behind.
    pub(crate) async fn let_go(
        &self,
        owner: &FieldOwner,
        entry: &InventoryEntry,
        result: Result<ObjectChange, ClusterError>,
    ) -> Result<ObjectChange, ClusterError> {
        let why = match result {
            Ok(ObjectChange::Pending(why) | ObjectChange::Held { why, .. }) => why,
            Err(error) if !error.stops_everything() => error.to_string(),
            other => return other,
        };
        // Without an owner it is nobody's orphan. It is let go all the same where even that is refused.
        if let Err(error) = self.let_stay(owner, entry, "").await
            && error.stops_everything()
        {
            return Err(error);
        }
        Ok(ObjectChange::Released(format!("it was let go as a person asked for; {why}")))
    }

    /// Lets go of an object that stays: without an owner, any record of this control plane may take it up again. False if it changed
    /// meanwhile.
    pub(crate) async fn release(
        &self,
        owner: &FieldOwner,
        at: &ObjectRef,
        live: &LiveObject,
    ) -> Result<bool, ClusterError> {
        Ok(match self.remove_labels(owner, at, live, &[OWNER]).await? {
            Written::Created(_) | Written::Stored(_) => true,
            Written::Outdated | Written::NotServed | Written::Immutable(_) => false,
        })
    }
}
