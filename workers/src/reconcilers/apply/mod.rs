//! Makes a cluster match the plan of one record.
//!
//! ```text
//!  tracked = inventory on record ∪ objects with the record's label
//!  1. persist   tracked ∪ plan                    Postgres     a crash from here on leaves nothing that is not on record
//!  2. apply     plan, in waves                    cluster      each write bound to the uid and version that were seen
//!  3. guard     tracked − plan: too many?         pure         a person has to release it; what is still named stays for now
//!  4. prune     tracked − plan, in reverse        cluster      each after a look at labels, uid and version
//!  5. observe   all objects as they were left?    cache        then the echoes of 2 and 4 need no further reconcile
//!  6. condition Applied                           pure         what is left is persisted with the outcome
//! ```
//!
//! What comes in: a plan, which may be empty. What may fail: any object, alone; what needs it waits for it, and nothing is pruned after an error that
//! concerns the whole cluster. What holds: what is in the cluster is on record before it is made, and stays on record until the cluster confirms
//! that it is gone; nothing is written that isn't proven to be ours. Safe to repeat from any point.

mod guard;
mod observe;
mod prune;
mod superseded;

pub(super) use self::prune::{left, made_by_others};
use super::{APPLIED, Failed, Interrupted, Reconcile};
use crate::controller::Retry;
use causeway_cluster::{ClusterError, FieldOwner, ObjectChange, WriteOutcome, inventory};
use causeway_failpoints::{INVENTORY_AFTER, INVENTORY_AHEAD, PRUNE_NEXT, failpoint};
use causeway_records::{
    inventory::{Inventory, InventoryEntry, ObjectRef},
    status::NewCondition,
};
use causeway_render::{labels::Owner, plan::Plan};
use causeway_store::queue::{Action, Outcome};
use std::time::Duration;
use tracing::Instrument;

/// When to look at objects that are being deleted; the watch usually says so before.
const DELETING: Duration = Duration::from_secs(2);
/// When to try again where another owner holds an object: a person has to act, and the watch doesn't see foreign objects.
const CONFLICT: Duration = Duration::from_secs(5);

/// When to look whether a controller has taken up what it is to serve instead; its status usually says so before.
pub(super) const TAKEN_UP: Duration = Duration::from_secs(30);

/// What was done with each object.
pub(super) type Changes = Vec<(ObjectRef, ObjectChange)>;

