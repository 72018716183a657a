//! What applying or pruning did, object by object.

use std::time::Duration;

use causeway_records::inventory::{Inventory, ObjectRef};

use super::{ClusterError, bounds::cut};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// It did not exist; we created it.
    Created,
    /// It differed and was corrected.
    Updated,
    /// As `Updated`, and what others had put into its spec was removed.
    Cleaned,
    /// It was applied and nothing changed.
    Unchanged,
    /// Applied, but its spec still differs from ours at this path: somebody insists, or the cluster rounds what we ask for.
    Differs(String),
    /// The cache shows it as we left it: no request was made.
    Skipped,
    /// Somebody changes it back each time, so it is left as it is for a while.
    Contested {
        /// Who changes what of it, and what a person can do.
        why: String,
        /// Until it is looked at again.
        wait: Duration,
    },
    /// The cluster confirms that it is gone.
    Deleted,
    /// Its deletion is asked for or waits, for this reason.
    Pending(String),
    /// Its deletion waits for objects of another record in it.
    Held {
        /// The owner label of the other record.
        by: String,
        /// The same as a sentence.
        why: String,
    },
    /// It stays in the cluster and is no longer ours, for this reason.
    Released(String),
}

impl ObjectChange {
    /// Reasons quote what the cluster says of an object: finalizers, managers, names.
    pub(crate) fn bounded(self) -> Self {
        match self {
            Self::Differs(path) => Self::Differs(cut(path)),
            Self::Pending(why) => Self::Pending(cut(why)),
            Self::Held { by, why } => Self::Held { by: cut(by), why: cut(why) },
            Self::Released(why) => Self::Released(cut(why)),
            Self::Contested { why, wait } => Self::Contested { why: cut(why), wait },
            short => short,
        }
    }
}

/// What a call of apply or prune did.
#[derive(Clone, Debug, Default)]
pub struct WriteOutcome {
    /// From `apply`: an entry for each object of the plan. From `prune`: the entries that are not gone yet.
    pub inventory: Inventory,
    /// What happened, in the order of the plan or of the deletion. Objects whose turn never came are absent.
    pub changes: Vec<(ObjectRef, ObjectChange)>,
    /// What failed; the other objects are done nevertheless.
    pub errors: Vec<ClusterError>,
}

impl WriteOutcome {
    pub fn change(&self, at: &ObjectRef) -> Option<&ObjectChange> {
        self.changes.iter().find(|(object, _)| object == at).map(|(_, change)| change)
    }

    /// The objects that are still on their way out, with the reason.
    pub fn pending(&self) -> impl Iterator<Item = (&ObjectRef, &str)> {
        self.changes.iter().filter_map(|(object, change)| match change {
            ObjectChange::Pending(why) | ObjectChange::Held { why, .. } => Some((object, why.as_str())),
            _ => None,
        })
    }

    /// The objects that others change back each time, with the reason, and how long each is left so.
    pub fn contested(&self) -> impl Iterator<Item = (&ObjectRef, &str, Duration)> {
        self.changes.iter().filter_map(|(object, change)| match change {
            ObjectChange::Contested { why, wait } => Some((object, why.as_str(), *wait)),
            _ => None,
        })
    }

    /// The objects that stay in the cluster and are no longer ours, with the reason.
    pub fn released(&self) -> impl Iterator<Item = (&ObjectRef, &str)> {
        self.changes.iter().filter_map(|(object, change)| match change {
            ObjectChange::Released(why) => Some((object, why.as_str())),
            _ => None,
        })
    }

    /// The objects that wait for another record, each with that record's owner label.
    pub fn held(&self) -> impl Iterator<Item = (&ObjectRef, &str)> {
        self.changes.iter().filter_map(|(object, change)| match change {
            ObjectChange::Held { by, .. } => Some((object, by.as_str())),
            _ => None,
        })
    }

    /// An object's entry is done with: `change` takes the place of what was noted.
    pub fn settle(&mut self, at: &ObjectRef, change: ObjectChange) {
        self.inventory.retain(|entry| entry.object != *at);
        self.changes.iter_mut().filter(|(object, _)| object == at).for_each(|(_, noted)| *noted = change.clone());
    }

    /// Everything succeeded and nothing is on its way.
    pub fn is_complete(&self) -> bool {
        self.errors.is_empty() && self.pending().next().is_none()
    }
}
