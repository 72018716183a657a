//! A domain name instance: records for the hostnames of a workload's gateways. external-dns writes them, the zone itself says whether they
//! stand, and they are deleted here.

use super::{Failure, Found, Pass, remove, services::all_hold};
use causeway_dns::{self as dns, DesiredRecord, DnsError, HostState, HostedZone, RecordState, Route53, Visibility};
use causeway_failpoints::{DNS_DONE, DNS_NEXT, reach};
use causeway_records::{
    inputs::{DomainNameInputs, Elsewhere, HostRecord, Published},
    nouns::{AwsAccount, Service},
    status::Finding,
};
use causeway_render::{
    conditions::{self, DNS_PUBLISHED},
    domain_name::{self, RecordSet},
    hostnames,
    plan::Plan,
    support_service::dns_owner,
};
use causeway_store::{
    StoreError,
    queue::{Key, Next},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// When to look at a zone that isn't as asked for.
const SOON: Duration = Duration::from_secs(1);
/// When to look whether another domain name instance has let go of a hostname, or taken one on.
const OTHERS: Duration = Duration::from_secs(5);
/// When to look at one that is, for nobody tells us when somebody changes it.
const RESYNC: Duration = Duration::from_secs(300);
/// external-dns may be in the middle of writing when its object goes: the zone counts as clean only when it still is after this time.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) async fn reconcile(pass: &Pass<'_>) -> Result<Found, Failure> {
    let mut inputs = pass.context.store.domain_name_inputs(pass.work.key.id).await?;
    if let Some(account) = &mut inputs.account
        && let Err(error) = account.spec.decrypt(&pass.context.key)
    {
        return Ok(pass.invalid(format!("aws account {}: {error}", account.spec.name)));
    }
    let owner = domain_name::owner(&inputs.instance.record);
    let before = pass.first_steps(&[Service::ExternalDns]).await?;
    if !all_hold(&before) && !pass.work.being_deleted {
        return Ok(Found { findings: before, ..Found::default() });
    }
    let gateways: Vec<_> = inputs.gateways.iter().map(|gateway| domain_name::gateway_ref(&inputs, gateway)).collect();
    pass.watch(gateways.iter()).await;
    let targets = domain_name::targets(&inputs, &pass.seen(owner, gateways.iter()));
    let (plan, wanted) = match pass.work.being_deleted {
        true => (Plan::default(), BTreeMap::new()),
        false => (domain_name::render(&inputs, &targets), domain_name::wanted(&inputs, &targets)),
    };
    remember(pass, &inputs, &wanted).await?;
    let brought = pass.bring(owner, &plan).await?;
    if brought.error.is_some() {
        return Ok(brought.found(before, vec![]));
    }
    let now = pass.work.now();
    let leaving = hostnames::leaving(&inputs, now);
    let zone = match look(pass, &inputs, &DesiredRecord::all(&wanted), &leaving).await {
        Ok(zone) => zone,
        Err(error) => return Ok(unread(before, brought, &error)),
    };
    let published = note(&inputs, &zone, &leaving, now);
    let (left, next) = progress(&published, &zone, &leaving, now);
    let clean = left && !hostnames::is_handing_over(&inputs, now);
    if pass.work.being_deleted && clean {
        return pass.remove(owner).await;
    }
    let changed = published != inputs.published;
    inputs.published = published;
    let mut found = brought.found(before, conditions::domain_name_instance(&inputs, &targets));
    found.applied &= clean;
    found.next = if clean { next } else { Next::In(SOON) };
    let successors = hostnames::successors(&inputs);
    found.wake = successors.into_iter().map(|id| Key { kind: pass.work.key.kind, id }).collect();
    // Gateways that go wait for this record to have seen it.
    let caught_up = found.applied && pass.work.observed_generation < pass.work.generation;
    found.wake_dependants = changed || caught_up;
    found.projection = serde_json::to_value(&inputs.published).ok();
    Ok(found)
}

/// What turns up of a domain name instance whose row is gone: objects in its cluster, and for a while records in its zone.
pub(super) async fn leftovers(pass: &Pass<'_>) -> Result<Found, Failure> {
    let found = remove::leftovers(pass).await?;
    match (found.next, strays(pass).await?) {
        (Next::WhenWoken, next) => Ok(Found { next, ..found }),
        _ => Ok(found),
    }
}

