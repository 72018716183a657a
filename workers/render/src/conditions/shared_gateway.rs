//! Conditions of a shared gateway: of its own objects, and of its ListenerSets as their last reconciles left them.

use super::{
    APPLIED, CERTIFICATES_READY, LISTENERS_READY, NotReady,
    gateway_status::{GatewayStatus, any_not_ready, issued_certificates, issuer_not_ready},
    listener_set::{plus, readiness, report},
    listener_status::FaultyListener,
    summarize,
    supported::supported,
};
use crate::{
    certificates::NONE_ISSUED,
    given_listeners,
    listeners::ListenerAt,
    observed::Seen,
    plan::hash,
    shared_gateway::{capabilities, driver, gateway_ref, holder, issuer_ref, listeners, own_certificates, unsupported},
};
use causeway_records::{
    inputs::{ListenerSetStatus, Readiness, SharedGatewayInputs},
    inventory::ObjectRef,
    status::{ConditionStatus, NewCondition},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Supported, GatewayAccepted, GatewayProgrammed, AddressAssigned, ListenersReady, CertificatesReady; nothing while nobody uses it.
pub fn shared_gateway(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<NewCondition> {
    if !inputs.is_used() {
        return Vec::new();
    }
    let gateway = find_gateway(inputs, seen);
    let capabilities = capabilities(&inputs.gateway.record.spec, &inputs.class_in_cluster);
    let supported = supported(&capabilities, unsupported(inputs));
    let mut conditions: Vec<_> = supported.into_iter().chain(gateway.conditions()).collect();
    conditions.push(match gateway.observed {
        None => summarize(LISTENERS_READY, vec![gateway.missing()], ""),
        Some(_) => report(LISTENERS_READY, &listeners_readiness(inputs, seen), "listener"),
    });
    conditions.extend(certificates_ready(inputs, seen));
    conditions
}

/// `Applied` of the first ListenerSet that could not be applied: then the gateway's isn't met either.
pub fn listener_sets_applied(inputs: &SharedGatewayInputs) -> Option<NewCondition> {
    let applied = inputs.listener_sets.iter().filter_map(|set| set.applied.as_ref());
    let first = applied.into_iter().find(|applied| applied.status != ConditionStatus::True)?;
    Some(NewCondition::not_met(APPLIED, &first.reason, first.message.clone()))
}

/// What others read of the Gateway: its addresses, and a text that changes whenever a condition of its gateway instances,
/// domain name instances and ListenerSets may change: with its conditions and addresses, the listeners on the Gateway itself, and its own certificates.
pub fn shared_gateway_state(inputs: &SharedGatewayInputs, seen: &Seen) -> Value {
    let gateway = find_gateway(inputs, seen);
    let Some(observed) = gateway.observed else { return Value::Null };
    let conditions = gateway.conditions();
    let conditions: Vec<_> = conditions
        .iter()
        .map(|condition| json!([condition.status.as_str(), condition.reason, condition.message]))
        .collect();
    let addresses = gateway.addresses();
    // Each for itself: who uses one that fails otherwise than before is told, whatever the others do.
    let own = own_faults(inputs, seen).into_iter().map(|fault| fault.map(|fault| [fault.reason, fault.message]));
    let mut all = vec![
        json!(observed.uid),
        json!(observed.generation),
        json!(conditions),
        json!(addresses.ips),
        json!(addresses.hostnames),
        json!(own.collect::<Vec<_>>()),
    ];
    let certificate = |(name, at): (&String, &ObjectRef)| {
        let not_ready = any_not_ready(name, at, seen);
        json!([name, not_ready.map(|not_ready| [not_ready.reason, not_ready.message])])
    };
    all.extend(own_certificates(inputs, &issued_certificates(seen)).iter().map(certificate));
    let state = hash(&json!(all));
    json!({"state": state, "addresses": gateway.published_addresses()})
}

fn find_gateway<'a>(inputs: &SharedGatewayInputs, seen: &'a Seen) -> GatewayStatus<'a> {
    let driver = driver(&inputs.gateway.record.spec, &inputs.class_in_cluster);
    GatewayStatus::find_own(driver, gateway_ref(&inputs.gateway), seen)
}

/// Those on the Gateway itself, each with what keeps it from working.
fn own_faults(inputs: &SharedGatewayInputs, seen: &Seen) -> Vec<Option<NotReady>> {
    let holder = gateway_ref(&inputs.gateway);
    let capabilities = capabilities(&inputs.gateway.record.spec, &inputs.class_in_cluster);
    let mut own: Vec<_> = match &inputs.gateway.record.spec.listeners {
        Some(given) => given.0.iter().map(|one| given_listeners::at(&inputs.gateway, one)).collect(),
        None => {
            let own = inputs.listeners.iter().filter(|listener| listener.listener_set.is_none());
            own.map(|listener| ListenerAt::new(listener.key.clone(), holder.clone())).collect()
        }
    };
    // Those that the class can't have aren't there.
    own.retain(|at| capabilities.serves(at.key.protocol));
    own.iter().map(|at| Some(FaultyListener::find(at, seen.get(&holder))?.describe())).collect()
}

fn listeners_readiness(inputs: &SharedGatewayInputs, seen: &Seen) -> Readiness {
    let of_set = |set: &ListenerSetStatus| match &set.state {
        Some(state) if state.listeners.number == set.listeners => state.listeners.clone(),
        _ => not_reconciled(inputs, set),
    };
    inputs.listener_sets.iter().map(of_set).fold(readiness(own_faults(inputs, seen).into_iter()), plus)
}

/// Listeners came or went since its last reconcile.
fn not_reconciled(inputs: &SharedGatewayInputs, set: &ListenerSetStatus) -> Readiness {
    let at = holder(&inputs.gateway, Some(set.ordinal));
    let pending = NotReady::pending(format!("{at} is not applied yet with the listeners that are asked for"));
    let is_used = set.listeners > 0;
    let first = is_used.then(|| pending.into());
    Readiness { number: set.listeners, not_ready: usize::from(is_used), first }
}

fn certificates_ready(inputs: &SharedGatewayInputs, seen: &Seen) -> Option<NewCondition> {
    let issuers = signing(inputs).into_iter().map(|id| issuer_ref(&inputs.gateway.object_name, id));
    // An issuer that does not work is the cause of what follows for each of its certificates, so it is reported first.
    let issuers = readiness(issuers.filter_map(|at| Some(Some(issuer_not_ready(&at, seen)?))));
    let issuers = Readiness { number: 0, ..issuers };
    let own = own_certificates(inputs, &issued_certificates(seen));
    let own = readiness(own.iter().map(|(name, at)| any_not_ready(name, at, seen)));
    let states = inputs.listener_sets.iter().filter_map(|set| set.state.as_ref());
    let all = states.map(|state| state.certificates.clone()).fold(plus(issuers, own), plus);
    (all.number > 0).then(|| report(CERTIFICATES_READY, &all, "certificate"))
}

/// The domains whose issuers sign.
fn signing(inputs: &SharedGatewayInputs) -> BTreeSet<i64> {
    let spec = &inputs.gateway.record.spec;
    match &spec.listeners {
        Some(_) => spec.domain_name_definition_id.into_iter().collect(),
        None => listeners(inputs, NONE_ISSUED)
            .certified()
            .filter_map(|listener| listener.domain_name_definition_id)
            .collect(),
    }
}
