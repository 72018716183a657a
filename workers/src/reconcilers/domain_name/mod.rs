//! A domain name instance: records for the hostnames of a workload's gateways. external-dns writes them, or the workers do (`DnsDriver`); the zones
//! themselves say whether they are there, and they are deleted here.
//!
//! What holds: a hostname is on record together with its zone before anything is published for it, and stays on record until its records have left
//! every zone that they were written to; the object that external-dns reads goes before its records do, and before the workers write them.

mod at_zone;
mod client;
mod guard;
mod held;
mod placement;
mod progress;
mod reweighed;
mod schedule;
mod seen;
mod unreachable;
mod work;
mod write;
mod zone;

pub(crate) use self::unreachable::without_cluster;
use self::{
    guard::MASS_DELETION,
    placement::{Placement, place},
    progress::{is_over, note},
    schedule::{SOON, Schedule, schedule},
    seen::{Failure, ZoneState},
    work::{ZoneWork, impossible, work},
};
use super::{Failed, Interrupted, Reconcile, Turn, account, delete, prerequisites::all_met};
use crate::context::Context;
use causeway_dns::DnsError;
use causeway_records::{
    Kind,
    inputs::{DeletionState, DomainNameInputs, Published},
    nouns::{DnsDriver, Service},
    status::NewCondition,
};
use causeway_render::{
    conditions::{self, DNS_PUBLISHED},
    domain_name, hostnames,
    plan::Plan,
};
use causeway_store::{
    StoreError,
    queue::{Action, Key, Outcome},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    let claimed = ctx.claimed;
    // 1. Read (needs Postgres), decrypt (pure).
    let mut inputs = ctx.context.store.domain_name_inputs(claimed.key.id).await?;
    let known = release(ctx.turn(), &mut inputs).await?;
    if let Err(sentence) = decrypt(ctx.context, &mut inputs) {
        return Ok(ctx.invalid(sentence));
    }
    let owner = domain_name::owner(&inputs.instance.record);
    // 2. Prerequisites (needs Postgres): of all external-dns of the cluster the one of this account.
    let mut services = ctx.context.store.services_of(ctx.session.cluster_id()).await?;
    services.retain(|service| service.spec.aws_account_id == inputs.definition.spec.aws_account_id);
    let before = ctx.prerequisites_among(&services, needed(&inputs));
    if !all_met(&before) && !claimed.being_deleted {
        return Ok(Outcome::with(before));
    }
    if let Some(refused) = refused(ctx.turn(), &inputs) {
        return Ok(Outcome::with(before).then(refused));
    }
    // 3. The addresses of the gateways (from the cache), and the records that they ask for (pure).
    let gateways: Vec<_> = inputs.gateways.iter().map(|gateway| domain_name::gateway_ref(&inputs, gateway)).collect();
    ctx.watch(gateways.iter()).await;
    let targets = domain_name::targets(&inputs, &ctx.seen(owner, gateways.iter()));
    let wanted = match claimed.being_deleted {
        true => BTreeMap::new(),
        false => domain_name::wanted(&inputs, &targets),
    };
    // 4. The zone of each hostname (needs Route 53). All of it goes on record before anything is published (needs Postgres).
    let placement = match claimed.being_deleted {
        true => Placement::default(),
        false => place(ctx.turn(), &inputs, &wanted).await,
    };
    inputs.published = hostnames::intended(&inputs, &wanted, &placement.zones, placement.domain_zone.clone());
    record_ahead(ctx.turn(), &known, &inputs.published).await?;
    // 5. Render (pure), apply and prune (needs the cluster).
    let plan = match claimed.being_deleted {
        true => Plan::default(),
        false => domain_name::render(&inputs, &targets),
    };
    let (mut outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    outcome.wake.extend(tell_external_dns(&inputs));
    if outcome.error.is_some() {
        return Ok(outcome);
    }
    // 6. Read the zones, delete what has to leave them, and write what external-dns doesn't (needs Route 53).
    let decided = claimed.now();
    let leaving = hostnames::leaving(&inputs, decided);
    let zones = zone::read_and_change(ctx.turn(), &inputs, work(&inputs, &placement.zones, &wanted, &leaving)).await?;
    let mut zones = zones.with_impossible(impossible(&placement.zones, &wanted)).with_unplaced(placement);
    if claimed.brake_released {
        zones.give_up(&mut inputs.published);
    }
    // 7. What is published now, and what is still to come (pure).
    let schedule = look(&mut inputs, &zones, &leaving, (decided, claimed.now()));
    if claimed.being_deleted && schedule.clean {
        return ctx.delete(owner).await;
    }
    // 8. Conditions, and whom to wake (pure).
    outcome.applied &= schedule.clean;
    let conditions = conditions::domain_name_instance(&inputs, &targets);
    conclude(ctx.turn(), &inputs, &known, &zones, schedule, (outcome, conditions)).await
}

/// Notes what the zones say, and answers what is still to come. `decided`: before the zones were read, when it was decided what leaves them; `seen`: after what
/// had to leave them was deleted, which may take long because requests to Route 53 wait for each other. Until then resolvers were given what is gone now; and
/// that it has been away for a while counts from then to the next decision.
fn look(
    inputs: &mut DomainNameInputs,
    zones: &ZoneState,
    leaving: &BTreeSet<String>,
    (decided, seen): (DateTime<Utc>, DateTime<Utc>),
) -> Schedule {
    let published = note(inputs, zones, leaving, seen);
    let Schedule { clean, next } = schedule(&published, zones, leaving, decided);
    let clean = clean && !hostnames::is_handing_over(inputs, decided);
    inputs.published = published;
    let next = conditions::drained_in(inputs, decided).map_or(next, |wait| next.min(wait));
    Schedule { clean, next: if clean { next } else { SOON } }
}

/// The end of a reconcile: what others read of it, whom to wake, and what is to be said of the zones. The conditions hold if nothing failed there.
async fn conclude(
    turn: Turn<'_>,
    inputs: &DomainNameInputs,
    known: &Published,
    zones: &ZoneState,
    schedule: Schedule,
    (mut outcome, conditions): (Outcome, Vec<NewCondition>),
) -> Result<Outcome, Interrupted> {
    let Turn { context, claimed, .. } = turn;
    let changed = inputs.published != *known;
    let successors = hostnames::successors(inputs);
    outcome.wake.extend(successors.into_iter().map(|id| Key { kind: claimed.key.kind, id }));
    outcome.published_state = serde_json::to_value(&inputs.published).ok();
    // Gateways that are being deleted wait for this record to have seen it.
    let caught_up = outcome.applied && claimed.observed_generation < claimed.generation;
    outcome.wake_dependants = changed;
    if let Some(sentence) = zones.held_back() {
        if zones.held.iter().flat_map(|held| &held.hosts).any(|host| !is_held(known, host)) {
            context.store.record_event(&claimed.key, MASS_DELETION, &sentence, true).await?;
        }
        let condition = NewCondition::not_met(DNS_PUBLISHED, MASS_DELETION, sentence);
        return Ok(outcome.then(condition).requeue_after(guard::AGAIN));
    }
    if let Some(failure) = zones.failures.first() {
        return Ok(unread(failure).ends(outcome, claimed));
    }
    outcome.conditions.extend(conditions);
    outcome.conditions.extend(conditions::drained(inputs, claimed.now()));
    outcome.action = Action::RequeueAfter(schedule.next);
    outcome.wake_dependants |= caught_up;
    Ok(outcome)
}

/// Whether a hostname waited for a person before.
fn is_held(known: &Published, host: &str) -> bool {
    known.hosts.get(host).is_some_and(|record| record.deletion == Some(DeletionState::Held))
}

/// That the account may not be used for the cluster. The worker itself may use it to take back what is published; it publishes nothing more.
fn refused(turn: Turn<'_>, inputs: &DomainNameInputs) -> Option<NewCondition> {
    let account = inputs.account().filter(|_| !turn.claimed.being_deleted)?;
    account::refused(account, turn.session.cluster_id())
}

/// The support services that publish the records.
fn needed(inputs: &DomainNameInputs) -> &'static [Service] {
    match inputs.definition.spec.dns_driver() {
        DnsDriver::ExternalDns => &[Service::ExternalDns],
        DnsDriver::Route53 => &[],
    }
}