impl Reconcile<'_> {
    /// Writes as this record, for as long as the lease is held.
    pub(super) fn writer(&self, owner: Owner) -> FieldOwner {
        let guard = self.session.guard().clone();
        FieldOwner::new(self.context.control_plane.clone(), owner.to_string(), move || guard.is_held())
    }

    /// Persists the inventory, applies the plan in waves, prunes what is tracked but no longer planned. The outcome has the conditions of
    /// `before`, and `Applied`.
    pub(super) async fn apply_and_prune(
        &self,
        owner: Owner,
        plan: &Plan,
        before: Vec<NewCondition>,
    ) -> Result<(Outcome, Changes), Interrupted> {
        // 1. Persist what is about to be made (needs Postgres).
        let tracked = self.tracked(owner, plan);
        let own = || plan.objects.iter().map(|object| &object.at).chain(tracked.iter().map(|entry| &entry.object));
        self.watch(own().chain(&made_by_others(owner, own()))).await;
        let ahead = inventory::union(&tracked, plan);
        if ahead != self.claimed.inventory {
            self.persist_inventory(&ahead).await?;
        }
        failpoint(&INVENTORY_AHEAD);
        // 2. Apply (needs the cluster).
        let (cluster, writer) = (&self.connection.cluster, self.writer(owner));
        if self.claimed.brake_released {
            cluster.retry_now(plan.objects.iter().map(|object| &object.at));
        }
        let span = tracing::info_span!("apply", objects = plan.objects.len());
        let mut applied = cluster.apply(&writer, plan, &ahead, &self.connection.cache).instrument(span).await;
        self.wait_for_kinds(owner, &applied.errors);
        applied.errors.extend(self.unwatched(plan, &applied));
        // 3. Guard what is to be deleted (pure).
        let named_by = plan.superseded.by.as_ref().and_then(|by| applied.change(by));
        let (unplanned, still_named) = self.still_named(plan, named_by, inventory::difference(&tracked, plan));
        applied.inventory = inventory::merge(applied.inventory, still_named.clone());
        let braked = guard::brake(self.claimed, &guard::lost(&unplanned, plan), tracked.len());
        let stopped = applied.errors.iter().any(ClusterError::stops_everything);
        // 4. Prune (needs the cluster).
        if stopped || braked.is_some() {
            applied.inventory = inventory::merge(applied.inventory, unplanned);
        } else if !unplanned.is_empty() {
            failpoint(&PRUNE_NEXT);
            let pruned = self.prune(&writer, unplanned).await?;
            // What is left of them was decided on: the guard doesn't ask a second time.
            let left = pruned.inventory.into_iter().map(|entry| InventoryEntry { going: true, ..entry }).collect();
            applied.inventory = inventory::merge(applied.inventory, left);
            applied.changes.extend(pruned.changes);
            applied.errors.extend(pruned.errors);
        }
        self.note_changes(&applied);
        // What came of it is persisted with the outcome; until then what was intended is on record.
        failpoint(&INVENTORY_AFTER);
        // 5. Observe (pure, from the cache).
        let observed_up_to = if braked.is_none() { self.observed_up_to(owner, &applied).await } else { None };
        // 6. The condition (pure).
        log(&applied);
        self.report_failures(&applied.errors)?;
        let mut outcome = self.outcome_of(plan, &applied, braked, before);
        if !still_named.is_empty() {
            outcome.action = outcome.action.within(TAKEN_UP);
        }
        Ok((Outcome { observed_up_to, inventory: Some(applied.inventory), ..outcome }, applied.changes))
    }

    /// Stores the record's objects, unless another worker has the cluster by now and knows better.
    pub(super) async fn persist_inventory(&self, inventory: &Inventory) -> Result<(), Interrupted> {
        match self.context.store.save_inventory(self.claimed, inventory).await? {
            true => Ok(()),
            false => Err(Interrupted::LeaseLost),
        }
    }

    /// Has the cluster's mark written if something was changed there.
    pub(super) fn note_changes(&self, done: &WriteOutcome) {
        let unchanged = |change: &ObjectChange| {
            use ObjectChange::*;
            matches!(change, Skipped | Unchanged | Contested { .. } | Pending(_) | Held { .. })
        };
        if done.changes.iter().any(|(_, change)| !unchanged(change)) {
            self.session.note_change();
        }
    }

    fn outcome_of(
        &self,
        plan: &Plan,
        applied: &WriteOutcome,
        braked: Option<String>,
        before: Vec<NewCondition>,
    ) -> Outcome {
        let before = Outcome::with(before);
        if let Some(error) = applied.errors.first() {
            return failed(error).ends(before, self.claimed);
        }
        if let Some((object, why, _)) = applied.contested().next() {
            // It was as asked for, and others changed it since.
            let condition = NewCondition::not_met(APPLIED, "FieldConflict", format!("{object}: {why}"));
            let wait = applied.contested().map(|(_, _, wait)| wait).min().unwrap_or(DELETING);
            return Outcome { applied: true, ..before.then(condition).requeue_after(wait) };
        }
        let deleting = applied.pending().next().map(|(object, why)| format!("{object}: {why}"));
        let is_braked = braked.is_some();
        let condition = match (braked, &deleting) {
            (Some(list), _) => NewCondition::not_met(APPLIED, "MassDeletion", list),
            (None, Some(why)) => {
                NewCondition::met(APPLIED, "Pruning", format!("all objects stand; still going: {why}"))
            }
            (None, None) => NewCondition::met(APPLIED, "Applied", count(plan)),
        };
        Outcome {
            applied: !is_braked,
            action: if deleting.is_some() { Action::RequeueAfter(DELETING) } else { Action::AwaitChange },
            ..before.then(condition)
        }
    }
}

fn failed(error: &ClusterError) -> Failed {
    let (reason, retry, not_before) = match error {
        ClusterError::Access(_) => ("InvalidAccess", Retry::Soon, Duration::ZERO),
        ClusterError::Unreachable { retry_after, .. } => ("Unreachable", Retry::Soon, retry_after.unwrap_or_default()),
        ClusterError::Refused { .. } => ("Refused", Retry::Parked, Duration::ZERO),
        ClusterError::Unanswered { retry_after, .. } => ("Unanswered", Retry::Parked, retry_after.unwrap_or_default()),
        // It is woken when its kind is listed.
        ClusterError::Unwatched { .. } => ("Unwatched", Retry::Parked, Duration::ZERO),
        ClusterError::Conflict { .. } => ("Conflict", Retry::Soon, CONFLICT),
        ClusterError::Cancelled { .. } => ("Cancelled", Retry::Soon, Duration::ZERO),
    };
    Failed::new(APPLIED, reason, error.to_string()).retried(retry).not_before(not_before)
}

fn count(plan: &Plan) -> String {
    match plan.len() {
        0 => "there is nothing to stand in the cluster".into(),
        1 => "1 object stands as asked for".into(),
        many => format!("{many} objects stand as asked for"),
    }
}

fn log(applied: &WriteOutcome) {
    for (object, change) in &applied.changes {
        if !matches!(change, ObjectChange::Skipped | ObjectChange::Unchanged | ObjectChange::Contested { .. }) {
            tracing::info!(%object, ?change, "applied");
        }
    }
}
