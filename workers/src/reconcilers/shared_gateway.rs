//! The common Gateway of a cluster: listeners, certificates, issuers. Wakes exactly the gateway instances whose listener changed.

use super::{Failure, Found, Pass, listener_sets, services::all_hold};
use crate::site::Look;
use causeway_records::{
    inputs::{Protocol, SharedGatewayInputs},
    inventory::ObjectRef,
    nouns::Service,
    secret::SecretError,
};
use causeway_render::{conditions, observed::Seen, shared_gateway};
use causeway_store::queue::Key;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Instant,
};

pub(super) async fn reconcile(pass: &Pass<'_>) -> Result<Found, Failure> {
    // Whatever goes wrong from here on, the next pass looks at the whole.
    if let Some(last) = pass.site.take_look(pass.work.key.id)
        && let Some(found) = listener_sets::reconcile(pass, last).await?
    {
        return Ok(found);
    }
    whole(pass).await
}

async fn whole(pass: &Pass<'_>) -> Result<Found, Failure> {
    let begun = Instant::now();
    pass.context.store.forget_listener_set_wakes(pass.work).await?;
    let mut inputs = pass.context.store.shared_gateway_inputs(pass.work.key.id).await?;
    if let Err(error) = decrypt(&mut inputs, pass) {
        return Ok(pass.invalid(format!("aws account: {error}")));
    }
    let owner = shared_gateway::owner(&inputs.gateway.record);
    if pass.work.being_deleted {
        return pass.remove(owner).await;
    }
    let before = pass.first_steps(needed(&inputs)).await?;
    if !all_hold(&before) {
        return Ok(Found { findings: before, ..Found::default() });
    }
    let plan = match shared_gateway::render(&inputs, &pass.stands()) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(pass.invalid(invalid.to_string())),
    };
    let brought = pass.bring(owner, &plan).await?;
    let standing: HashSet<&ObjectRef> = plan.standing.iter().collect();
    let stands = |at: &ObjectRef| standing.contains(at);
    let seen = pass.seen_by(owner, |own| Some(if stands(&own.at) { own.observed_standing() } else { own.observed() }));
    tell(pass, &inputs, &seen).await?;
    let whole = gateway_state(&shared_gateway::gateway_ref(&inputs.gateway.object_name), &seen);
    let after = if inputs.listeners.is_empty() { vec![] } else { conditions::shared_gateway(&inputs, &seen) };
    let mut found = brought.found(before, after);
    // What all of its users read of it; of a listener only its own users read.
    found.wake_dependants = pass.work.projection.as_ref() != Some(&whole);
    found.projection = found.wake_dependants.then_some(whole);
    if found.applied {
        pass.site.note_look(pass.work.key.id, Look { wake_seq: pass.work.wake_seq, whole: begun });
    }
    Ok(found)
}

/// Has the users of listeners look again that are in another state than they have heard of. They are told before it is noted down that they
/// were: rather twice than never.
pub(super) async fn tell(pass: &Pass<'_>, inputs: &SharedGatewayInputs, seen: &Seen) -> Result<(), Failure> {
    let changed = conditions::changed_listeners(inputs, seen);
    let users = changed.iter().flat_map(|(listener, _)| &listener.users).map(|user| user.gateway_instance_id);
    let users: BTreeSet<i64> = users.collect();
    let keys: Vec<_> = users.into_iter().map(|id| Key { kind: causeway_records::Kind::GatewayInstance, id }).collect();
    pass.context.store.wake(&keys).await?;
    let states: Vec<_> = changed.into_iter().map(|(listener, state)| (&listener.key, state)).collect();
    Ok(pass.context.store.save_listener_states(pass.work, &states).await?)
}

fn needed(inputs: &SharedGatewayInputs) -> &'static [Service] {
    let https = inputs.listeners.iter().any(|listener| listener.key.protocol == Protocol::Https);
    match (inputs.listeners.is_empty(), https) {
        (true, _) => &[],
        (_, true) => &[Service::GatewayApi, Service::EnvoyGateway, Service::CertManager],
        (_, false) => &[Service::GatewayApi, Service::EnvoyGateway],
    }
}

/// What those who route through a Gateway, or publish its address, read of it.
pub(super) fn gateway_state(gateway: &ObjectRef, seen: &Seen) -> Value {
    let Some(observed) = seen.get(gateway) else { return Value::Null };
    let conditions = observed.status["conditions"].as_array().into_iter().flatten();
    let states: BTreeMap<_, _> = conditions
        .map(|c| (c["type"].as_str().unwrap_or_default(), json!([c["status"], c["reason"], c["observedGeneration"]])))
        .collect();
    json!({"addresses": observed.status["addresses"], "conditions": states})
}

fn decrypt(inputs: &mut SharedGatewayInputs, pass: &Pass<'_>) -> Result<(), SecretError> {
    inputs.accounts.iter_mut().try_for_each(|account| account.spec.decrypt(&pass.context.key))
}
