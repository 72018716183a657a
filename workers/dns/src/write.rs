//! Changes of records, made by requests, and whether Route 53's name servers have them.

use std::collections::{BTreeMap, VecDeque};

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsError;
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ChangeStatus};

use super::change::{HostChange, batches, halves};
use super::deletions::Deletion;
use super::error::{DnsError, from_sdk};
use super::record::ZoneRecord;
use super::route53::Route53;
use super::zone::HostedZone;

/// What became of changes. Hosts in neither map were not tried, because of the error.
#[derive(Debug, Default)]
pub struct Written {
    /// Ids of the changes that Route 53 has accepted, by host.
    pub accepted: BTreeMap<String, String>,
    /// Hosts whose change Route 53 refuses, and why. The others' are made.
    pub refused: BTreeMap<String, DnsError>,
    /// Why it stopped before the end.
    pub error: Option<DnsError>,
}

impl Route53 {
    /// Deletes records, in one change where Route 53's limits allow it: all of them go, or none. Returns the ids of the changes.
    ///
    /// When it fails after an earlier part succeeded, what is gone is simply not found next time: read, plan and call again.
    pub async fn delete(&self, zone: &HostedZone, deletions: &[Deletion]) -> Result<Vec<String>, DnsError> {
        let changes: Vec<_> = deletions.iter().map(HostChange::from).collect();
        let mut ids = Vec::new();
        let mut result = Ok(());
        for batch in batches(&changes) {
            match self.change(zone, &batch).await {
                Ok(id) => ids.push(id),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        // Also after a failure: it may mean that the zone is not as it was read.
        self.forget(zone).await;
        result.map(|()| ids)
    }

    /// Makes changes, each whole or not at all, in as few requests as Route 53's limits allow. A request that is refused is sent again in halves, so that
    /// one record which Route 53 won't take, or that somebody else has changed meanwhile, holds up no other host.
    pub async fn write(&self, zone: &HostedZone, changes: &[HostChange]) -> Written {
        let mut written = Written::default();
        let mut due: VecDeque<_> = batches(changes).into();
        while let Some(batch) = due.pop_front() {
            match self.change(zone, &batch).await {
                Ok(id) => written.accepted.extend(batch.iter().map(|change| (change.host().to_owned(), id.clone()))),
                Err(error) if !error.is_of_records() => {
                    written.error = Some(error);
                    break;
                }
                Err(error) => match halves(&batch) {
                    Some((first, second)) => {
                        due.push_front(second);
                        due.push_front(first);
                    }
                    None => {
                        written.refused.extend(batch.iter().map(|change| (change.host().to_owned(), error.clone())))
                    }
                },
            }
        }
        self.forget(zone).await;
        written
    }

    /// Whether all name servers of Route 53 have a change. One that Route 53 no longer knows is long through.
    pub async fn is_in_sync(&self, change: &str) -> Result<bool, DnsError> {
        self.shared.limiter.wait().await;
        let answer = match self.shared.client.get_change().id(change).send().await {
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_change()) => return Ok(true),
            answer => answer.map_err(|e| from_sdk(format!("read change {change} (route53:GetChange)"), &e))?,
        };
        Ok(answer.change_info().is_none_or(|info| *info.status() == ChangeStatus::Insync))
    }

    async fn change(&self, zone: &HostedZone, changes: &[&HostChange]) -> Result<String, DnsError> {
        let action = || action(zone, changes);
        let refused = |e: BuildError| DnsError::Refused { action: action(), reason: e.to_string() };
        let batch = batch(changes).map_err(refused)?;
        self.shared.limiter.wait().await;
        let request = self.shared.client.change_resource_record_sets().hosted_zone_id(&zone.id).change_batch(batch);
        let answer = request.send().await.map_err(|e| match e.as_service_error() {
            // Its reasons are in a list of their own, not in the message.
            Some(ChangeResourceRecordSetsError::InvalidChangeBatch(batch)) if !batch.messages().is_empty() => {
                DnsError::Changed { action: action(), reason: batch.messages().join("; ") }
            }
            _ => from_sdk(action(), &e),
        })?;
        let id = answer.change_info().map(|info| info.id().trim_start_matches("/change/").to_owned());
        Ok(id.unwrap_or_default())
    }

    /// What was read of a zone before a change is no longer true.
    async fn forget(&self, zone: &HostedZone) {
        self.shared.records.forget(zone.id.clone()).await;
    }
}

/// What a request is for: the one host, or how many records.
fn action(zone: &HostedZone, changes: &[&HostChange]) -> String {
    let (deletes, creates): (usize, usize) =
        changes.iter().fold((0, 0), |(d, c), change| (d + change.deletes().len(), c + change.creates().len()));
    let what = match changes {
        _ if creates == 0 => format!("delete {deletes} records"),
        [one] => format!("write the records of {}", one.host()),
        _ => format!("write {creates} records"),
    };
    match creates {
        0 => format!("{what} of {} (route53:ChangeResourceRecordSets)", zone.name),
        _ => format!("{what} in hosted zone {} ({}) (route53:ChangeResourceRecordSets)", zone.id, zone.name),
    }
}

/// Deletions first: what is created may take their place.
fn batch(changes: &[&HostChange]) -> Result<ChangeBatch, BuildError> {
    let change = |action: ChangeAction, record: &ZoneRecord| {
        Change::builder().action(action).resource_record_set(record.raw().clone()).build()
    };
    let deletes = changes.iter().flat_map(|host| host.deletes()).map(|record| change(ChangeAction::Delete, record));
    let creates = changes.iter().flat_map(|host| host.creates()).map(|record| change(ChangeAction::Create, record));
    let all: Result<Vec<_>, _> = deletes.chain(creates).collect();
    ChangeBatch::builder().set_changes(Some(all?)).build()
}
