//! The common Gateway of a cluster: listeners, certificates, issuers. Wakes exactly the gateway instances whose listener changed.

use super::{Interrupted, Reconcile, listener_sets, prerequisites::all_met};
use crate::session::Look;
use causeway_records::{Kind, inputs::SharedGatewayInputs, inventory::ObjectRef, secret::SecretError};
use causeway_render::{conditions, observed::Seen, shared_gateway};
use causeway_store::queue::{Key, Outcome};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Instant,
};

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // Whatever goes wrong from here on, the next reconcile is one of the whole gateway.
    if let Some(last) = ctx.session.take_look(ctx.claimed.key.id)
        && let Some(outcome) = listener_sets::reconcile(ctx, last).await?
    {
        return Ok(outcome);
    }
    whole(ctx).await
}

async fn whole(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    let begun = Instant::now();
    // 1. Read (needs Postgres), decrypt (pure).
    ctx.context.store.forget_listener_set_wakes(ctx.claimed).await?;
    let mut inputs = ctx.context.store.shared_gateway_inputs(ctx.claimed.key.id).await?;
    if let Err(error) = decrypt(&mut inputs, ctx) {
        return Ok(ctx.invalid(format!("aws account: {error}")));
    }
    let owner = shared_gateway::owner(&inputs.gateway.record);
    if ctx.claimed.being_deleted {
        return ctx.delete(owner).await;
    }
    // 2. Prerequisites (needs Postgres).
    let before = ctx.prerequisites(&shared_gateway::support_services(&inputs)).await?;
    if !all_met(&before) {
        return Ok(Outcome::with(before));
    }
    // 3. Render (pure).
    let plan = match shared_gateway::render(&inputs, &ctx.stands()) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    // 4. Apply and prune (needs the cluster).
    let (mut outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    // 5. Observe (from the cache).
    let standing: HashSet<&ObjectRef> = plan.unchanged.iter().collect();
    let stands = |at: &ObjectRef| standing.contains(at);
    let seen = ctx.seen_by(owner, |own| Some(if stands(&own.at) { own.observed_standing() } else { own.observed() }));
    // 6. Wake the users of listeners that are in another state (needs Postgres).
    wake_users(ctx, &inputs, &seen).await?;
    // 7. Conditions, and the state that all of its users read (pure).
    if !inputs.listeners.is_empty() {
        outcome.conditions.extend(conditions::shared_gateway(&inputs, &seen));
    }
    if outcome.applied {
        ctx.session.note_look(ctx.claimed.key.id, Look { wake_seq: ctx.claimed.wake_seq, whole: begun });
    }
    let state = gateway_state(&shared_gateway::gateway_ref(&inputs.gateway.object_name), &seen);
    Ok(outcome.publish(ctx.claimed.published_state.as_ref(), state))
}

/// Wakes the users of listeners that are in another state than when they were last woken. The wake is written before that state is: rather twice
/// than never.
pub(super) async fn wake_users(
    ctx: &Reconcile<'_>,
    inputs: &SharedGatewayInputs,
    seen: &Seen,
) -> Result<(), Interrupted> {
    let changed = conditions::changed_listeners(inputs, seen);
    let users = changed.iter().flat_map(|(listener, _)| &listener.users).map(|user| user.gateway_instance_id);
    let users: BTreeSet<i64> = users.collect();
    let keys: Vec<_> = users.into_iter().map(|id| Key { kind: Kind::GatewayInstance, id }).collect();
    ctx.context.store.wake(&keys).await?;
    let states: Vec<_> = changed.into_iter().map(|(listener, state)| (&listener.key, state)).collect();
    Ok(ctx.context.store.save_listener_states(ctx.claimed, &states).await?)
}

/// The state of a Gateway as records read it that route through it or publish its address.
pub(super) fn gateway_state(gateway: &ObjectRef, seen: &Seen) -> Value {
    let Some(observed) = seen.get(gateway) else { return Value::Null };
    let conditions = observed.status["conditions"].as_array().into_iter().flatten();
    let states: BTreeMap<_, _> = conditions
        .map(|c| (c["type"].as_str().unwrap_or_default(), json!([c["status"], c["reason"], c["observedGeneration"]])))
        .collect();
    json!({"addresses": observed.status["addresses"], "conditions": states})
}

fn decrypt(inputs: &mut SharedGatewayInputs, ctx: &Reconcile<'_>) -> Result<(), SecretError> {
    inputs.accounts.iter_mut().try_for_each(|account| account.spec.decrypt(&ctx.context.key))
}
