//! Deletion: the record's objects are deleted first, and its row when the cluster confirms that none is left.

use super::{
    Failed, Interrupted, Reconcile,
    apply::{left, made_by_others},
};
use crate::context::Context;
use causeway_cluster::{ClusterError, WriteOutcome};
use causeway_failpoints::{CONFIRM_NEXT, failpoint};
use causeway_records::{
    Kind,
    inventory::{Inventory, InventoryEntry},
    status::NewCondition,
};
use causeway_render::{labels::Owner, plan::Plan};
use causeway_store::{
    Confirmed,
    queue::{Action, Claimed, Outcome},
};
use std::{collections::BTreeSet, time::Duration};

/// The condition of a record that is being deleted.
const DELETED: &str = "Deleted";
/// When to look at objects that are being deleted; the watch usually says so before.
const DELETING: Duration = Duration::from_secs(1);
/// What a person can do about a deletion that is held up, whatever holds it up.
const WAY_OUT: &str = "to end the deletion without waiting, send Reconciled false: the event then names what is left";

impl Reconcile<'_> {
    /// Deletes everything that this record has in the cluster, then its row.
    pub(super) async fn delete(&self, owner: Owner) -> Result<Outcome, Interrupted> {
        self.give_up(owner, self.tracked(owner, &Plan::default())).await
    }

    /// Lets go of everything that this record has in the cluster, then its row goes. With its label on them they would be taken for orphans.
    pub(super) async fn leave(&self, owner: Owner) -> Result<Outcome, Interrupted> {
        let tracked = self.tracked(owner, &Plan::default());
        let kept = tracked.into_iter().map(|entry| InventoryEntry { keep: true, ..entry });
        self.give_up(owner, kept.collect()).await
    }

    /// Gives everything that this record has in the cluster back to whoever else is there, then its row goes.
    pub(super) async fn give_back(&self, owner: Owner) -> Result<Outcome, Interrupted> {
        let tracked = self.tracked(owner, &Plan::default());
        self.watch(tracked.iter().map(|entry| &entry.object)).await;
        let given = self.connection.cluster.give_back(&self.writer(owner), &tracked).await;
        self.note_changes(&given);
        if let Some(note) = left(&given) {
            self.context.store.record_event(&self.claimed.key, "ObjectsLeft", &note, false).await?;
        }
        self.persist_inventory(&given.inventory).await?;
        let is_left = self.lets_go() && !given.errors.iter().any(ClusterError::stops_everything);
        if let Some(outcome) = self.still_there(&given)?.filter(|_| !is_left) {
            return Ok(outcome);
        }
        confirm(self.context, self.claimed).await
    }

    /// The deletion waits for a person, unless one has said that nobody should wait.
    pub(super) fn waits_for_person(&self, why: Option<String>) -> Option<Outcome> {
        let why = why.filter(|_| !self.lets_go())?;
        let condition = NewCondition::not_met(DELETED, "Pending", format!("{why}; {WAY_OUT}"));
        Some(Outcome::with(vec![self.reachable(), condition]))
    }

    async fn give_up(&self, owner: Owner, tracked: Inventory) -> Result<Outcome, Interrupted> {
        self.connection.cache.wake_when_served(&owner.to_string(), BTreeSet::new());
        let own = || tracked.iter().map(|entry| &entry.object);
        self.watch(own().chain(&made_by_others(owner, own()))).await;
        if !tracked.is_empty() {
            let pruned = self.prune(&self.writer(owner), tracked).await?;
            self.persist_inventory(&pruned.inventory).await?;
            if let Some(outcome) = self.still_there(&pruned)? {
                return Ok(outcome);
            }
        }
        confirm(self.context, self.claimed).await
    }

    fn still_there(&self, pruned: &WriteOutcome) -> Result<Option<Outcome>, Interrupted> {
        self.report_failures(&pruned.errors)?;
        let reachable = Outcome::with(vec![self.reachable()]);
        if let Some(error) = pruned.errors.first() {
            let message = if error.stops_everything() { error.to_string() } else { format!("{error}; {WAY_OUT}") };
            return Ok(Some(Failed::new(DELETED, "Failed", message).ends(reachable, self.claimed)));
        }
        let pending =
            |message| reachable.then(NewCondition::not_met(DELETED, "Pending", message)).requeue_after(DELETING);
        Ok(held_up(pruned).map(pending))
    }

    /// Whether a person has read that the deletion is held up, and said that nobody should wait.
    pub(super) fn lets_go(&self) -> bool {
        self.claimed.being_deleted && self.claimed.brake_released && self.claimed.conditions.get(DELETED).is_some()
    }

    /// Has the session know of errors that concern the whole cluster.
    pub(super) fn report_failures(&self, errors: &[ClusterError]) -> Result<(), Interrupted> {
        errors.iter().for_each(|error| self.session.report_failure(error));
        let lost = |error: &ClusterError| matches!(error, ClusterError::Cancelled { .. });
        if errors.iter().any(lost) { Err(Interrupted::LeaseLost) } else { Ok(()) }
    }
}

/// What the deletion waits for, and what to do about it.
fn held_up(pruned: &WriteOutcome) -> Option<String> {
    let (object, why) = pruned.pending().next()?;
    let more = match pruned.pending().count() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!("{object}: {why}{more}; {WAY_OUT}"))
}

/// The record waits until these other ones are gone.
pub(super) fn wait_for(names: &[String]) -> Outcome {
    let message = format!("waits until these are gone: {}", names.join(", "));
    // Whatever goes wakes it; the time is a net.
    Outcome::with(vec![NewCondition::not_met(DELETED, "Waiting", message)]).requeue_after(Duration::from_secs(5))
}

/// The row is deleted, or waits for other records.
pub(crate) async fn confirm(context: &Context, claimed: &Claimed) -> Result<Outcome, Interrupted> {
    failpoint(&CONFIRM_NEXT);
    match context.store.confirm_deleted(claimed.key.kind, claimed.key.id).await? {
        Confirmed::Gone => {
            if claimed.key.kind != Kind::ListenerSet {
                context.store.record_event(&claimed.key, "SuccessfulDelete", "deleted", false).await?;
            }
            tracing::info!("deleted");
            Ok(Outcome { deleted: true, ..Outcome::default() })
        }
        Confirmed::Waits(names) => Ok(wait_for(&names)),
    }
}

/// Prunes objects of a record whose row is deleted: made by a reconcile that was overtaken.
pub(super) async fn prune_orphans(ctx: &Reconcile<'_>) -> Result<Action, Interrupted> {
    let owner = Owner { kind: ctx.claimed.key.kind, id: ctx.claimed.key.id };
    let mut orphans = ctx.tracked(owner, &Plan::default());
    orphans.retain(|entry| ctx.connection.cache.get(&entry.object).is_some());
    if orphans.is_empty() {
        return Ok(Action::AwaitChange);
    }
    tracing::warn!(count = orphans.len(), "objects of a record that is gone are pruned");
    let pruned = ctx.prune(&ctx.writer(owner), orphans).await?;
    Ok(if pruned.inventory.is_empty() { Action::AwaitChange } else { Action::RequeueAfter(DELETING) })
}
