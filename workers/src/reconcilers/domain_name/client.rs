//! As whom Route 53 is called.

use super::super::Turn;
use causeway_dns::{DnsError, RequestBudget, Route53};
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
    let record = match account {
        None => None,
        Some(id) => Some(inputs.account_of(id).ok_or(DnsError::NoCredentials)?),
    };
    let credentials = causeway_aws::account(record.map(|account| &account.spec), ctx.context.ambient_aws);
    let credentials = credentials.ok_or(DnsError::NoCredentials)?;
    let budget = || -> Option<Arc<dyn RequestBudget>> {
        let account = record.map(|account| number(&account.spec)).unwrap_or_default().to_owned();
        Some(Arc::new(Budget { store: ctx.context.store.clone(), account }))
    };
    Ok(ctx.context.accounts.route53(account.unwrap_or_default(), &credentials, budget).await)
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
}
