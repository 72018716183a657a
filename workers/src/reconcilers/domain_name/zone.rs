//! The hosted zones of a domain: what they say about hostnames, and the deletion of records that have to leave them.

use super::{super::Reconcile, Placement, ZoneWork};
use causeway_dns::{
    self as dns, Deletion, DnsError, Freshness, HostState, HostedZone, RecordState, Route53, ZoneRecord,
};
use causeway_failpoints::{DNS_DONE, DNS_NEXT, failpoint};
use causeway_records::{
    inputs::{DomainNameInputs, Published, PublishedZone},
    nouns::AwsAccount,
};
use causeway_render::{hostnames, support_service::dns_owner};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What the zones say, after what has to leave them was deleted.
#[derive(Debug, Default)]
pub(super) struct ZoneState {
    /// By hostname: None when the records are there as asked for, else why not.
    pub(super) hosts: BTreeMap<String, Option<Obstacle>>,
    /// Leaving hostnames that still have records of ours, each with the id of the zone.
    pub(super) remaining: BTreeSet<(String, String)>,
    /// What could not be read or deleted.
    pub(super) failures: Vec<Failure>,
}

/// Why a hostname's records aren't as asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Obstacle {
    pub(super) sentence: String,
    /// external-dns is to write them.
    pub(super) awaited: bool,
}

/// A zone that could not be read, or whose records could not be deleted.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: DnsError,
    /// None: no zone was found.
    zone: Option<PublishedZone>,
    /// The hostnames that leave the zone, if that is all that they do there.
    leaving: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) if !self.leaving.is_empty() => write!(
                f,
                "the records of {} can't be taken out of hosted zone {} ({}), where they were published: {}; send Reconciled false to leave them there",
                self.leaving.join(", "),
                zone.id,
                zone.name,
                self.error
            ),
            _ => self.error.fmt(f),
        }
    }
}

impl ZoneState {
    /// Adds the hostnames that can't be in their zones, and why.
    pub(super) fn with_impossible(mut self, impossible: BTreeMap<String, String>) -> Self {
        let of_host = |(host, sentence)| (host, Some(Obstacle { sentence, awaited: false }));
        self.hosts.extend(impossible.into_iter().map(of_host));
        self
    }

    /// Adds the hostnames whose zone could not be found. Those that stay where they are were looked at there.
    pub(super) fn with_unplaced(mut self, placement: Placement) -> Self {
        for (host, error) in placement.errors {
            if !placement.zones.contains_key(&host) {
                self.hosts.insert(host, Some(Obstacle { sentence: error.to_string(), awaited: false }));
            }
            self.failures.push(Failure { error, zone: None, leaving: vec![] });
        }
        self
    }

    /// Forgets the records of former zones that could not be read: a person takes care of them.
    pub(super) fn give_up(&mut self, published: &mut Published) {
        for failure in std::mem::take(&mut self.failures) {
            let Some(zone) = failure.zone.as_ref().filter(|_| !failure.leaving.is_empty()) else {
                self.failures.push(failure);
                continue;
            };
            tracing::warn!(%failure, "records are left in a hosted zone, because a person said so");
            for host in &failure.leaving {
                self.remaining.remove(&(host.clone(), zone.id.clone()));
                let Some(record) = published.hosts.get_mut(host) else { continue };
                record.former.retain(|former| former.zone != *zone);
                record.zone = record.zone.take().filter(|known| known != zone);
            }
        }
    }

    /// Ids of the zones that AWS doesn't let us read.
    pub(super) fn unreadable(&self) -> BTreeSet<String> {
        let forbidden = self.failures.iter().filter(|failure| failure.error.is_forbidden());
        forbidden.filter_map(|failure| Some(failure.zone.as_ref()?.id.clone())).collect()
    }

    /// Whether a leaving hostname still has records of ours in a zone.
    pub(super) fn remains(&self, host: &str, zone: &str) -> bool {
        self.remaining.contains(&(host.to_owned(), zone.to_owned()))
    }

