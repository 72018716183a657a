//! Requests to Route 53 that read; `write.rs` has those that change. What the answers mean is decided by pure functions elsewhere.
//!
//! Both lists are read page by page in own code: the SDK has no paginator for record sets, and a page that says "there is more" without
//! saying where must be a failure here, not the end of the list.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_route53::Client;
use aws_sdk_route53::types as aws;
use causeway_aws::Account;
use causeway_records::nouns::ZoneType;

use super::account;
use super::error::{DnsError, from_sdk};
use super::fetch_cache::FetchCache;
use super::limiter::{RequestBudget, RequestLimiter};
use super::ownership::ownership_names;
use super::record::{ZoneRecord, normal_name};
use super::zone::{HostedZone, closest, named};

/// The greatest age of the list of an account's zones, and where no zone is found in it: somebody may just have made one.
const ZONES_TTL: Duration = Duration::from_secs(60);
const MISSING_ZONE_TTL: Duration = Duration::from_secs(5);
/// The greatest age of what is known of one zone: its name and type never change.
const ZONE_TTL: Duration = Duration::from_secs(600);
/// The greatest age of the records of a zone, and of a failure.
const RECORDS_TTL: Duration = Duration::from_secs(1);
/// Per page of a zone, where the records need not be new: a page costs a request of the five per second that all users of the account share.
const PAGE_TTL: Duration = Duration::from_secs(2);
/// Route 53 allows 5 requests per second and account. One of them is left to others (external-dns, cert-manager, people).
const INTERVAL: Duration = Duration::from_millis(250);
const BURST: u32 = 4;
/// The most record sets Route 53 returns at once.
const PAGE: i32 = 300;

/// One AWS account's Route 53. Clones share connections, caches and the request budget.
#[derive(Clone, Debug)]
pub struct Route53 {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) limiter: RequestLimiter,
    zones: FetchCache<(), Result<Arc<Vec<HostedZone>>, DnsError>>,
    named: FetchCache<String, Result<HostedZone, DnsError>>,
    pub(super) records: FetchCache<String, Result<Arc<Vec<ZoneRecord>>, DnsError>>,
}

/// How old the records of a zone may be that a caller takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// A second. For deletions, and to find a zone without what was deleted.
    New,
    /// As old as it must be so that the zone isn't read more than every other second per page of it, however many ask.
    Shared,
}

