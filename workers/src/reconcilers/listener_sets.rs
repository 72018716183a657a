//! A shared gateway to which nothing but listeners came since the last look: their ListenerSets are applied at once, whatever else stands beside
//! them, and the whole is looked at within a second. So a listener waits for a few others, not for thousands; and of many that come together
//! each look at the whole is one for all.

use super::{Failure, Found, Pass, shared_gateway::tell};
use crate::site::Look;
use causeway_records::{inputs::SharedGatewayInputs, inventory::ObjectRef};
use causeway_render::{
    k8s::cert_manager::CHALLENGE,
    plan::Plan,
    shared_gateway::{self, certificates_of, gateway_ref, holder},
};
use causeway_store::queue::Next;
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

/// From one look at the whole to the next, while listeners come.
const WHOLE_WITHIN: Duration = Duration::from_secs(1);

/// None: the whole gateway has to be looked at.
pub(super) async fn reconcile(pass: &Pass<'_>, last: Look) -> Result<Option<Found>, Failure> {
    let (store, work) = (&pass.context.store, pass.work);
    let whole_due = last.whole + WHOLE_WITHIN;
    if work.being_deleted || Instant::now() >= whole_due {
        return Ok(None);
    }
    let Some(slots) = store.woken_listener_sets(work, last.wake_seq).await? else { return Ok(None) };
    let inputs = store.listener_set_inputs(work.key.id, &slots).await?;
    let Ok(mut plan) = shared_gateway::render_listener_sets(&inputs, &slots, &pass.stands()) else { return Ok(None) };
    plan.unchanged = all_others(pass, &plan);
    let owner = shared_gateway::owner(&inputs.gateway.record);
    let brought = pass.bring(owner, &plan).await?;
    if !brought.applied {
        // The look at the whole says what is wrong.
        return Ok(None);
    }
    let needed = told_of(&inputs);
    let is_needed = |at: &ObjectRef| CHALLENGE.is(at) || needed.contains(at);
    let seen = pass.seen_by(owner, |own| is_needed(&own.at).then(|| own.observed()));
    tell(pass, &inputs, &seen).await?;
    pass.site.note_look(work.key.id, Look { wake_seq: work.wake_seq, ..last });
    let next = Next::In(whole_due.saturating_duration_since(Instant::now()));
    Ok(Some(Found { in_part: true, next, ..brought.found(vec![], vec![]) }))
}

/// What the record has beside the objects that are made: nobody says that they stand, but for now they stay.
fn all_others(pass: &Pass<'_>, plan: &Plan) -> Vec<ObjectRef> {
    let made: HashSet<&ObjectRef> = plan.objects.iter().map(|object| &object.at).collect();
    let all = pass.work.inventory.iter().map(|entry| &entry.object);
    all.filter(|at| !made.contains(at)).cloned().collect()
}

/// The objects from which the state of these listeners is read.
fn told_of(inputs: &SharedGatewayInputs) -> HashSet<ObjectRef> {
    let name = &inputs.gateway.object_name;
    let holders = inputs.listeners.iter().map(|listener| holder(name, listener.listener_set));
    holders.chain([gateway_ref(name)]).chain(certificates_of(inputs)).collect()
}
