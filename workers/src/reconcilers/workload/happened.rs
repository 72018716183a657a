//! What happened to the objects of a workload, for those who ask for its events.
//!
//! Events are read when the workload is reconciled, which it is whenever the state of one of its objects changes, and now and then while it isn't ready:
//! then they say why. While nothing happens nothing is read and nothing written.

use super::{
    super::{Interrupted, requeue::requeue_after},
    Reconcile, key,
};
use causeway_records::status::NewCondition;
use causeway_render::{
    plan::Plan,
    workload::events::{namespaces, of_workload},
};
use causeway_store::{
    queue::{Claimed, Outcome},
    workload_events::{APPLIED, NewWorkloadEvent},
};
use std::time::Duration;

/// Stores what happened, and returns when to look again.
pub(super) async fn note(
    ctx: &Reconcile<'_>,
    plan: &Plan,
    outcome: &Outcome,
    conditions: &[NewCondition],
) -> Result<Option<Duration>, Interrupted> {
    let (claimed, told) = (ctx.claimed, namespaces(plan));
    let mut found = vec![];
    for namespace in &told {
        match ctx.connection.cluster.events(namespace).await {
            Ok(events) => found.extend(events),
            // They are good to have, and nothing depends on them: a user who may not read them loses nothing else.
            Err(error) => tracing::debug!(%error, namespace, "the events of a workload are not read"),
        }
    }
    let happened = of_workload(plan, found).into_iter().map(|(at, event)| NewWorkloadEvent {
        object: at.map(key),
        uid: event.uid,
        warning: event.warning,
        reason: event.reason,
        message: event.message,
        at: event.at,
    });
    let events: Vec<_> = applied(claimed, plan, outcome).into_iter().chain(happened).collect();
    if !events.is_empty() {
        ctx.context.store.save_workload_events(claimed.key.id, &events).await?;
    }
    Ok(if told.is_empty() { None } else { requeue_after(claimed, conditions) })
}

/// That a generation was applied, once for each. It is there for workloads of which a cluster tells nothing, too: clients take one without events for
/// one that isn't applied yet.
fn applied(claimed: &Claimed, plan: &Plan, outcome: &Outcome) -> Option<NewWorkloadEvent> {
    (outcome.applied && claimed.observed_generation < claimed.generation).then(|| NewWorkloadEvent {
        uid: APPLIED.to_owned(),
        object: None,
        warning: false,
        reason: "Applied".to_owned(),
        message: format!("generation {} is applied: {} objects", claimed.generation, plan.len()),
        at: claimed.now(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use causeway_store::queue::claimed_for_tests;

    #[test]
    fn a_generation_that_is_applied_is_told_once() {
        let mut claimed = claimed_for_tests(Kind::WorkloadInstance, 7);
        (claimed.generation, claimed.observed_generation) = (2, 1);
        let outcome = |applied| Outcome { applied, ..Outcome::default() };
        assert_eq!(applied(&claimed, &Plan::default(), &outcome(false)), None);
        let told = applied(&claimed, &Plan::default(), &outcome(true)).unwrap();
        assert!(told.message.contains("generation 2") && !told.warning);
        claimed.observed_generation = 2;
        assert_eq!(applied(&claimed, &Plan::default(), &outcome(true)), None);
    }
}
