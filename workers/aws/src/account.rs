//! The account that AWS is called as, and the configuration of its clients.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, sts::AssumeRoleProvider, timeout::TimeoutConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use causeway_records::nouns::AwsAccount;
use secrecy::{ExposeSecret, SecretString};

/// How long one attempt may take, and all attempts of one call together.
const ATTEMPT: Duration = Duration::from_secs(10);
const CALL: Duration = Duration::from_secs(30);
/// Where an account names no region: requests are signed for one all the same, and Route 53 is there.
const REGION: &str = "us-east-1";
/// How we are called in AWS's own logs, where a role is assumed.
const SESSION: &str = "causeway";

/// Access to one AWS account.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Used before any role is assumed.
    pub credentials: Credentials,
    /// A role to assume with them.
    pub role: Option<AssumedRole>,
    /// The region that requests are signed for.
    pub region: String,
}

/// Who asks AWS first.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An access key.
    Keys {
        /// Its id, which is no secret.
        id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// Whatever the process finds around it: environment, profile, web identity, instance metadata.
    Environment,
}

/// A role, assumed through STS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    /// `arn:aws:iam::123456789012:role/dns`.
    pub arn: String,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
}

/// What AWS is called as for a record, decrypted; for None without one. `ambient`: it may be called as this process itself, where the account has no keys
/// or there is none. None: there is nothing to call AWS with.
#[must_use]
pub fn account(record: Option<&AwsAccount>, ambient: bool) -> Option<Account> {
    let keys = record.and_then(|account| Some((account.access_key_id.clone()?, account.secret_access_key.as_ref()?)));
    let credentials = match keys {
        Some((id, secret)) => Credentials::Keys { id, secret: secret.as_str().into() },
        None if ambient => Credentials::Environment,
        None => return None,
    };
    let role = record.and_then(|account| {
        Some(AssumedRole { arn: account.role_arn.clone()?, external_id: account.external_id.clone() })
    });
    let region = record.map_or_else(|| REGION.into(), |account| account.default_region.clone());
    Some(Account { credentials, role, region })
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
    /// What the clients of AWS's services are made from. Sends nothing to AWS.
    pub async fn config(&self) -> SdkConfig {
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
        let config = loader.load().await;
        let Some(role) = &self.role else { return config };
        let mut assumed = AssumeRoleProvider::builder(&role.arn).session_name(SESSION).configure(&config);
        if let Some(external_id) = &role.external_id {
            assumed = assumed.external_id(external_id);
        }
        let provider = SharedCredentialsProvider::new(assumed.build().await);
        config.into_builder().credentials_provider(provider).build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_keys() -> AwsAccount {
        AwsAccount {
            access_key_id: Some("AKIA1".into()),
            secret_access_key: Some("s3cret".into()),
            default_region: "eu-west-1".into(),
            ..AwsAccount::default()
        }
    }

    #[test]
    fn a_worker_calls_aws_as_itself_only_where_it_may() {
        let only_role = AwsAccount { role_arn: Some("arn".into()), ..AwsAccount::default() };
        for record in [None, Some(&only_role)] {
            assert_eq!(account(record, false), None);
            assert_eq!(account(record, true).unwrap().credentials, Credentials::Environment);
        }
        for ambient in [false, true] {
            let credentials = account(Some(&with_keys()), ambient).unwrap().credentials;
            assert!(matches!(credentials, Credentials::Keys { .. }));
        }
    }

    #[test]
    fn a_role_is_assumed_with_the_external_id_on_record() {
        assert_eq!(account(Some(&with_keys()), false).unwrap().role, None);
        let record = AwsAccount { role_arn: Some("arn".into()), external_id: Some("ours".into()), ..with_keys() };
        let found = account(Some(&record), false).unwrap();
        assert_eq!(found.role, Some(AssumedRole { arn: "arn".into(), external_id: Some("ours".into()) }));
        assert_eq!((found.region.as_str(), account(None, true).unwrap().region.as_str()), ("eu-west-1", REGION));
    }

    #[test]
    fn no_secret_is_printed() {
        let found = account(Some(&with_keys()), false).unwrap();
        for printed in [format!("{found:?}"), format!("{found:#?}")] {
            assert!(printed.contains("AKIA1") && !printed.contains("s3cret"), "{printed}");
        }
    }
}