    /// Nothing is known of the hostnames that should be in the zone: they are as they were.
    fn fail(&mut self, work: &ZoneWork, error: DnsError) {
        self.remaining.extend(work.leaving.iter().map(|host| (host.clone(), work.zone.id.clone())));
        let only_left = work.wanted.is_empty();
        let leaving = work.leaving.iter().filter(|_| only_left).cloned().collect();
        self.failures.push(Failure { error, zone: Some(work.zone.clone()), leaving });
    }
}

/// Reads each zone, and deletes what has to leave it. A zone that fails is no reason to leave the others alone.
pub(super) async fn read_and_delete(ctx: &Reconcile<'_>, inputs: &DomainNameInputs, due: Vec<ZoneWork>) -> ZoneState {
    let mut all = ZoneState::default();
    for work in due {
        match in_zone(ctx, inputs, &work).await {
            Ok(seen) => {
                all.hosts.extend(seen.hosts);
                all.remaining.extend(seen.remaining);
            }
            // With the zone its records are gone.
            Err(DnsError::NoZone { .. }) if work.wanted.is_empty() => {}
            Err(error) => all.fail(&work, error),
        }
    }
    all
}

async fn in_zone(ctx: &Reconcile<'_>, inputs: &DomainNameInputs, work: &ZoneWork) -> Result<ZoneState, DnsError> {
    let route53 = route53(ctx, inputs, work.zone.account).await?;
    let PublishedZone { id, name, private, .. } = work.zone.clone();
    let zone = HostedZone { id, name, private };
    let owner = dns_owner(&inputs.control_plane, ctx.session.cluster_id());
    let mut hosts: Vec<String> =
        work.wanted.iter().map(|wanted| wanted.host.clone()).chain(work.leaving.iter().cloned()).collect();
    hosts.sort();
    hosts.dedup();
    let freshness = if work.leaving.is_empty() { Freshness::Shared } else { Freshness::New };
    let mut records = route53.read(&zone, &hosts, freshness).await?;
    let due = deletions(work, &records, &owner);
    if !due.is_empty() && ctx.session.guard().is_held() {
        let going: Vec<_> = due.iter().flat_map(Deletion::records).map(ToString::to_string).collect();
        tracing::info!(zone = zone.name, id = zone.id, records = ?going, "deleting records");
        failpoint(&DNS_NEXT);
        route53.delete(&zone, &due).await?;
        failpoint(&DNS_DONE);
        records = route53.read(&zone, &hosts, Freshness::New).await?;
    }
    Ok(state(inputs, work, &records, &owner))
}

/// What is ours in the zone and has to leave it.
fn deletions(work: &ZoneWork, records: &[ZoneRecord], owner: &str) -> Vec<Deletion> {
    let held: Vec<_> = work.wanted.iter().filter(|wanted| work.held.contains(&wanted.host)).cloned().collect();
    let leaving: Vec<_> = work.leaving.iter().cloned().collect();
    let mut due = dns::deletions(records, &leaving, owner);
    due.extend(dns::stale(records, &held, owner));
    due
}

/// What the zone says.
fn state(inputs: &DomainNameInputs, work: &ZoneWork, records: &[ZoneRecord], owner: &str) -> ZoneState {
    let mut seen = ZoneState::default();
    for state in dns::published(records, &work.wanted, owner) {
        let why = obstacle(inputs, &state);
        let known = seen.hosts.entry(state.host).or_default();
        *known = known.take().or(why);
    }
    for left in deletions(work, records, owner) {
        let (host, Some(record)) = (left.host().to_owned(), left.records().first()) else { continue };
        if work.leaving.contains(&host) {
            seen.remaining.insert((host, work.zone.id.clone()));
        } else {
            let sentence = format!("{record} is still in the zone beside what is wanted; it is being deleted");
            seen.hosts.insert(host, Some(Obstacle { sentence, awaited: false }));
        }
    }
    seen
}

