//! A cluster: whether it can be reached, and whether it and the database are those that they were.

use super::{APPLIED, DATABASE_RESTORED, Failed, Interrupted, Reconcile, delete};
use crate::session::RestoreError;
use causeway_records::{
    inputs::GatewayFacts,
    status::{ConditionStatus, NewCondition},
};
use causeway_store::queue::Outcome;
use std::time::Duration;

/// How often is tried again what only a person in the cluster can put right.
const RESYNC: Duration = Duration::from_secs(300);

pub(crate) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    let (session, connection, claimed) = (ctx.session, &ctx.connection, ctx.claimed);
    let reachable = Outcome::with(vec![ctx.reachable()]);
    // 1. A person's word for a restored database (needs the cluster).
    if session.restored_sentence().is_some() && claimed.brake_released {
        match session.accept_database(connection).await {
            Ok(()) => {}
            Err(RestoreError::Store(error)) => return Err(error.into()),
            Err(RestoreError::Cluster(error)) => {
                let failed = Failed::new(APPLIED, DATABASE_RESTORED, error.to_string());
                return Ok(failed.ends(Outcome::default(), claimed));
            }
        }
    }
    if let Some(sentence) = session.restored_sentence() {
        let condition = NewCondition::not_met(APPLIED, DATABASE_RESTORED, sentence);
        return Ok(reachable.then(condition).requeue_after(RESYNC));
    }
    // 2. Deletion (needs the cluster).
    if claimed.being_deleted {
        let outcome = delete::confirm(ctx.context, claimed).await?;
        if outcome.deleted {
            session.remove_mark(connection).await;
        }
        return Ok(outcome);
    }
    // 3. Whether an old backup of the database would be noticed (needs the cluster). Everything else was said by connecting.
    let guarded = match session.restore_guarded(connection, &claimed.conditions).await {
        Ok(guarded) => guarded,
        Err(RestoreError::Store(error)) => return Err(error.into()),
        Err(RestoreError::Cluster(error)) => {
            session.report_failure(&error);
            return Ok(Failed::new(APPLIED, "RestoreGuard", error.to_string()).ends(reachable, claimed));
        }
    };
    let is_guarded = guarded.status == ConditionStatus::True;
    let outcome = Outcome { applied: true, ..reachable.then(guarded) };
    // 4. What it says of Gateway API and its gateway controllers (needs the cluster); whom it concerns (needs Postgres).
    let outcome = with_gateway_facts(ctx, outcome).await?;
    Ok(if is_guarded { outcome } else { outcome.requeue_after(RESYNC) })
}

/// Publishes it, and wakes the gateways of classes of which it says something else than before; all of them, if it is about Gateway API itself.
async fn with_gateway_facts(ctx: &Reconcile<'_>, outcome: Outcome) -> Result<Outcome, Interrupted> {
    let facts = match ctx.connection.cluster.gateway_facts().await {
        Ok(facts) => facts,
        // Nobody needs it: without, what can't be is told by the objects' own conditions. A cluster that is gone is noticed by others.
        Err(error) => {
            tracing::debug!(%error, cluster = ctx.session.cluster_id(), "gateway classes are not read");
            return Ok(outcome);
        }
    };
    let before = ctx.claimed.published_state.clone();
    let before: GatewayFacts = before.and_then(|known| serde_json::from_value(known).ok()).unwrap_or_default();
    let state = serde_json::to_value(&facts).unwrap_or_default();
    let (changed, of_api) = (facts.changed_classes(&before), facts.api != before.api);
    let is_new = facts != before;
    ctx.session.note_gateway_facts(facts);
    let classes = (!of_api).then_some(&changed);
    if is_new && !ctx.context.store.publish_gateway_facts(ctx.claimed, &state, classes).await? {
        return Err(Interrupted::LeaseLost);
    }
    Ok(outcome)
}
