//! Deletion: everything of a record goes from the cluster, and when the cluster confirms that, its row goes.

use super::{Failure, Found, Pass, bring::made_for};
use crate::context::Context;
use causeway_cluster::{ClusterError, WriteOutcome};
use causeway_failpoints::{CONFIRM_NEXT, reach};
use causeway_records::status::Finding;
use causeway_render::{labels::Owner, plan::Plan};
use causeway_store::{
    Confirmed,
    queue::{Next, Work},
};
use std::time::Duration;

/// The step of a record that is on its way out.
const DELETED: &str = "Deleted";
/// When to look at objects that are on their way out; the watch usually says so before.
const GOING: Duration = Duration::from_secs(1);

impl Pass<'_> {
    /// Takes away everything that this record has made, then its row.
    pub(super) async fn remove(&self, owner: Owner) -> Result<Found, Failure> {
        let known = self.known(owner, &Plan::default());
        self.watch(known.iter().map(|entry| &entry.object).chain(&made_for(owner))).await;
        if !known.is_empty() {
            let outcome = self.prune(&self.writer(owner), known).await;
            self.remember(&outcome.inventory).await?;
            if let Some(found) = self.still_there(&outcome)? {
                return Ok(found);
            }
        }
        confirm(self.context, self.work).await
    }

    fn still_there(&self, outcome: &WriteOutcome) -> Result<Option<Found>, Failure> {
        for error in &outcome.errors {
            self.site.report(error);
        }
        if outcome.errors.iter().any(|error| matches!(error, ClusterError::Cancelled { .. })) {
            return Err(Failure::Cancelled);
        }
        if let Some(error) = outcome.errors.first() {
            return Ok(Some(Found {
                findings: vec![self.reachable(), Finding::fails(DELETED, "Failed", error.to_string())],
                error: Some(error.to_string()),
                ..Found::default()
            }));
        }
        Ok(outcome.pending().next().map(|(object, why)| Found {
            findings: vec![self.reachable(), Finding::fails(DELETED, "Pending", format!("{object}: {why}"))],
            next: Next::In(GOING),
            ..Found::default()
        }))
    }
}

/// The row goes, or waits for other records.
pub(super) async fn confirm(context: &Context, work: &Work) -> Result<Found, Failure> {
    reach(&CONFIRM_NEXT);
    match context.store.confirm_deleted(work.key.kind, work.key.id).await? {
        Confirmed::Gone => {
            context.store.record_event(&work.key, "SuccessfulDelete", "deleted", false).await?;
            tracing::info!("deleted");
            Ok(Found { gone: true, ..Found::default() })
        }
        Confirmed::Waits(names) => Ok(Found {
            findings: vec![Finding::fails(
                DELETED,
                "Waiting",
                format!("waits until these are gone: {}", names.join(", ")),
            )],
            // Whatever goes wakes it; the time is a net.
            next: Next::In(Duration::from_secs(5)),
            ..Found::default()
        }),
    }
}

/// Objects of a record whose row is gone: made by a pass that was overtaken.
pub(super) async fn leftovers(pass: &Pass<'_>) -> Result<Found, Failure> {
    let mut found = Found { gone: true, ..Found::default() };
    let owner = Owner { kind: pass.work.key.kind, id: pass.work.key.id };
    let known = pass.known(owner, &Plan::default());
    let left: Vec<_> = known.into_iter().filter(|entry| pass.connection.watches.get(&entry.object).is_some()).collect();
    if !left.is_empty() {
        tracing::warn!(count = left.len(), "objects of a record that is gone are pruned");
        let outcome = pass.prune(&pass.writer(owner), left).await;
        if !outcome.inventory.is_empty() {
            found.next = Next::In(GOING);
        }
    }
    Ok(found)
}
