//! A ListenerSet of a shared gateway: some listeners and their certificates. Wakes exactly the gateway instances whose listener changed.

use super::{
    APPLIED, Interrupted, Reconcile, apply::TAKEN_UP, issued_certificates::wait_for_certificates,
    prerequisites::all_met, tls_secrets::Unwatched,
};
use causeway_records::{Kind, inputs::ListenerSetState, status::NewCondition, text::Hostname};
use causeway_render::{
    conditions, listener_set,
    shared_gateway::{self, gateway_ref},
};
use causeway_store::queue::{Key, Outcome};

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // 1. Read (needs Postgres).
    let inputs = ctx.context.store.listener_set_inputs(ctx.claimed.key.id).await?;
    let owner = listener_set::owner(&inputs);
    if ctx.claimed.being_deleted {
        return ctx.delete(owner).await;
    }
    // 2. Prerequisites (needs Postgres), and the Gateway (from the cache), whose reconcile wakes this one when it sees another.
    let before = ctx.prerequisites(&listener_set::support_services(&inputs)).await?;
    if !all_met(&before) {
        return Ok(Outcome::with(before));
    }
    let gateway = gateway_ref(&inputs.gateway);
    if !inputs.listeners.is_empty() {
        ctx.watch(std::iter::once(&gateway)).await;
        if ctx.connection.cache.get_for(&owner.to_string(), &gateway).is_none() {
            let message = format!("waits for {gateway}; see the conditions of its shared gateway");
            return Ok(Outcome::with(before).then(NewCondition::not_met(APPLIED, "Waiting", message)));
        }
    }
    // 3. Which certificates the listeners may have now (from the cache); render (pure).
    let known = ctx.claimed.published_state.clone();
    let known: ListenerSetState = known.and_then(|known| serde_json::from_value(known).ok()).unwrap_or_default();
    let may_change =
        !known.wildcards.is_empty() || inputs.domains.iter().any(|domain| domain.spec.has_wildcard_certificate());
    let of_domains = if may_change { listener_set::wildcard_refs(&inputs) } else { Vec::new() };
    let Some(issued) = ctx.issued_certificates(owner, &of_domains).await else {
        return Ok(wait_for_certificates(before));
    };
    let plan = match listener_set::render_over(&inputs, &issued) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    // 4. Apply and prune (needs the cluster).
    let (mut outcome, changes) = ctx.apply_and_prune(owner, &plan, before).await?;
    // 5. Observe (from the cache; the cluster for Secrets that were brought, and while a certificate is in the making), conditions (pure).
    let mut seen = ctx.seen(owner, std::iter::empty());
    let brought = listener_set::tls_secret_refs(&inputs);
    ctx.see_tls_secrets(&brought, &mut seen).await;
    let in_the_making = ctx.see_challenges(&mut seen).await;
    let mut state = conditions::listener_set_state(&inputs, &issued, &seen);
    let set = listener_set::listener_set_ref(&inputs);
    let change = changes.iter().find(|(at, _)| *at == set).map(|(_, change)| change);
    let served = still_served(&known, &state, plan.is_empty() || ctx.is_taken_up(&set, change));
    if !served.is_empty() {
        // The status that says so may have come while this reconcile ran, and then tells nobody a second time.
        outcome.action = outcome.action.within(TAKEN_UP);
        state.wildcards.extend(served);
    }
    outcome.certificates = Some(conditions::certificates(&plan, &seen, shared_gateway::owner(&inputs.gateway.record)));
    let conditions = conditions::listener_set(&state);
    let unwatched = Unwatched { in_the_making, are_brought: !brought.is_empty(), is_looked_at: false };
    if let Some(wait) = unwatched.next_look(ctx.claimed, &conditions) {
        outcome.action = outcome.action.within(wait);
    }
    outcome.conditions.extend(conditions);
    // 6. Publish what the gateway sums up, and wake the users of listeners that changed (pure).
    let users = conditions::users_to_wake(&inputs, &known, &state);
    outcome.wake = users.into_iter().map(|id| Key { kind: Kind::GatewayInstance, id }).collect();
    let state = serde_json::to_value(&state).unwrap_or_default();
    let outcome = outcome.publish(ctx.claimed.published_state.as_ref(), state);
    // The gateway sums up `Applied` as well.
    let changed = outcome.changed_conditions(ctx.claimed).is_some();
    Ok(Outcome { wake_dependants: outcome.wake_dependants || changed, ..outcome })
}

/// The domains whose one certificate listeners had: the controller may serve it until it has taken up what they have instead.
fn still_served(before: &ListenerSetState, now: &ListenerSetState, is_taken_up: bool) -> Vec<Hostname> {
    match is_taken_up {
        true => Vec::new(),
        false => before.wildcards.difference(&now.wildcards).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_listeners_had_is_served_until_the_controller_has_taken_up_another() {
        let domain = |name: &str| -> Hostname { name.parse().unwrap() };
        let of = |names: &[&str]| ListenerSetState {
            wildcards: names.iter().map(|name| domain(name)).collect(),
            ..ListenerSetState::default()
        };
        let both = of(&["a.example.org", "b.example.org"]);
        assert_eq!(still_served(&both, &of(&["b.example.org"]), false), [domain("a.example.org")]);
        assert!(still_served(&both, &of(&["b.example.org"]), true).is_empty());
        assert!(still_served(&both, &both, false).is_empty(), "they have it still");
        assert!(still_served(&of(&[]), &both, false).is_empty(), "what is new wasn't served before");
    }
}
