//! A gateway instance: the routes of a workload, and with Placement Dedicated a Gateway of its own.

use super::{
    Interrupted, Reconcile, account, issued_certificates::wait_for_certificates, prerequisites::all_met,
    tls_secrets::Unwatched, touch::touch_unanswered,
};
use causeway_records::{inputs::GatewayInputs, inventory::ObjectRef, nouns::GatewayHttpPort, status::NewCondition};
use causeway_render::{conditions, gateway, workload};
use causeway_store::queue::Outcome;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// The condition of a gateway that is being deleted: its hostnames leave their zones first.
const DNS_WITHDRAWN: &str = "DnsWithdrawn";

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // 1. Read (needs Postgres), with room for the workload's manifests; decrypt (pure).
    let mut held = ctx.hold_manifests().await;
    let (mut inputs, services) = ctx.context.store.gateway_inputs(ctx.claimed.key.id).await?;
    if let Some(account) = &mut inputs.account
        && let Err(error) = account.spec.decrypt_for(ctx.session.cluster_id(), &ctx.context.key)
    {
        return Ok(ctx.invalid(format!("aws account {}: {error}", account.spec.name)));
    }
    if let Some(domain) = &mut inputs.domain
        && let Err(error) = domain.spec.decrypt(&ctx.context.key)
    {
        return Ok(ctx.invalid(format!("domain name definition {}: {error}", domain.spec.name)));
    }
    let owner = gateway::owner(&inputs.instance.record);
    // 2. Deletion: its hostnames leave their zones first (pure), then its objects go, or are given back (needs the cluster).
    if ctx.claimed.being_deleted {
        ctx.session.endpoint_probes.forget(ctx.claimed.key.id);
        return match still_published(&inputs, ctx.claimed.now()) {
            Some((message, wait)) => {
                let conditions = vec![ctx.reachable(), NewCondition::not_met(DNS_WITHDRAWN, "Waiting", message)];
                Ok(Outcome::with(conditions).requeue_after(wait))
            }
            None if inputs.instance.record.spec.is_kept() => match ctx.waits_for_person(gateway::shut_out(&inputs)) {
                Some(outcome) => Ok(outcome),
                None => ctx.give_back(owner).await,
            },
            None => ctx.delete(owner).await,
        };
    }
    // 3. Prerequisites (pure).
    let before = ctx.prerequisites_among(&services, &gateway::support_services(&inputs));
    if !all_met(&before) {
        return Ok(Outcome::with(before));
    }
    // 4. Which certificates its own listeners may have now (from the cache); render (pure: it reads the workload's manifests).
    let Some(issued) = ctx.issued_certificates(owner, &of_domain(ctx, &inputs)).await else {
        return Ok(wait_for_certificates(before));
    };
    let (inputs, plan) = held
        .read(move || {
            let plan = gateway::render_over(&inputs, &issued);
            (inputs, plan)
        })
        .await;
    held.shrink_to(workload::length(&inputs.workload));
    let plan = match plan {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    // 5. Apply and prune (needs the cluster).
    let (mut outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    // 6. Observe (from the cache; the cluster for the class of its own Gateway, for Secrets that were brought, and while a certificate is in the making),
    // conditions (pure).
    let own_class = gateway::class(&inputs).filter(|_| inputs.shared_gateway.is_none());
    outcome.wake = ctx.look_at_class(own_class, &inputs.class_in_cluster).await;
    let others = gateway::observed_refs(&inputs);
    ctx.watch(others.iter()).await;
    let mut seen = ctx.seen(owner, others.iter());
    let brought = gateway::tls_secret_refs(&inputs);
    ctx.see_tls_secrets(&brought, &mut seen).await;
    let in_the_making = ctx.see_challenges(&mut seen).await;
    let mut conditions = conditions::gateway_instance(&inputs, &plan, &seen);
    conditions.extend(refused_account(&inputs));
    // 7. Touch routes that no controller has answered (needs the cluster).
    if outcome.applied
        && let Some(wait) = touch_unanswered(ctx, &inputs, &plan, &seen, &conditions).await?
    {
        outcome.action = outcome.action.within(wait);
    }
    let is_looked_at = inputs.shared_gateway.is_some();
    let unwatched = Unwatched { in_the_making, are_brought: !brought.is_empty(), is_looked_at };
    if let Some(wait) = unwatched.next_look(ctx.claimed, &conditions) {
        outcome.action = outcome.action.within(wait);
    }
    // 8. Have the workers connect to it, and say what they last saw (pure).
    conditions.extend(ctx.endpoint_reachable(&inputs, &seen));
    outcome.conditions.extend(conditions);
    outcome.certificates = Some(conditions::certificates(&plan, &seen, owner));
    // 9. Publish the Gateway's state, which domain name instances read; a shared gateway publishes its own (pure).
    Ok(match inputs.shared_gateway {
        Some(_) => outcome,
        None => {
            let state = conditions::gateway_instance_state(&inputs, &seen);
            outcome.publish(ctx.claimed.published_state.as_ref(), state)
        }
    })
}

/// The Certificate of its whole domain, if the instance's own listeners are to have it, or may still have it.
fn of_domain(ctx: &Reconcile<'_>, inputs: &GatewayInputs) -> Vec<ObjectRef> {
    let wanted = inputs.domain.as_ref().is_some_and(|domain| domain.spec.has_wildcard_certificate());
    let is_there = |at: &ObjectRef| ctx.claimed.inventory.iter().any(|entry| entry.object == *at);
    gateway::wildcard_ref(inputs).filter(|at| wanted || is_there(at)).into_iter().collect()
}

/// Why the certificates of its own Gateway don't get the keys that they need. Those of a shared one are the shared gateway's.
fn refused_account(inputs: &GatewayInputs) -> Option<NewCondition> {
    let is_ordered = |port: &GatewayHttpPort| port.tls_enabled == Some(true) && port.tls_secret_name.is_none();
    let has_certificates = inputs.definition.spec.http_ports.iter().any(is_ordered);
    let needs_keys = inputs.domain.as_ref().is_some_and(|domain| domain.spec.solves_by_dns());
    if inputs.shared_gateway.is_some() || !has_certificates || !needs_keys {
        return None;
    }
    account::refused(inputs.account.as_ref()?, inputs.instance.record.spec.kubernetes_runtime_instance_id)
}

/// Why the routes must stay for now: resolvers still give or keep answers that lead here. With the time to wait.
fn still_published(inputs: &GatewayInputs, now: DateTime<Utc>) -> Option<(String, Duration)> {
    const SOON: Duration = Duration::from_secs(1);
    for domain_name in &inputs.domain_names {
        if !domain_name.reconciled {
            let message =
                format!("domain name instance {} still has to take the hostnames out of its zone", domain_name.name);
            return Some((message, SOON));
        }
        for hostname in &inputs.hostnames {
            let Some(record) = domain_name.published.hosts.get(hostname) else { continue };
            let Some(gone) = record.gone_since else { continue };
            let kept_until = gone + chrono::TimeDelta::seconds(record.ttl);
            if let Ok(wait) = (kept_until - now).to_std() {
                let message = format!(
                    "{hostname} left its zone; answers may be kept until {}",
                    kept_until.format("%H:%M:%S UTC")
                );
                return Some((message, wait + Duration::from_millis(50)));
            }
        }
    }
    None
}
