//! As whom Route 53 is called.

use super::super::Turn;
use causeway_dns::{self as dns, DnsError, RequestBudget, Route53};
use causeway_records::{inputs::DomainNameInputs, nouns::AwsAccount};
use causeway_store::Store;
use futures::{FutureExt, future::BoxFuture};
use std::{sync::Arc, time::Duration};

/// The requests of an account, as all workers take them.
#[derive(Debug)]
struct Budget {
    store: Store,
    /// Its number at AWS; empty: the account of the workers' own identity.
    account: String,
}

impl RequestBudget for Budget {
    fn reserve(&self, interval: Duration, burst: u32) -> BoxFuture<'_, Option<Duration>> {
        let reserved = self.store.reserve_route53_request(&self.account, interval, burst);
        reserved
            .map(|wait| wait.inspect_err(|error| tracing::warn!(%error, "other workers' requests are not known")).ok())
            .boxed()
    }
}

/// The number of the account whose zones are read: that of the role, if one is assumed.
fn number(account: &AwsAccount) -> &str {
    let of_role = account.role_arn.as_deref().and_then(|arn| arn.split(':').nth(4));
    of_role.filter(|number| !number.is_empty()).unwrap_or(&account.account_id)
}

/// The client of an account; None: the workers' own identity.
pub(super) async fn route53(
    ctx: Turn<'_>,
    inputs: &DomainNameInputs,
    account: Option<i64>,
) -> Result<Route53, DnsError> {
    let (endpoint, ambient) = (ctx.context.route53_endpoint.clone(), ctx.context.ambient_aws);
    let record = match account {
        None => None,
        Some(id) => Some(inputs.account_of(id).ok_or(DnsError::NoCredentials)?),
    };
    let credentials = account_of(record.map(|account| &account.spec), endpoint, ambient)?;
    let budget = || -> Option<Arc<dyn RequestBudget>> {
        let account = record.map(|account| number(&account.spec)).unwrap_or_default().to_owned();
        Some(Arc::new(Budget { store: ctx.context.store.clone(), account }))
    };
    Ok(ctx.context.accounts.route53(account.unwrap_or_default(), &credentials, budget).await)
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

    #[test]
    fn requests_count_for_the_account_that_is_asked() {
        let own = AwsAccount { account_id: "111111111111".into(), ..AwsAccount::default() };
        let other = AwsAccount { role_arn: Some("arn:aws:iam::222222222222:role/dns".into()), ..own.clone() };
        assert_eq!((number(&own), number(&other)), ("111111111111", "222222222222"));
    }

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
