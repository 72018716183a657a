//! The common Gateway of a cluster and class, the issuers of its certificates, and those certificates that are for whole domains. Its listeners with
//! hostnames are in ListenerSets, which are reconciled for themselves; here only what their reconciles left is summed up. Or a Gateway with the listeners
//! of its record and their certificates.

use super::{
    Interrupted, Reconcile, account, delete, issued_certificates::wait_for_certificates, prerequisites::all_met,
    tls_secrets::Unwatched,
};
use causeway_records::{inputs::SharedGatewayInputs, inventory::ObjectRef, status::NewCondition, text::ObjectName};
use causeway_render::{conditions, shared_gateway};
use causeway_rules::listeners::MOST_ON_GATEWAY;
use causeway_store::queue::Outcome;

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // 1. Read, place what is misplaced (needs Postgres), decrypt (pure).
    let mut inputs = ctx.context.store.shared_gateway_inputs(ctx.claimed.key.id).await?;
    if shared_gateway::has_misplaced_listeners(&inputs) && place_on_gateway(ctx).await? {
        inputs = ctx.context.store.shared_gateway_inputs(ctx.claimed.key.id).await?;
    }
    let (cluster_id, key) = (ctx.session.cluster_id(), &ctx.context.key);
    if let Err(error) = inputs.accounts.iter_mut().try_for_each(|account| account.spec.decrypt_for(cluster_id, key)) {
        return Ok(ctx.invalid(format!("aws account: {error}")));
    }
    if let Err(error) = inputs.domains.iter_mut().try_for_each(|domain| domain.spec.decrypt(key)) {
        return Ok(ctx.invalid(format!("domain name definition: {error}")));
    }
    let owner = shared_gateway::owner(&inputs.gateway.record);
    // Deletion: the ListenerSets go first (pure), then its own objects, or these are given back (needs the cluster).
    if ctx.claimed.being_deleted {
        let sets: Vec<_> = inputs.listener_sets.iter().map(|set| format!("listener set {}", set.ordinal)).collect();
        return match inputs.gateway.record.spec.is_kept() {
            _ if !sets.is_empty() => Ok(delete::wait_for(&sets)),
            true => ctx.give_back(owner).await,
            false => ctx.delete(owner).await,
        };
    }
    // 2. Prerequisites (needs Postgres).
    let before = ctx.prerequisites(&shared_gateway::support_services(&inputs)).await?;
    if !all_met(&before) {
        return Ok(Outcome::with(before));
    }
    // 3. Which certificates the listeners on the Gateway itself may have now (from the cache); render (pure).
    let Some(issued) = ctx.issued_certificates(owner, &of_domains(ctx, &inputs)).await else {
        return Ok(wait_for_certificates(before));
    };
    let plan = match shared_gateway::render_over(&inputs, &issued) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    // 4. Apply and prune (needs the cluster).
    let (mut outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    // 5. Observe (from the cache; the cluster for the class, for Secrets that were brought, and while a certificate is in the making), conditions (pure).
    let class = inputs.gateway.record.spec.gateway_class_name.as_ref().map(ObjectName::as_str);
    outcome.wake = ctx.look_at_class(class, &inputs.class_in_cluster).await;
    let mut seen = ctx.seen(owner, std::iter::empty());
    let brought = shared_gateway::tls_secret_refs(&inputs);
    ctx.see_tls_secrets(&brought, &mut seen).await;
    let in_the_making = ctx.see_challenges(&mut seen).await;
    if outcome.applied
        && let Some(condition) = conditions::listener_sets_applied(&inputs)
    {
        outcome = outcome.instead(condition);
    }
    let conditions = conditions::shared_gateway(&inputs, &seen);
    let unwatched = Unwatched { in_the_making, are_brought: !brought.is_empty(), is_looked_at: false };
    if let Some(wait) = unwatched.next_look(ctx.claimed, &conditions) {
        outcome.action = outcome.action.within(wait);
    }
    outcome.conditions.extend(conditions);
    outcome.certificates = Some(conditions::certificates(&plan, &seen, owner));
    outcome.conditions.extend(refused_account(&inputs, cluster_id));
    // 6. Publish what its users and its ListenerSets read (pure).
    Ok(outcome.publish(ctx.claimed.published_state.as_ref(), conditions::shared_gateway_state(&inputs, &seen)))
}

/// Places its listeners on the Gateway itself: they were placed before it was known that its class has no ListenerSets. False: they are too many.
async fn place_on_gateway(ctx: &Reconcile<'_>) -> Result<bool, Interrupted> {
    let gateway = ctx.claimed.key.id;
    let is_placed = ctx.context.store.place_on_gateway(gateway, MOST_ON_GATEWAY - 1).await?;
    if is_placed {
        tracing::info!(gateway, "its listeners are on the Gateway itself now: its class has no ListenerSets");
    }
    Ok(is_placed)
}

/// The Certificates of whole domains that listeners on the Gateway itself are to have, or may still have.
fn of_domains(ctx: &Reconcile<'_>, inputs: &SharedGatewayInputs) -> Vec<ObjectRef> {
    let wanted = inputs.domains.iter().any(|domain| domain.spec.has_wildcard_certificate());
    let is_there = |at: &ObjectRef| ctx.claimed.inventory.iter().any(|entry| entry.object == *at);
    shared_gateway::wildcard_refs(inputs).into_iter().filter(|at| wanted || is_there(at)).collect()
}

/// Why some certificates don't get the keys that they need: the first account that may not be used here.
fn refused_account(inputs: &SharedGatewayInputs, cluster_id: i64) -> Option<NewCondition> {
    let by_dns = inputs.domains.iter().filter(|domain| domain.spec.solves_by_dns());
    let needed: Vec<_> = by_dns.filter_map(|domain| domain.spec.aws_account_id).collect();
    let accounts = inputs.accounts.iter().filter(|account| needed.contains(&account.id()));
    accounts.filter_map(|account| account::refused(account, cluster_id)).next()
}