/// Why a record isn't there as asked for.
fn obstacle(inputs: &DomainNameInputs, state: &HostState) -> Option<Obstacle> {
    let sentence = match (&state.state, hostnames::holder(inputs, &state.host)) {
        (RecordState::Present, _) => return None,
        (RecordState::Differs { found, wanted }, Some(holder)) => format!(
            "domain name instance {holder} had it before, and it says {found} there instead of {wanted}; choose another hostname, take it from that one's gateway, or let both be carried by one Gateway"
        ),
        _ => state.to_string(),
    };
    Some(Obstacle { sentence, awaited: state.state.is_awaited() })
}

/// The client of an account; None: the workers' own identity.
pub(super) async fn route53(
    ctx: &Reconcile<'_>,
    inputs: &DomainNameInputs,
    account: Option<i64>,
) -> Result<Route53, DnsError> {
    let (endpoint, ambient) = (ctx.context.route53_endpoint.clone(), ctx.context.ambient_aws);
    let record = match account {
        None => None,
        Some(id) => Some(inputs.account_of(id).ok_or(DnsError::NoCredentials)?),
    };
    let credentials = account_of(record.map(|account| &account.spec), endpoint, ambient)?;
    Ok(ctx.context.accounts.route53(account.unwrap_or_default(), &credentials).await)
}

/// What the worker calls AWS as. `ambient`: it may do so as itself, where the account has no keys or none is named.
fn account_of(account: Option<&AwsAccount>, endpoint: Option<String>, ambient: bool) -> Result<dns::Account, DnsError> {
    let keys = account.and_then(|account| Some((account.access_key_id.clone()?, account.secret_access_key.as_ref()?)));
    Ok(dns::Account {
        credentials: match keys {
            Some((id, secret)) => dns::Credentials::Keys { id, secret: secret.as_str().into() },
            None if ambient => dns::Credentials::Environment,
            None => return Err(DnsError::NoCredentials),
        },
        role: account
            .and_then(|account| account.role_arn.clone())
            .map(|arn| dns::AssumedRole { arn, external_id: None }),
        region: account.map_or_else(|| "us-east-1".into(), |account| account.default_region.clone()),
        endpoint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::HostRecord;

    #[test]
    fn a_worker_calls_aws_as_itself_only_where_it_may() {
        let with_keys = AwsAccount {
            access_key_id: Some("AKIA1".into()),
            secret_access_key: Some("s3cret".into()),
            ..AwsAccount::default()
        };
        let only_role = AwsAccount { role_arn: Some("arn".into()), ..AwsAccount::default() };
        for account in [None, Some(&only_role)] {
            assert_eq!(account_of(account, None, false).err(), Some(DnsError::NoCredentials));
            assert_eq!(account_of(account, None, true).unwrap().credentials, dns::Credentials::Environment);
        }
        for ambient in [false, true] {
            let credentials = account_of(Some(&with_keys), None, ambient).unwrap().credentials;
            assert!(matches!(credentials, dns::Credentials::Keys { .. }));
        }
    }

    #[test]
    fn what_fails_in_a_zone_is_said_of_its_hostnames() {
        let zone = PublishedZone { id: "Z1".into(), name: "example.org".into(), ..PublishedZone::default() };
        let work = ZoneWork { zone, leaving: ["old.example.org".to_owned()].into(), ..ZoneWork::default() };
        let mut state = ZoneState::default();
        state.fail(&work, DnsError::NoCredentials);
        assert_eq!(state.remaining, [("old.example.org".to_owned(), "Z1".to_owned())].into());
        let sentence = state.failures[0].to_string();
        let begin = "the records of old.example.org can't be taken out of hosted zone Z1 (example.org), where they were published: ";
        assert!(
            sentence.starts_with(begin) && sentence.ends_with("send Reconciled false to leave them there"),
            "{sentence}"
        );

        let mut record = HostRecord::default();
        record.move_to(&work.zone);
        let hosts = [("old.example.org".to_owned(), record)].into();
        let mut published = Published { hosts, ..Published::default() };
        state.failures.push(Failure { error: DnsError::NoCredentials, zone: Some(work.zone.clone()), leaving: vec![] });
        state.give_up(&mut published);
        assert_eq!((state.failures.len(), state.remaining.len()), (1, 0), "what should be published is not given up");
        assert_eq!(published.hosts["old.example.org"].zone, None);
    }
}
