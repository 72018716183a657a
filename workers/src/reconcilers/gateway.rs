//! A gateway instance: the routes of a workload, and with Placement Dedicated a Gateway of its own.

use super::{Failure, Found, Pass, overlooked::remind, services::all_hold, shared_gateway::gateway_state};
use causeway_records::{inputs::GatewayInputs, status::NewCondition};
use causeway_render::{
    conditions,
    gateway::{self, gateway_ref},
};
use causeway_store::queue::Next;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// The step of a gateway that is on its way out: its hostnames leave the zone first.
const DNS_WITHDRAWN: &str = "DnsWithdrawn";

pub(super) async fn reconcile(pass: &Pass<'_>) -> Result<Found, Failure> {
    let (mut inputs, services) = pass.context.store.gateway_inputs(pass.work.key.id).await?;
    if let Some(account) = &mut inputs.account
        && let Err(error) = account.spec.decrypt(&pass.context.key)
    {
        return Ok(pass.invalid(format!("aws account {}: {error}", account.spec.name)));
    }
    let owner = gateway::owner(&inputs.instance.record);
    if pass.work.being_deleted {
        return match still_published(&inputs, pass.work.now()) {
            Some((message, wait)) => Ok(Found {
                findings: vec![pass.reachable(), NewCondition::not_met(DNS_WITHDRAWN, "Waiting", message)],
                next: Next::In(wait),
                ..Found::default()
            }),
            None => pass.remove(owner).await,
        };
    }
    let before = pass.first_steps_with(&services, &gateway::support_services(&inputs));
    if !all_hold(&before) {
        return Ok(Found { findings: before, ..Found::default() });
    }
    let plan = match gateway::render(&inputs) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(pass.invalid(invalid.to_string())),
    };
    let brought = pass.bring(owner, &plan).await?;
    let others = gateway::observed_refs(&inputs);
    pass.watch(others.iter()).await;
    let seen = pass.seen(owner, others.iter());
    let steps = conditions::gateway_instance(&inputs, &plan, &seen);
    let unanswered = if brought.applied { remind(pass, &inputs, &plan, &seen, &steps).await? } else { None };
    let mut found = brought.found(before, steps);
    found.next = unanswered.map_or(found.next, |wait| found.next.within(wait));
    if inputs.shared_gateway.is_none() {
        // Who publishes its address reads it; a shared gateway tells them itself.
        let state = gateway_state(&gateway_ref(&inputs), &seen);
        found.wake_dependants = pass.work.projection.as_ref() != Some(&state);
        found.projection = Some(state);
    }
    Ok(found)
}

/// Why the routes must stay for now: answers that lead here are still given or kept. With the time to wait.
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
