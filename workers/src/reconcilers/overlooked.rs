//! Has the controller of a Gateway look again where it seems to have overlooked a route.

use super::{Failure, Pass};
use causeway_cluster::ClusterError;
use causeway_records::status::{ConditionStatus, Finding};
use causeway_render::{
    conditions::ROUTES_ACCEPTED,
    labels::Owner,
    observed::Seen,
    overlooked::{disturbed, overlooked},
    plan::Plan,
};
use std::time::Duration;

/// So long a controller may take to answer a route when all that the route needs is there. Many take no time at all, one that has just started and
/// has thousands of routes to answer some seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// Changes routes that have waited too long for an answer. Their next pass, which the watch asks for, puts them right. Returns when to look
/// again if they may wait longer; None: nobody waits.
pub(super) async fn remind(
    pass: &Pass<'_>,
    owner: Owner,
    plan: &Plan,
    seen: &Seen,
    steps: &[Finding],
) -> Result<Option<Duration>, Failure> {
    let mut needed = steps.iter().take_while(|step| step.kind != ROUTES_ACCEPTED);
    let routes = overlooked(plan, seen);
    if routes.is_empty() || !needed.all(|step| step.status == ConditionStatus::True) {
        return Ok(None);
    }
    let rest = ANSWERED_WITHIN.saturating_sub(unmoved(pass, steps));
    if !rest.is_zero() {
        return Ok(Some(rest));
    }
    if !pass.site.may_remind() {
        return Ok(Some(ANSWERED_WITHIN));
    }
    let (cluster, writer) = (&pass.connection.cluster, pass.writer(owner));
    for route in routes {
        tracing::warn!(route = %route.at, "no controller has answered; it is changed for a moment, to be looked at again");
        match cluster.touch(&writer, &route.at, &disturbed(route), &pass.connection.watches).await {
            Ok(()) => {}
            Err(ClusterError::Cancelled { .. }) => return Err(Failure::Cancelled),
            Err(error) => pass.site.report(&error),
        }
    }
    Ok(Some(ANSWERED_WITHIN))
}

/// How long all steps have been as they are.
fn unmoved(pass: &Pass<'_>, steps: &[Finding]) -> Duration {
    let before = &pass.work.conditions;
    let moved = |step: &Finding| before.get(step.kind).is_none_or(|known| known.status != step.status);
    let last = before.0.iter().map(|condition| condition.last_transition_time).max();
    match last {
        Some(last) if !steps.iter().any(moved) => (pass.work.now() - last).to_std().unwrap_or_default(),
        _ => Duration::ZERO,
    }
}