impl Route53 {
    /// Prepares requests with an account's credentials, to AWS or to another address. Makes none: wrong credentials show at the first request. Other processes
    /// that use the account share the budget.
    pub async fn connect(account: &Account, endpoint: Option<&str>, budget: Option<Arc<dyn RequestBudget>>) -> Self {
        let client = account::client(account, endpoint).await;
        let shared = Shared {
            client,
            limiter: RequestLimiter::new(INTERVAL, BURST, budget),
            zones: FetchCache::new(),
            named: FetchCache::new(),
            records: FetchCache::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The zone that holds a domain: the one with the given id, else the closest one of the account that is of the wanted type.
    pub async fn zone(&self, domain: &str, id: Option<&str>, wanted: ZoneType) -> Result<HostedZone, DnsError> {
        let domain = normal_name(domain);
        let Some(id) = id else {
            let found = closest(&self.zones(ZONES_TTL).await?, &domain, wanted);
            return match found {
                Err(DnsError::NoZone { .. }) => closest(&self.zones(MISSING_ZONE_TTL).await?, &domain, wanted),
                found => found,
            };
        };
        let id = id.trim_start_matches("/hostedzone/");
        let max_age = |known: &Result<_, _>| if known.is_ok() { ZONE_TTL } else { RECORDS_TTL };
        let zone = self.shared.named.get(id.to_owned(), max_age, || self.get_zone(id, &domain)).await?;
        // Whoever names a zone need not be allowed to list all of them.
        let zones = self.zones(ZONES_TTL).await.unwrap_or_default();
        named(zone, &zones, &domain, wanted)
    }

    async fn get_zone(&self, id: &str, domain: &str) -> Result<HostedZone, DnsError> {
        let action = format!("read hosted zone {id} (route53:GetHostedZone)");
        let missing = || DnsError::NoZone { domain: domain.to_owned() };
        self.shared.limiter.wait().await;
        let answer = self.shared.client.get_hosted_zone().id(id).send().await.map_err(|e| {
            let unknown = e.as_service_error().is_some_and(|e| e.is_no_such_hosted_zone());
            if unknown { missing() } else { from_sdk(action, &e) }
        })?;
        answer.hosted_zone().map(hosted_zone).ok_or_else(missing)
    }

    /// All records of a zone that concern the given hosts: those of their names, and the ownership records. Never older than the last
    /// deletion made here.
    pub async fn read(
        &self,
        zone: &HostedZone,
        hosts: &[String],
        freshness: Freshness,
    ) -> Result<Vec<ZoneRecord>, DnsError> {
        let all = self.records(zone, freshness).await?;
        let names: HashSet<String> = hosts
            .iter()
            .map(|host| normal_name(host))
            .flat_map(|host| ownership_names(&host).into_iter().chain([host]))
            .collect();
        Ok(all.iter().filter(|record| names.contains(record.name())).cloned().collect())
    }

    /// All records of a zone, from the cache that all its domains share.
    pub async fn records(&self, zone: &HostedZone, freshness: Freshness) -> Result<Arc<Vec<ZoneRecord>>, DnsError> {
        let max_age = |known: &Result<Arc<Vec<ZoneRecord>>, DnsError>| match (freshness, known) {
            (Freshness::Shared, Ok(records)) => PAGE_TTL * pages(records.len()),
            _ => RECORDS_TTL,
        };
        self.shared.records.get(zone.id.clone(), max_age, || self.list_records(zone)).await
    }

    async fn zones(&self, max_age: Duration) -> Result<Arc<Vec<HostedZone>>, DnsError> {
        let max_age = |known: &Result<_, _>| if known.is_ok() { max_age } else { RECORDS_TTL };
        self.shared.zones.get((), max_age, || self.list_zones()).await
    }

    async fn list_zones(&self) -> Result<Arc<Vec<HostedZone>>, DnsError> {
        let mut zones = Vec::new();
        let mut marker = None;
        loop {
            self.shared.limiter.wait().await;
            let request = self.shared.client.list_hosted_zones().set_marker(marker);
            let answer = request
                .send()
                .await
                .map_err(|e| from_sdk("list hosted zones (route53:ListHostedZones)".to_owned(), &e))?;
            zones.extend(answer.hosted_zones().iter().map(hosted_zone));
            marker = answer.next_marker().map(str::to_owned);
            match (answer.is_truncated(), &marker) {
                (false, _) => return Ok(Arc::new(zones)),
                (true, Some(_)) => {}
                (true, None) => return Err(cut("list hosted zones".to_owned())),
            }
        }
    }

    async fn list_records(&self, zone: &HostedZone) -> Result<Arc<Vec<ZoneRecord>>, DnsError> {
        let mut records = Vec::new();
        let (mut name, mut record_type, mut set) = (None, None, None);
        loop {
            self.shared.limiter.wait().await;
            let request = self.shared.client.list_resource_record_sets().hosted_zone_id(&zone.id).max_items(PAGE);
            let request =
                request.set_start_record_name(name).set_start_record_type(record_type).set_start_record_identifier(set);
            let answer = request.send().await.map_err(|e| {
                let gone = e.as_service_error().is_some_and(|e| e.is_no_such_hosted_zone());
                let action = format!("read the records of {} (route53:ListResourceRecordSets)", zone.name);
                if gone { DnsError::NoZone { domain: zone.name.clone() } } else { from_sdk(action, &e) }
            })?;
            records.extend(answer.resource_record_sets().iter().cloned().map(ZoneRecord::new));
            name = answer.next_record_name().map(str::to_owned);
            record_type = answer.next_record_type().cloned();
            set = answer.next_record_identifier().map(str::to_owned);
            match (answer.is_truncated(), &name) {
                (false, _) => return Ok(Arc::new(records)),
                (true, Some(_)) => {}
                (true, None) => return Err(cut(format!("read the records of {}", zone.name))),
            }
        }
    }
}

/// How many requests it takes to read so many records.
fn pages(records: usize) -> u32 {
    u32::try_from(records / usize::try_from(PAGE).unwrap_or(1) + 1).unwrap_or(u32::MAX)
}

/// A list that says there is more and not where: taking it for the whole would call published records missing.
fn cut(action: String) -> DnsError {
    DnsError::Unreachable { action, reason: "the answer is incomplete".to_owned() }
}

fn hosted_zone(zone: &aws::HostedZone) -> HostedZone {
    HostedZone {
        id: zone.id().trim_start_matches("/hostedzone/").to_owned(),
        name: normal_name(zone.name()),
        private: zone.config().is_some_and(|config| config.private_zone()),
    }
}
