//! As whom Route 53 is called.

use super::super::Turn;
use causeway_dns::{self as dns, DnsError, Route53};
use causeway_records::{inputs::DomainNameInputs, nouns::AwsAccount};

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
