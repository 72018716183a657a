//! A shared gateway to which nothing but listeners came since the last look: their ListenerSets are applied at once, whatever else stands beside
//! them, and the whole is looked at within a second. So a listener waits for a few others, not for thousands; and of many that come together
//! each look at the whole is one for all.

use super::{Interrupted, Reconcile, shared_gateway::wake_users};
use crate::session::Look;
use causeway_records::{inputs::SharedGatewayInputs, inventory::ObjectRef};
use causeway_render::{
    k8s::cert_manager::CHALLENGE,
    plan::Plan,
    shared_gateway::{self, certificates_of, gateway_ref, holder},
};
use causeway_store::queue::Outcome;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// From one look at the whole to the next, while listeners come.
const WHOLE_WITHIN: Duration = Duration::from_secs(1);

/// None: the whole gateway has to be looked at.
pub(super) async fn reconcile(ctx: &Reconcile<'_>, last: Look) -> Result<Option<Outcome>, Interrupted> {
    let (store, work) = (&ctx.context.store, ctx.claimed);
    let whole_due = last.whole + WHOLE_WITHIN;
    if work.being_deleted || Instant::now() >= whole_due {
        return Ok(None);
    }
    let Some(slots) = store.woken_listener_sets(work, last.wake_seq).await? else { return Ok(None) };
    let inputs = store.listener_set_inputs(work.key.id, &slots).await?;
    let Ok(mut plan) = shared_gateway::render_listener_sets(&inputs, &slots, &ctx.stands()) else { return Ok(None) };
    plan.unchanged = all_others(ctx, &plan);
    let owner = shared_gateway::owner(&inputs.gateway.record);
    let (outcome, _) = ctx.apply_and_prune(owner, &plan, vec![]).await?;
    if !outcome.applied {
        // The look at the whole says what is wrong.
        return Ok(None);
    }
    let needed = told_of(&inputs);
    let is_needed = |at: &ObjectRef| CHALLENGE.is(at) || needed.contains(at);
    let seen = ctx.seen_by(owner, |own| is_needed(&own.at).then(|| own.observed()));
    wake_users(ctx, &inputs, &seen).await?;
    ctx.session.note_look(work.key.id, Look { wake_seq: work.wake_seq, ..last });
    let wait = whole_due.saturating_duration_since(Instant::now());
    Ok(Some(Outcome { in_part: true, ..outcome.requeue_after(wait) }))
}

/// What the record has beside the objects that are made: nobody says that they stand, but for now they stay.
fn all_others(ctx: &Reconcile<'_>, plan: &Plan) -> Vec<ObjectRef> {
    let made: HashSet<&ObjectRef> = plan.objects.iter().map(|object| &object.at).collect();
    let all = ctx.claimed.inventory.iter().map(|entry| &entry.object);
    all.filter(|at| !made.contains(at)).cloned().collect()
}

/// The objects from which the state of these listeners is read.
fn told_of(inputs: &SharedGatewayInputs) -> HashSet<ObjectRef> {
    let name = &inputs.gateway.object_name;
    let holders = inputs.listeners.iter().map(|listener| holder(name, listener.listener_set));
    holders.chain([gateway_ref(name)]).chain(certificates_of(inputs)).collect()
}
