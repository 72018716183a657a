//! The common Gateway of a cluster and class, the issuers of its certificates, and those certificates that are for whole domains. Its listeners with
//! hostnames are in ListenerSets, which are reconciled for themselves; here only what their reconciles left is summed up. Or a Gateway with the listeners
//! of its record and their certificates.

use super::{Interrupted, Reconcile, account, delete, prerequisites::all_met, requeue::requeue_after};
use causeway_records::{inputs::SharedGatewayInputs, status::NewCondition};
use causeway_render::{conditions, shared_gateway};
use causeway_store::queue::Outcome;

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // 1. Read (needs Postgres), decrypt (pure).
    let mut inputs = ctx.context.store.shared_gateway_inputs(ctx.claimed.key.id).await?;
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
    // 3. Render (pure).
    let plan = match shared_gateway::render(&inputs) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    // 4. Apply and prune (needs the cluster).
    let (mut outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    // 5. Observe (from the cache; the cluster while a certificate is in the making), conditions (pure).
    let mut seen = ctx.seen(owner, std::iter::empty());
    let in_the_making = ctx.see_challenges(&mut seen).await;
    if outcome.applied
        && let Some(condition) = conditions::listener_sets_applied(&inputs)
    {
        outcome = outcome.instead(condition);
    }
    let conditions = conditions::shared_gateway(&inputs, &seen);
    if let Some(wait) = requeue_after(ctx.claimed, &conditions).filter(|_| in_the_making) {
        outcome.action = outcome.action.within(wait);
    }
    outcome.conditions.extend(conditions);
    outcome.certificates = Some(conditions::certificates(&plan, &seen, owner));
    outcome.conditions.extend(refused_account(&inputs, cluster_id));
    // 6. Publish what its users and its ListenerSets read (pure).
    Ok(outcome.publish(ctx.claimed.published_state.as_ref(), conditions::shared_gateway_state(&inputs, &seen)))
}

/// Why some certificates don't get the keys that they need: the first account that may not be used here.
fn refused_account(inputs: &SharedGatewayInputs, cluster_id: i64) -> Option<NewCondition> {
    let by_dns = inputs.domains.iter().filter(|domain| domain.spec.solves_by_dns());
    let needed: Vec<_> = by_dns.filter_map(|domain| domain.spec.aws_account_id).collect();
    let accounts = inputs.accounts.iter().filter(|account| needed.contains(&account.id()));
    accounts.filter_map(|account| account::refused(account, cluster_id)).next()
}
