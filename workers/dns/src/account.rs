//! The AWS account whose zones we read and write, and the client for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_route53::Client;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::{RequestBudget, Route53};

/// How long one attempt may take, and all attempts of one call together.
const ATTEMPT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);

/// Access to one AWS account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub credentials: Credentials,
    /// A role to assume with them.
    pub role: Option<AssumedRole>,
    /// The region that requests are signed for; Route 53 itself is global. `us-east-1` unless the partition differs.
    pub region: String,
    /// Another address than AWS's own. None: `AWS_ENDPOINT_URL_ROUTE_53` and `AWS_ENDPOINT_URL` of the process, else AWS.
    pub endpoint: Option<String>,
}

/// Used before any role is assumed.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An access key: its id, which is no secret, and the secret.
    Keys { id: String, secret: SecretString },
    /// Whatever the process finds around it: environment, profile, web identity, instance metadata.
    Environment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    pub arn: String,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
}

// `SecretString` compares with nothing by itself; here both sides are ours, and nobody can measure how long the comparison takes.
impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Keys { id, secret }, Self::Keys { id: other_id, secret: other }) => {
                id == other_id && secret.expose_secret() == other.expose_secret()
            }
            (Self::Environment, Self::Environment) => true,
            _ => false,
        }
    }
}

impl Account {
    /// A client for the account. Makes no request.
    pub(super) async fn client(&self) -> Client {
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(self.region.clone()))
            .timeout_config(
                TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build(),
            );
        if let Credentials::Keys { id, secret } = &self.credentials {
            let keys = aws_credential_types::Credentials::new(id, secret.expose_secret(), None, None, "causeway");
            loader = loader.credentials_provider(keys);
        }
        let mut config = loader.load().await;
        if let Some(role) = &self.role {
            let mut assumed = AssumeRoleProvider::builder(&role.arn).session_name("causeway").configure(&config);
            if let Some(external_id) = &role.external_id {
                assumed = assumed.external_id(external_id);
            }
            let provider = aws_credential_types::provider::SharedCredentialsProvider::new(assumed.build().await);
            config = config.into_builder().credentials_provider(provider).build();
        }
        let mut route53 = aws_sdk_route53::config::Builder::from(&config);
        if let Some(endpoint) = &self.endpoint {
            route53 = route53.endpoint_url(endpoint);
        }
        Client::from_conf(route53.build())
    }
}

/// One [`Route53`] per account record, so that all of its domains share one cache and one request budget.
#[derive(Debug, Default)]
pub struct Accounts {
    open: Mutex<HashMap<i64, (Account, Route53)>>,
}

impl Accounts {
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
        let route53 = Route53::connect(account, budget()).await;
        open.insert(id, (account.clone(), route53.clone()));
        route53
    }
}