/// Deletes what external-dns wrote after the zone had been found clean; says when to look again.
async fn strays(pass: &Pass<'_>) -> Result<Next, Failure> {
    let mut inputs = match pass.context.store.domain_name_inputs(pass.work.key.id).await {
        Err(StoreError::NotFound) => return Ok(Next::WhenWoken),
        read => read?,
    };
    if inputs.account.as_mut().is_some_and(|account| account.spec.decrypt(&pass.context.key).is_err()) {
        return Ok(Next::WhenWoken);
    }
    let now = pass.work.now();
    inputs.published.hosts.retain(|_, record| record.gone_since.is_some() && !is_over(record, now));
    let leaving = hostnames::leaving(&inputs, now);
    if leaving.is_empty() {
        return Ok(Next::WhenWoken);
    }
    Ok(match look(pass, &inputs, &[], &leaving).await {
        Ok(zone) => progress(&note(&inputs, &zone, &leaving, now), &zone, &leaving, now).1,
        Err(error) => {
            tracing::warn!(%error, "a zone could not be looked through once more");
            Next::In(retry_after(&error))
        }
    })
}

/// Notes down the hostnames that this pass is about to have published: whatever becomes of the pass, they are taken out of the zone one day.
async fn remember(
    pass: &Pass<'_>,
    inputs: &DomainNameInputs,
    wanted: &BTreeMap<String, Vec<RecordSet>>,
) -> Result<(), Failure> {
    let ahead = hostnames::intended(inputs, wanted);
    if ahead == inputs.published {
        return Ok(());
    }
    let ahead = serde_json::to_value(&ahead).unwrap_or_default();
    if pass.context.store.save_projection(pass.work, &ahead).await? { Ok(()) } else { Err(Failure::Cancelled) }
}

/// What the zone says, after what has to leave it was deleted.
struct Looked {
    /// By hostname: None when the records stand as asked for, else why not.
    hosts: BTreeMap<String, Option<String>>,
    /// Leaving hostnames that still have records of ours.
    remaining: BTreeSet<String>,
}

async fn look(
    pass: &Pass<'_>,
    inputs: &DomainNameInputs,
    wanted: &[DesiredRecord],
    leaving: &BTreeSet<String>,
) -> Result<Looked, DnsError> {
    let mut looked = Looked { hosts: BTreeMap::new(), remaining: BTreeSet::new() };
    if wanted.is_empty() && leaving.is_empty() {
        return Ok(looked);
    }
    let route53 = route53(pass, inputs).await;
    let zone = zone(&route53, inputs).await?;
    let owner = dns_owner(&inputs.control_plane, pass.site.runtime_id());
    let mut hosts: Vec<String> =
        wanted.iter().map(|wanted| wanted.host.clone()).chain(leaving.iter().cloned()).collect();
    hosts.sort();
    hosts.dedup();
    let records = route53.read(&zone, &hosts).await?;
    for state in dns::published(&records, wanted, &owner) {
        let why = obstacle(inputs, &state);
        let known = looked.hosts.entry(state.host).or_default();
        *known = known.take().or(why);
    }
    let going: Vec<String> = leaving.iter().cloned().collect();
    let deletions = dns::deletions(&records, &going, &owner);
    if !deletions.is_empty() && pass.site.hold().is_held() {
        tracing::info!(zone = zone.name, hosts = ?going, "deleting records");
        reach(&DNS_NEXT);
        route53.delete(&zone, &deletions).await?;
        reach(&DNS_DONE);
        let left = route53.read(&zone, &going).await?;
        if !dns::deletions(&left, &going, &owner).is_empty() {
            looked.remaining = leaving.clone();
        }
    }
    Ok(looked)
}

/// Why a record doesn't stand as asked for.
fn obstacle(inputs: &DomainNameInputs, state: &HostState) -> Option<String> {
    match (&state.state, hostnames::holder(inputs, &state.host)) {
        (RecordState::Present, _) => None,
        (RecordState::Differs { found, wanted }, Some(holder)) => Some(format!(
            "domain name instance {holder} had it before, and it says {found} there instead of {wanted}; choose another hostname, take it from that one's gateway, or let both be carried by one Gateway"
        )),
        _ => Some(state.to_string()),
    }
}

async fn route53(pass: &Pass<'_>, inputs: &DomainNameInputs) -> Route53 {
    let endpoint = pass.context.route53_endpoint.clone();
    let account = inputs.account.as_ref();
    let id = account.map_or(0, causeway_records::Record::id);
    pass.context.accounts.route53(id, &account_of(account.map(|account| &account.spec), endpoint)).await
}

fn account_of(account: Option<&AwsAccount>, endpoint: Option<String>) -> dns::Account {
    let keys = account.and_then(|account| Some((account.access_key_id.clone()?, account.secret_access_key.as_ref()?)));
    dns::Account {
        credentials: match keys {
            Some((id, secret)) => dns::Credentials::Keys { id, secret: secret.as_str().into() },
            None => dns::Credentials::Environment,
        },
        role: account
            .and_then(|account| account.role_arn.clone())
            .map(|arn| dns::AssumedRole { arn, external_id: None }),
        region: account.map_or_else(|| "us-east-1".into(), |account| account.default_region.clone()),
        endpoint,
    }
}