/// Prunes what turns up of a domain name instance whose row is deleted: objects in its cluster, and for a while records in its zones.
pub(super) async fn prune_orphans(ctx: &Reconcile<'_>) -> Result<Action, Interrupted> {
    match (delete::prune_orphans(ctx).await?, delete_late_records(ctx).await?) {
        (Action::AwaitChange, next) => Ok(next),
        (next, _) => Ok(next),
    }
}

/// Deletes what external-dns wrote after the zones had been found clean, and answers when to look again.
async fn delete_late_records(ctx: &Reconcile<'_>) -> Result<Action, Interrupted> {
    let mut inputs = match ctx.context.store.domain_name_inputs(ctx.claimed.key.id).await {
        Err(StoreError::NotFound) => return Ok(Action::AwaitChange),
        read => read?,
    };
    if decrypt(ctx.context, &mut inputs).is_err() {
        return Ok(Action::AwaitChange);
    }
    let now = ctx.claimed.now();
    inputs.published.hosts.retain(|_, record| record.gone_since.is_some() && !is_over(record, now));
    // They were counted when they went the first time.
    inputs.published.hosts.values_mut().for_each(|record| record.deletion = Some(DeletionState::Allowed));
    let leaving = hostnames::leaving(&inputs, now);
    if leaving.is_empty() {
        return Ok(Action::AwaitChange);
    }
    let due = work(&inputs, &BTreeMap::new(), &BTreeMap::new(), &leaving);
    let zones = zone::read_and_change(ctx.turn(), &inputs, due).await?;
    let next = match zones.failures.first() {
        None => schedule(&note(&inputs, &zones, &leaving, ctx.claimed.now()), &zones, &leaving, now).next,
        Some(failure) => {
            tracing::warn!(error = %failure.error, "a zone could not be read once more");
            retry_after(&failure.error)
        }
    };
    Ok(Action::RequeueAfter(next))
}

