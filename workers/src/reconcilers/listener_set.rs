//! A ListenerSet of a shared gateway: some listeners and their certificates. Wakes exactly the gateway instances whose listener changed.

use super::{
    APPLIED, Interrupted, Reconcile, issued_certificates::wait_for_certificates, look_again::look_again,
    prerequisites::all_met, tls_secrets::STEADY,
};
use causeway_records::{Kind, inputs::ListenerSetState, status::NewCondition};
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
    // 2. Prerequisites (needs Postgres), and the Gateway (from the cache), whose reconcile wakes this one.
    let before = ctx.prerequisites(&listener_set::support_services(&inputs)).await?;
    if !all_met(&before) {
        return Ok(Outcome::with(before));
    }
    let gateway = gateway_ref(&inputs.gateway.object_name);
    if !inputs.listeners.is_empty() {
        ctx.watch(std::iter::once(&gateway)).await;
        if ctx.connection.cache.get(&gateway).is_none() {
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
    if !known.wildcards.is_empty() && !plan.is_empty() && !ctx.is_taken_up(&set, change) {
        // The controller may still serve what the listeners had.
        state.wildcards.extend(known.wildcards.iter().cloned());
    }
    outcome.certificates = Some(conditions::certificates(&plan, &seen, shared_gateway::owner(&inputs.gateway.record)));
    let conditions = conditions::listener_set(&state);
    let steady = (!brought.is_empty()).then_some(STEADY);
    let wait = look_again(ctx.claimed, &conditions).filter(|_| in_the_making || !brought.is_empty());
    if let Some(wait) = wait.or(steady) {
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
