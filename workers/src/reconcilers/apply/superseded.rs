//! What another object has taken the place of goes when its controller has seen that nobody names it any more: watches of two kinds may be told of two
//! changes in any order.

use super::super::Reconcile;
use causeway_cluster::ObjectChange;
use causeway_records::inventory::{Inventory, ObjectRef};
use causeway_render::{conditions, plan::Plan};

impl Reconcile<'_> {
    /// Of what isn't planned, what may go now, and what may not yet.
    pub(super) fn still_named(
        &self,
        plan: &Plan,
        change: Option<&ObjectChange>,
        unplanned: Inventory,
    ) -> (Inventory, Inventory) {
        let superseded = &plan.superseded;
        let is_taken_up = superseded.by.as_ref().is_none_or(|by| self.is_taken_up(by, change));
        unplanned.into_iter().partition(|entry| is_taken_up || !superseded.objects.contains(&entry.object))
    }

    /// Whether the controller of a Gateway or ListenerSet has seen it as it is planned. `change`: what this reconcile did with it.
    pub(in super::super) fn is_taken_up(&self, at: &ObjectRef, change: Option<&ObjectChange>) -> bool {
        let was_so = matches!(change, Some(ObjectChange::Skipped | ObjectChange::Unchanged));
        was_so && self.connection.cache.get(at).is_some_and(|seen| conditions::is_taken_up(&seen.observed()))
    }
}
