use super::{Rules, pair, without_empty};
use crate::{
    problem::Problem,
    secret::{Keyring, SecretError},
    text::Name,
};
use causeway_records_derive::Noun;

/// An AWS account whose Route53 zones hold our domains.
#[derive(Noun, Clone, Debug, PartialEq)]
#[noun(plural = "aws-accounts")]
pub struct AwsAccount {
    /// Unique among live accounts.
    #[noun(required, example = "production")]
    pub name: Name,
    /// The account's number at AWS.
    #[noun(required, example = "123456789012")]
    pub account_id: String,
    /// The account that clients take when they name none.
    #[noun(default = Some(false))]
    pub default_account: Option<bool>,
    /// Region for requests that need one.
    #[noun(required, example = "eu-central-1")]
    pub default_region: String,
    /// Id of an access key. Stored and returned as ciphertext.
    #[noun(encrypted)]
    pub access_key_id: Option<String>,
    /// The access key's secret. Stored and returned as ciphertext.
    #[noun(encrypted)]
    pub secret_access_key: Option<String>,
    /// Role to assume with those credentials, or with the workers' own.
    #[noun(example = "arn:aws:iam::123456789012:role/dns")]
    pub role_arn: Option<String>,
}

impl AwsAccount {
    /// Turns the stored ciphertexts into plain text, for whoever uses the account.
    pub fn decrypt(&mut self, keys: &Keyring) -> Result<(), SecretError> {
        for secret in [&mut self.access_key_id, &mut self.secret_access_key].into_iter().flatten() {
            *secret = keys.decrypt(secret)?;
        }
        Ok(())
    }
}

impl Rules for AwsAccount {
    fn tidy(&mut self) {
        without_empty([&mut self.access_key_id, &mut self.secret_access_key, &mut self.role_arn]);
    }

    fn check(&self) -> Vec<Problem> {
        pair(("AccessKeyID", self.access_key_id.is_some()), ("SecretAccessKey", self.secret_access_key.is_some()))
    }
}
