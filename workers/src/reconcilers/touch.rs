//! Touches routes that no controller has answered: a small change makes the controller of their Gateway look again.

use super::{Interrupted, Reconcile};
use causeway_cluster::ClusterError;
use causeway_records::{
    inputs::GatewayInputs,
    status::{ConditionStatus, NewCondition},
};
use causeway_render::{
    conditions::ROUTES_ACCEPTED,
    driver::{touched, unobserved_routes},
    gateway,
    observed::Seen,
    plan::Plan,
};
use std::time::Duration;

/// How long a controller may take to answer a route when all that the route needs is there. Many take no time at all, one that has just started and
/// has thousands of routes to answer some seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// Touches routes that have waited too long for an answer. The watch wakes their record, and its reconcile puts them right. Answers when to
/// check again; None if no route waits.
pub(super) async fn touch_unanswered(
    ctx: &Reconcile<'_>,
    inputs: &GatewayInputs,
    plan: &Plan,
    seen: &Seen,
    steps: &[NewCondition],
) -> Result<Option<Duration>, Interrupted> {
    let mut needed = steps.iter().take_while(|step| step.condition_type != ROUTES_ACCEPTED);
    let routes = unobserved_routes(plan, seen);
    if routes.is_empty() || !needed.all(|step| step.status == ConditionStatus::True) {
        return Ok(None);
    }
    let rest = ANSWERED_WITHIN.saturating_sub(unmoved(ctx, steps));
    if !rest.is_zero() {
        return Ok(Some(rest));
    }
    if !ctx.session.may_touch() {
        return Ok(Some(ANSWERED_WITHIN));
    }
    let (cluster, writer) = (&ctx.connection.cluster, ctx.writer(gateway::owner(&inputs.instance.record)));
    for route in routes {
        tracing::warn!(route = %route.at, "no controller has answered; it is touched, so that a controller observes it");
        match cluster.touch(&writer, &route.at, &touched(route), &ctx.connection.cache).await {
            Ok(()) => {}
            Err(ClusterError::Cancelled { .. }) => return Err(Interrupted::LeaseLost),
            Err(error) => ctx.session.report_failure(&error),
        }
    }
    Ok(Some(ANSWERED_WITHIN))
}

/// How long all steps have been as they are.
fn unmoved(ctx: &Reconcile<'_>, steps: &[NewCondition]) -> Duration {
    let before = &ctx.claimed.conditions;
    let moved = |step: &NewCondition| before.get(step.condition_type).is_none_or(|known| known.status != step.status);
    let last = before.0.iter().map(|condition| condition.last_transition_time).max();
    match last {
        Some(last) if !steps.iter().any(moved) => (ctx.claimed.now() - last).to_std().unwrap_or_default(),
        _ => Duration::ZERO,
    }
}