/// Decrypts the keys of all accounts; fails with a sentence that names the domain's account. A former account whose keys can't be read is none.
fn decrypt(context: &Context, inputs: &mut DomainNameInputs) -> Result<(), String> {
    let own = inputs.definition.spec.aws_account_id;
    let mut unreadable = Ok(());
    inputs.accounts.retain_mut(|account| match account.spec.decrypt(&context.key) {
        Ok(()) => true,
        Err(error) if own == Some(account.id()) => {
            unreadable = Err(format!("aws account {}: {error}", account.spec.name));
            true
        }
        Err(_) => false,
    });
    unreadable
}

/// Has the hostnames leave that a person has released, and answers what was on record before. It is stored at once (needs Postgres): a person's word counts
/// however far this reconcile gets.
async fn release(turn: Turn<'_>, inputs: &mut DomainNameInputs) -> Result<Published, Interrupted> {
    let known = inputs.published.clone();
    if turn.claimed.brake_released {
        guard::release(&mut inputs.published);
        record_ahead(turn, &known, &inputs.published).await?;
    }
    Ok(known)
}

/// Stores the hostnames that this reconcile is about to publish: whatever becomes of it, their records are deleted one day.
async fn record_ahead(turn: Turn<'_>, known: &Published, ahead: &Published) -> Result<(), Interrupted> {
    if ahead == known {
        return Ok(());
    }
    let ahead = serde_json::to_value(ahead).unwrap_or_default();
    match turn.context.store.save_published_state(turn.claimed, &ahead).await? {
        true => Ok(()),
        false => Err(Interrupted::LeaseLost),
    }
}

/// The external-dns that was not told of a zone yet, however that came about.
fn tell_external_dns(inputs: &DomainNameInputs) -> Option<Key> {
    let external_dns = inputs.external_dns.as_ref()?;
    let account = inputs.definition.spec.aws_account_id;
    let mut zones = inputs.published.zones().filter(|zone| zone.account == account);
    let is_untold = zones.any(|zone| !external_dns.zones.contains(&zone.id));
    is_untold.then_some(Key { kind: Kind::SupportServiceInstance, id: external_dns.id })
}

/// A zone could not be read, or its records not be deleted.
fn unread(failure: &Failure) -> Failed {
    Failed::new(DNS_PUBLISHED, failure.error.reason(), failure.to_string()).not_before(retry_after(&failure.error))
}

fn retry_after(error: &DnsError) -> Duration {
    // Where a person has to act, no event says that it was done.
    error.retry_after().unwrap_or(Duration::from_secs(30))
}
