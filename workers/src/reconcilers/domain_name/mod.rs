//! A domain name instance: records for the hostnames of a workload's gateways. external-dns writes them, the zone itself says whether they
//! are there, and they are deleted here.
//!
//! What holds: a hostname is on record before anything is published for it, and stays on record until its records have left the zone; the object
//! that external-dns reads goes only after that.

mod progress;
mod zone;

use self::progress::{Schedule, is_over, note, schedule};
use super::{Failed, Interrupted, Reconcile, account, delete, prerequisites::all_met};
use causeway_dns::{DesiredRecord, DnsError};
use causeway_records::{inputs::DomainNameInputs, nouns::Service};
use causeway_render::{
    conditions::{self, DNS_PUBLISHED},
    domain_name::{self, RecordSet},
    hostnames,
    plan::Plan,
};
use causeway_store::{
    StoreError,
    queue::{Action, Key, Outcome},
};
use std::{collections::BTreeMap, time::Duration};

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    let claimed = ctx.claimed;
    // 1. Read (needs Postgres), decrypt (pure).
    let mut inputs = ctx.context.store.domain_name_inputs(claimed.key.id).await?;
    if let Some(account) = &mut inputs.account
        && let Err(error) = account.spec.decrypt(&ctx.context.key)
    {
        return Ok(ctx.invalid(format!("aws account {}: {error}", account.spec.name)));
    }
    let owner = domain_name::owner(&inputs.instance.record);
    // 2. Prerequisites (needs Postgres).
    let before = ctx.prerequisites(&[Service::ExternalDns]).await?;
    if !all_met(&before) && !claimed.being_deleted {
        return Ok(Outcome::with(before));
    }
    // The worker itself may use the account to take back what is published; it publishes nothing more.
    let account = inputs.account.as_ref().filter(|_| !claimed.being_deleted);
    if let Some(refused) = account.and_then(|account| account::refused(account, ctx.session.cluster_id())) {
        return Ok(Outcome::with(before).then(refused));
    }
    // 3. The addresses of the gateways (from the cache), render (pure).
    let gateways: Vec<_> = inputs.gateways.iter().map(|gateway| domain_name::gateway_ref(&inputs, gateway)).collect();
    ctx.watch(gateways.iter()).await;
    let targets = domain_name::targets(&inputs, &ctx.seen(owner, gateways.iter()));
    let (plan, wanted) = match claimed.being_deleted {
        true => (Plan::default(), BTreeMap::new()),
        false => (domain_name::render(&inputs, &targets), domain_name::wanted(&inputs, &targets)),
    };
    // 4. Put the hostnames on record (needs Postgres), apply and prune (needs the cluster).
    record_ahead(ctx, &inputs, &wanted).await?;
    let (mut outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    if outcome.error.is_some() {
        return Ok(outcome);
    }
    // 5. Read the zone, and delete what has to leave it (needs the zone).
    let now = claimed.now();
    let leaving = hostnames::leaving(&inputs, now);
    let zone = match zone::read_and_delete(ctx, &inputs, &DesiredRecord::all(&wanted), &leaving).await {
        Ok(zone) => zone,
        Err(error) => return Ok(unread(&error).ends(outcome, claimed)),
    };
    // 6. What is published now, and what is still to come (pure).
    let published = note(&inputs, &zone, &leaving, now);
    let Schedule { clean, next } = schedule(&published, &zone, &leaving, now);
    let clean_for_good = clean && !hostnames::is_handing_over(&inputs, now);
    if claimed.being_deleted && clean_for_good {
        return ctx.delete(owner).await;
    }
    let changed = published != inputs.published;
    inputs.published = published;
    // 7. Conditions, and whom to wake (pure).
    outcome.conditions.extend(conditions::domain_name_instance(&inputs, &targets));
    outcome.applied &= clean_for_good;
    outcome.action = Action::RequeueAfter(if clean_for_good { next } else { progress::SOON });
    let successors = hostnames::successors(&inputs);
    outcome.wake = successors.into_iter().map(|id| Key { kind: claimed.key.kind, id }).collect();
    // Gateways that are being deleted wait for this record to have seen it.
    let caught_up = outcome.applied && claimed.observed_generation < claimed.generation;
    outcome.wake_dependants = changed || caught_up;
    outcome.published_state = serde_json::to_value(&inputs.published).ok();
    Ok(outcome)
}

/// Prunes what turns up of a domain name instance whose row is deleted: objects in its cluster, and for a while records in its zone.
pub(super) async fn prune_orphans(ctx: &Reconcile<'_>) -> Result<Action, Interrupted> {
    match (delete::prune_orphans(ctx).await?, delete_late_records(ctx).await?) {
        (Action::AwaitChange, next) => Ok(next),
        (next, _) => Ok(next),
    }
}

/// Deletes what external-dns wrote after the zone had been found clean, and answers when to look again.
async fn delete_late_records(ctx: &Reconcile<'_>) -> Result<Action, Interrupted> {
    let mut inputs = match ctx.context.store.domain_name_inputs(ctx.claimed.key.id).await {
        Err(StoreError::NotFound) => return Ok(Action::AwaitChange),
        read => read?,
    };
    if inputs.account.as_mut().is_some_and(|account| account.spec.decrypt(&ctx.context.key).is_err()) {
        return Ok(Action::AwaitChange);
    }
    let now = ctx.claimed.now();
    inputs.published.hosts.retain(|_, record| record.gone_since.is_some() && !is_over(record, now));
    let leaving = hostnames::leaving(&inputs, now);
    if leaving.is_empty() {
        return Ok(Action::AwaitChange);
    }
    let next = match zone::read_and_delete(ctx, &inputs, &[], &leaving).await {
        Ok(zone) => schedule(&note(&inputs, &zone, &leaving, now), &zone, &leaving, now).next,
        Err(error) => {
            tracing::warn!(%error, "a zone could not be read once more");
            retry_after(&error)
        }
    };
    Ok(Action::RequeueAfter(next))
}

/// Stores the hostnames that this reconcile is about to publish: whatever becomes of it, their records are deleted one day.
async fn record_ahead(
    ctx: &Reconcile<'_>,
    inputs: &DomainNameInputs,
    wanted: &BTreeMap<String, Vec<RecordSet>>,
) -> Result<(), Interrupted> {
    let ahead = hostnames::intended(inputs, wanted);
    if ahead == inputs.published {
        return Ok(());
    }
    let ahead = serde_json::to_value(&ahead).unwrap_or_default();
    match ctx.context.store.save_published_state(ctx.claimed, &ahead).await? {
        true => Ok(()),
        false => Err(Interrupted::LeaseLost),
    }
}

/// The zone could not be read.
fn unread(error: &DnsError) -> Failed {
    Failed::new(DNS_PUBLISHED, error.reason(), error.to_string()).not_before(retry_after(error))
}

fn retry_after(error: &DnsError) -> Duration {
    // Where a person has to act, no event says that it was done.
    error.retry_after().unwrap_or(Duration::from_secs(30))
}