async fn zone(route53: &Route53, inputs: &DomainNameInputs) -> Result<HostedZone, DnsError> {
    let spec = &inputs.definition.spec;
    let visibility = match spec.zone.to_ascii_lowercase().as_str() {
        "public" => Visibility::Public,
        "private" => Visibility::Private,
        _ => Visibility::Any,
    };
    route53.zone(spec.domain.as_str(), spec.hosted_zone_id.as_deref(), visibility).await
}

/// What to remember of the zone.
fn note(inputs: &DomainNameInputs, zone: &Looked, leaving: &BTreeSet<String>, now: DateTime<Utc>) -> Published {
    let ttl = inputs.definition.spec.ttl_seconds();
    let mut hosts = BTreeMap::new();
    for (host, why) in &zone.hosts {
        let (present, message) = (why.is_none(), why.clone().unwrap_or_default());
        let elsewhere = hostnames::holder(inputs, host).is_some();
        let record = HostRecord { present, message, gone_since: None, elsewhere, ttl };
        hosts.insert(host.clone(), record);
    }
    for host in leaving {
        let Some(before) = inputs.published.hosts.get(host) else { continue };
        let gone_since = (!zone.remaining.contains(host)).then(|| before.gone_since.unwrap_or(now));
        let gone = HostRecord { gone_since, ttl: before.ttl, ..HostRecord::default() };
        hosts.insert(host.clone(), gone);
    }
    // A gateway that lost its address keeps its records; they are still ours to take away one day, as are those that another instance asks for and
    // hasn't taken on. What it has taken on is its matter.
    let is_theirs = |host: &String| matches!(inputs.wanted_elsewhere.get(host), Some(Elsewhere::Noted { .. }));
    for (host, before) in &inputs.published.hosts {
        let asked = hostnames::is_asked(inputs, host);
        if asked || !(is_theirs(host) || before.elsewhere) {
            let kept = || HostRecord { present: before.present && asked, ..before.clone() };
            hosts.entry(host.clone()).or_insert_with(kept);
        }
    }
    hosts.retain(|_, record| !is_over(record, now));
    Published { hosts }
}

/// One TTL and the settling after it left the zone nobody needs to know of a hostname any more.
fn is_over(record: &HostRecord, now: DateTime<Utc>) -> bool {
    record.gone_since.is_some_and(|gone| now - gone > chrono::TimeDelta::seconds(record.ttl.max(10) + 60))
}

/// Whether everything that has to leave the zone has left it for good, and when to look again.
fn progress(published: &Published, zone: &Looked, leaving: &BTreeSet<String>, now: DateTime<Utc>) -> (bool, Next) {
    let settled = |record: &HostRecord| {
        record.gone_since.is_some_and(|gone| (now - gone).to_std().is_ok_and(|since| since >= SETTLED))
    };
    let clean = leaving.iter().all(|host| published.hosts.get(host).is_none_or(settled));
    let absent: Vec<_> =
        published.hosts.iter().filter(|(host, record)| !record.present && !leaving.contains(*host)).collect();
    let is_ours = |(host, record): &(&String, &HostRecord)| zone.hosts.contains_key(*host) && !record.elsewhere;
    // external-dns may have read its objects long before it writes: what left the zone is looked for again, at three times its age each time.
    let gone = leaving.iter().filter_map(|host| published.hosts.get(host)?.gone_since);
    let again = gone.filter_map(|gone| (now - gone).to_std().ok()).map(|age| 2 * age.max(SETTLED)).min();
    let rest = if absent.is_empty() { RESYNC } else { OTHERS };
    let next = if !clean || absent.iter().any(is_ours) { SOON } else { again.map_or(rest, |again| again.min(rest)) };
    (clean, Next::In(next))
}

/// The zone could not be read: say so, and try again as the error says.
fn unread(before: Vec<Finding>, brought: super::bring::Brought, error: &DnsError) -> Found {
    let finding = Finding::fails(DNS_PUBLISHED, error.reason(), error.to_string());
    let mut found = brought.found(before, vec![finding]);
    found.applied = false;
    found.error = Some(error.to_string());
    found.retry_after = Some(retry_after(error));
    found
}

fn retry_after(error: &DnsError) -> Duration {
    // Where a person has to act, no event says that he did.
    error.retry_after().unwrap_or(Duration::from_secs(30))
}
