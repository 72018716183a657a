//! The clients of Route 53, one for each account.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_route53::Client;
use causeway_aws::Account;
use tokio::sync::Mutex;

use super::{RequestBudget, Route53};

/// A client for an account. `endpoint`: another address than AWS's own; None: `AWS_ENDPOINT_URL_ROUTE_53` and `AWS_ENDPOINT_URL` of the process, else AWS.
/// Makes no request.
pub(super) async fn client(account: &Account, endpoint: Option<&str>) -> Client {
    let mut route53 = aws_sdk_route53::config::Builder::from(&account.config().await);
    if let Some(endpoint) = endpoint {
        route53 = route53.endpoint_url(endpoint);
    }
    Client::from_conf(route53.build())
}

/// One [`Route53`] per account record, so that all of its domains share one cache and one request budget.
#[derive(Debug, Default)]
pub struct Accounts {
    endpoint: Option<String>,
    open: Mutex<HashMap<i64, (Account, Route53)>>,
}

impl Accounts {
    /// `endpoint`: another address of Route 53 than AWS's own.
    #[must_use]
    pub fn new(endpoint: Option<String>) -> Self {
        Self { endpoint, open: Mutex::default() }
    }

    /// The client of the account record `id`. A new one when the account's data have changed; only then the budget is asked for.
    pub async fn route53(
        &self,
        id: i64,
        account: &Account,
        budget: impl FnOnce() -> Option<Arc<dyn RequestBudget>>,
    ) -> Route53 {
        let mut open = self.open.lock().await;
        if let Some((known, route53)) = open.get(&id)
            && known == account
        {
            return route53.clone();
        }
        let route53 = Route53::connect(account, self.endpoint.as_deref(), budget()).await;
        open.insert(id, (account.clone(), route53.clone()));
        route53
    }
}
