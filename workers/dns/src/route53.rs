//! Requests to Route 53. What they mean is decided elsewhere.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, HostedZone};

use super::account::Account;
use super::cache::Cache;
use super::deletions::{Deletion, batches};
use super::error::{DnsError, read};
use super::ownership::ownership_names;
use super::pace::Pace;
use super::record::{Record, normal_name};
use super::zone::{Visibility, Zone, choose};

/// How old what we know of an account's zones, and of a zone's records, may be.
const ZONES_TTL: Duration = Duration::from_secs(10);
const RECORDS_TTL: Duration = Duration::from_secs(1);
/// Route 53 allows 5 requests per second and account. One of them is left to others (external-dns, cert-manager, people).
const INTERVAL: Duration = Duration::from_millis(250);
const BURST: u32 = 4;
/// The most record sets Route 53 returns at once.
const PAGE: i32 = 300;

/// One AWS account's Route 53. Clones share connections, caches and the request budget.
#[derive(Clone, Debug)]
pub struct Route53 {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    pace: Pace,
    zones: Cache<(), Result<Arc<Vec<Zone>>, DnsError>>,
    records: Cache<String, Result<Arc<Vec<Record>>, DnsError>>,
}

impl Route53 {
    /// Prepares requests with an account's credentials. Makes none: wrong credentials show at the first request.
    pub async fn connect(account: &Account) -> Self {
        let client = account.client().await;
        let shared = Shared {
            client,
            pace: Pace::new(INTERVAL, BURST),
            zones: Cache::new(ZONES_TTL),
            records: Cache::new(RECORDS_TTL),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The zone that holds a domain: the one with the given id, else the closest one of the account.
    pub async fn zone(&self, domain: &str, id: Option<&str>, visibility: Visibility) -> Result<Zone, DnsError> {
        let domain = normal_name(domain);
        let Some(id) = id else { return choose(&self.zones().await?, &domain, visibility) };
        let id = id.trim_start_matches("/hostedzone/");
        let action = format!("read hosted zone {id}");
        self.shared.pace.wait().await;
        let answer = self.shared.client.get_hosted_zone().id(id).send().await.map_err(|e| {
            let unknown = e.as_service_error().is_some_and(|e| e.is_no_such_hosted_zone());
            if unknown { DnsError::NoZone { domain: domain.clone() } } else { read(action, &e) }
        })?;
        let zone = answer.hosted_zone().map(zone_of).ok_or_else(|| DnsError::NoZone { domain: domain.clone() })?;
        if zone.contains(&domain) {
            Ok(zone)
        } else {
            Err(DnsError::WrongZone { domain, zone: zone.id, name: zone.name })
        }
    }

    /// All records of a zone that concern the given hosts: their A, AAAA and CNAME records and the ownership records of these. At
    /// most a second old, but never older than the last deletion made here.
    pub async fn read(&self, zone: &Zone, hosts: &[String]) -> Result<Vec<Record>, DnsError> {
        let all = self.records(zone).await?;
        let names: HashSet<String> = hosts
            .iter()
            .map(|host| normal_name(host))
            .flat_map(|host| ownership_names(&host).into_iter().chain([host]))
            .collect();
        let concerned =
            |record: &&Record| (record.is_txt() || record.kind().is_some()) && names.contains(record.name());
        Ok(all.iter().filter(concerned).cloned().collect())
    }

    /// All records of a zone, from the cache that all its domains share.
    pub async fn records(&self, zone: &Zone) -> Result<Arc<Vec<Record>>, DnsError> {
        self.shared.records.get(zone.id.clone(), || self.list_records(zone)).await
    }

    /// Deletes records, in one change where Route 53's limits allow it: all of them go, or none. Returns the ids of the changes.
    ///
    /// When it fails after an earlier part succeeded, what is gone is simply not found next time: read, plan and call again.
    pub async fn delete(&self, zone: &Zone, deletions: &[Deletion]) -> Result<Vec<String>, DnsError> {
        let mut ids = Vec::new();
        let mut result = Ok(());
        for batch in batches(deletions) {
            match self.change(zone, &batch).await {
                Ok(id) => ids.push(id),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        // Also after a failure: a zone that is not as we thought has to be read again.
        self.shared.records.forget(zone.id.clone()).await;
        result.map(|()| ids)
    }

    async fn change(&self, zone: &Zone, batch: &[&Deletion]) -> Result<String, DnsError> {
        let records: Vec<_> = batch.iter().flat_map(|deletion| deletion.records()).collect();
        let action = || format!("delete {} records of {}", records.len(), zone.name);
        let refused =
            |e: aws_sdk_route53::error::BuildError| DnsError::Refused { action: action(), reason: e.to_string() };
        let changes: Result<Vec<_>, _> = records
            .iter()
            .map(|record| {
                Change::builder().action(ChangeAction::Delete).resource_record_set(record.raw().clone()).build()
            })
            .collect();
        let batch = ChangeBatch::builder().set_changes(Some(changes.map_err(refused)?)).build().map_err(refused)?;
        self.shared.pace.wait().await;
        let request = self.shared.client.change_resource_record_sets().hosted_zone_id(&zone.id).change_batch(batch);
        let answer = request.send().await.map_err(|e| match e.as_service_error() {
            // Its reasons stand in a list of their own, not in the message.
            Some(ChangeResourceRecordSetsError::InvalidChangeBatch(batch)) if !batch.messages().is_empty() => {
                DnsError::Changed { action: action(), reason: batch.messages().join("; ") }
            }
            _ => read(action(), &e),
        })?;
        let id = answer.change_info().map(|info| info.id().trim_start_matches("/change/").to_owned());
        Ok(id.unwrap_or_default())
    }

    async fn zones(&self) -> Result<Arc<Vec<Zone>>, DnsError> {
        self.shared.zones.get((), || self.list_zones()).await
    }

    async fn list_zones(&self) -> Result<Arc<Vec<Zone>>, DnsError> {
        let mut zones = Vec::new();
        let mut marker = None;
        loop {
            self.shared.pace.wait().await;
            let request = self.shared.client.list_hosted_zones().set_marker(marker);
            let answer = request.send().await.map_err(|e| read("list hosted zones".to_owned(), &e))?;
            zones.extend(answer.hosted_zones().iter().map(zone_of));
            marker = answer.next_marker().map(str::to_owned);
            match (answer.is_truncated(), &marker) {
                (false, _) => return Ok(Arc::new(zones)),
                (true, Some(_)) => {}
                (true, None) => return Err(cut("list hosted zones".to_owned())),
            }
        }
    }

    async fn list_records(&self, zone: &Zone) -> Result<Arc<Vec<Record>>, DnsError> {
        let mut records = Vec::new();
        let (mut name, mut kind, mut set) = (None, None, None);
        loop {
            self.shared.pace.wait().await;
            let request = self.shared.client.list_resource_record_sets().hosted_zone_id(&zone.id).max_items(PAGE);
            let request =
                request.set_start_record_name(name).set_start_record_type(kind).set_start_record_identifier(set);
            let answer = request.send().await.map_err(|e| {
                let gone = e.as_service_error().is_some_and(|e| e.is_no_such_hosted_zone());
                let action = format!("read the records of {}", zone.name);
                if gone { DnsError::NoZone { domain: zone.name.clone() } } else { read(action, &e) }
            })?;
            records.extend(answer.resource_record_sets().iter().cloned().map(Record::new));
            name = answer.next_record_name().map(str::to_owned);
            kind = answer.next_record_type().cloned();
            set = answer.next_record_identifier().map(str::to_owned);
            match (answer.is_truncated(), &name) {
                (false, _) => return Ok(Arc::new(records)),
                (true, Some(_)) => {}
                (true, None) => return Err(cut(format!("read the records of {}", zone.name))),
            }
        }
    }
}

/// A list that says there is more and not where: taking it for the whole would call published records missing.
fn cut(action: String) -> DnsError {
    DnsError::Unreachable { action, reason: "the answer is incomplete".to_owned() }
}

fn zone_of(zone: &HostedZone) -> Zone {
    Zone {
        id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
        name: normal_name(zone.name()),
        private: zone.config().is_some_and(|config| config.private_zone()),
    }
}
