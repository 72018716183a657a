//! The hosted zone of a domain: what it says about hostnames, and the deletion of records that have to leave it.

use super::super::Reconcile;
use causeway_dns::{self as dns, DesiredRecord, DnsError, HostState, HostedZone, RecordState, Route53, Visibility};
use causeway_failpoints::{DNS_DONE, DNS_NEXT, failpoint};
use causeway_records::{inputs::DomainNameInputs, nouns::AwsAccount};
use causeway_render::{hostnames, support_service::dns_owner};
use std::collections::{BTreeMap, BTreeSet};

/// What the zone says, after what has to leave it was deleted.
pub(super) struct ZoneState {
    /// By hostname: None when the records are there as asked for, else why not.
    pub(super) hosts: BTreeMap<String, Option<String>>,
    /// Leaving hostnames that still have records of ours.
    pub(super) remaining: BTreeSet<String>,
}

/// Reads the records of the wanted and the leaving hostnames, and deletes those of the leaving ones that are ours.
pub(super) async fn read_and_delete(
    ctx: &Reconcile<'_>,
    inputs: &DomainNameInputs,
    wanted: &[DesiredRecord],
    leaving: &BTreeSet<String>,
) -> Result<ZoneState, DnsError> {
    let mut zone_state = ZoneState { hosts: BTreeMap::new(), remaining: BTreeSet::new() };
    if wanted.is_empty() && leaving.is_empty() {
        return Ok(zone_state);
    }
    let route53 = route53(ctx, inputs).await?;
    let zone = zone(&route53, inputs).await?;
    let owner = dns_owner(&inputs.control_plane, ctx.session.cluster_id());
    let mut hosts: Vec<String> =
        wanted.iter().map(|wanted| wanted.host.clone()).chain(leaving.iter().cloned()).collect();
    hosts.sort();
    hosts.dedup();
    let records = route53.read(&zone, &hosts).await?;
    for state in dns::published(&records, wanted, &owner) {
        let why = obstacle(inputs, &state);
        let known = zone_state.hosts.entry(state.host).or_default();
        *known = known.take().or(why);
    }
    let going: Vec<String> = leaving.iter().cloned().collect();
    let deletions = dns::deletions(&records, &going, &owner);
    if !deletions.is_empty() && ctx.session.guard().is_held() {
        tracing::info!(zone = zone.name, hosts = ?going, "deleting records");
        failpoint(&DNS_NEXT);
        route53.delete(&zone, &deletions).await?;
        failpoint(&DNS_DONE);
        let left = route53.read(&zone, &going).await?;
        if !dns::deletions(&left, &going, &owner).is_empty() {
            zone_state.remaining = leaving.clone();
        }
    }
    Ok(zone_state)
}

/// Why a record isn't there as asked for.
fn obstacle(inputs: &DomainNameInputs, state: &HostState) -> Option<String> {
    match (&state.state, hostnames::holder(inputs, &state.host)) {
        (RecordState::Present, _) => None,
        (RecordState::Differs { found, wanted }, Some(holder)) => Some(format!(
            "domain name instance {holder} had it before, and it says {found} there instead of {wanted}; choose another hostname, take it from that one's gateway, or let both be carried by one Gateway"
        )),
        _ => Some(state.to_string()),
    }
}

async fn route53(ctx: &Reconcile<'_>, inputs: &DomainNameInputs) -> Result<Route53, DnsError> {
    let (endpoint, ambient) = (ctx.context.route53_endpoint.clone(), ctx.context.ambient_aws);
    let account = inputs.account.as_ref();
    let id = account.map_or(0, causeway_records::Record::id);
    Ok(ctx.context.accounts.route53(id, &account_of(account.map(|account| &account.spec), endpoint, ambient)?).await)
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

async fn zone(route53: &Route53, inputs: &DomainNameInputs) -> Result<HostedZone, DnsError> {
    let spec = &inputs.definition.spec;
    let visibility = match spec.zone.to_ascii_lowercase().as_str() {
        "public" => Visibility::Public,
        "private" => Visibility::Private,
        _ => Visibility::Any,
    };
    route53.zone(spec.domain.as_str(), spec.hosted_zone_id.as_deref(), visibility).await
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
