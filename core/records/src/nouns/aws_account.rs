use super::{Rules, pair, without_empty};
use crate::{
    problem::Problem,
    scalar::json_scalar,
    secret::{Keyring, SecretError},
    text::Name,
};
use causeway_records_derive::Noun;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Runtimes that one account may name. Above that, one account for each group of clusters says more.
const MAX_RUNTIMES: usize = 1000;

/// A list of ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Ids(pub Vec<i64>);
json_scalar!(Ids);

/// An AWS account whose Route53 zones hold our domains, or whose EKS clusters are reached with it. It is used, and its keys are brought, only where an admin
/// said so.
#[derive(Noun, Clone, PartialEq)]
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
    /// Role to assume with those credentials, or with the workers' own. Once the account may be used anywhere, only admins change it.
    #[noun(example = "arn:aws:iam::123456789012:role/dns")]
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy asks for. Only admins change it, as RoleArn. cert-manager knows none.
    #[noun(json = "ExternalId", example = "causeway-production")]
    pub external_id: Option<String>,
    /// Ids of the Kubernetes runtime instances that it may be used for: its keys are brought into these clusters, or tokens of it to
    /// those of EKS. Only admins change it. Left out: none, unless AllRuntimes says all.
    #[noun(json = "KubernetesRuntimeInstanceIDs", no_filter)]
    pub kubernetes_runtime_instance_ids: Option<Ids>,
    /// It may be used for every runtime, also for those that editors register later. Only admins change it.
    #[noun(default = Some(false), example = true)]
    pub all_runtimes: Option<bool>,
}

impl AwsAccount {
    /// Whether its owner lets it be used for this runtime.
    pub fn may_be_used_for(&self, runtime: i64) -> bool {
        self.all_runtimes == Some(true) || self.named_runtimes().contains(&runtime)
    }

    /// Turns the stored ciphertexts into plain text, for the workers' own use of the account.
    pub fn decrypt(&mut self, keys: &Keyring) -> Result<(), SecretError> {
        for secret in [&mut self.access_key_id, &mut self.secret_access_key].into_iter().flatten() {
            *secret = keys.decrypt(secret)?;
        }
        Ok(())
    }

    /// The same for a cluster, which gets what is rendered.
    pub fn decrypt_for(&mut self, runtime: i64, keys: &Keyring) -> Result<(), SecretError> {
        self.keep_for(runtime);
        self.decrypt(keys)
    }

    /// Where the account may not be used nothing is left that could get there.
    pub fn keep_for(&mut self, runtime: i64) {
        if !self.may_be_used_for(runtime) {
            (self.access_key_id, self.secret_access_key, self.role_arn, self.external_id) = Default::default();
        }
    }

    fn named_runtimes(&self) -> &[i64] {
        self.kubernetes_runtime_instance_ids.as_ref().map_or(&[], |ids| &ids.0)
    }

    fn may_be_used_somewhere(&self) -> bool {
        self.all_runtimes == Some(true) || !self.named_runtimes().is_empty()
    }
}

impl Rules for AwsAccount {
    fn tidy(&mut self) {
        without_empty([
            &mut self.access_key_id,
            &mut self.secret_access_key,
            &mut self.role_arn,
            &mut self.external_id,
        ]);
    }

    fn check(&self) -> Vec<Problem> {
        let mut problems =
            pair(("AccessKeyID", self.access_key_id.is_some()), ("SecretAccessKey", self.secret_access_key.is_some()));
        if self.named_runtimes().len() > MAX_RUNTIMES {
            let problem = format!("names more than {MAX_RUNTIMES}; say AllRuntimes, or make several accounts");
            problems.push(Problem::new("KubernetesRuntimeInstanceIDs", problem));
        }
        if self.external_id.is_some() && self.role_arn.is_none() {
            problems.push(Problem::new(
                "ExternalId",
                "needs RoleArn, the role that asks for it; send that, or leave this out",
            ));
        }
        problems
    }

    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        let changed = [
            ("KubernetesRuntimeInstanceIDs", self.named_runtimes() != before.named_runtimes()),
            ("AllRuntimes", (self.all_runtimes == Some(true)) != (before.all_runtimes == Some(true))),
            // With the workers' own identity the role alone says what may be done.
            ("RoleArn", before.may_be_used_somewhere() && self.role_arn != before.role_arn),
            // It says for whom the role is assumed.
            ("ExternalId", before.may_be_used_somewhere() && self.external_id != before.external_id),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Fields;

    fn keys() -> Keyring {
        Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap()
    }

    fn account(ids: &[i64], all: Option<bool>) -> AwsAccount {
        AwsAccount {
            access_key_id: keys().encrypt("AKIA1").ok(),
            secret_access_key: keys().encrypt("s3cret").ok(),
            role_arn: Some("arn".into()),
            external_id: Some("ours".into()),
            kubernetes_runtime_instance_ids: (!ids.is_empty()).then(|| Ids(ids.to_vec())),
            all_runtimes: all,
            ..AwsAccount::default()
        }
    }

    #[test]
    fn an_account_is_used_where_its_owner_said() {
        assert!(!AwsAccount::default().may_be_used_for(7), "nowhere unless somebody says so");
        assert!(account(&[7], None).may_be_used_for(7) && !account(&[7], Some(false)).may_be_used_for(8));
        assert!(account(&[], Some(true)).may_be_used_for(8));
    }

    #[test]
    fn a_cluster_that_is_not_named_gets_nothing_of_it() {
        let mut there = account(&[7], None);
        there.decrypt_for(7, &keys()).unwrap();
        assert_eq!((there.access_key_id.as_deref(), there.role_arn.as_deref()), (Some("AKIA1"), Some("arn")));
        let mut elsewhere = account(&[7], None);
        elsewhere.decrypt_for(8, &keys()).unwrap();
        assert_eq!((elsewhere.access_key_id, elsewhere.secret_access_key), (None, None));
        assert_eq!((elsewhere.role_arn, elsewhere.external_id), (None, None));
    }

    #[test]
    fn an_external_id_is_of_a_role() {
        let without = AwsAccount { role_arn: None, ..account(&[], None) };
        assert_eq!(without.check().iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(), ["ExternalId"]);
        assert!(account(&[], None).check().is_empty());
    }

    #[test]
    fn only_admins_say_where() {
        let none = account(&[], None);
        assert_eq!(account(&[7], None).for_admins(&none), ["KubernetesRuntimeInstanceIDs"]);
        assert_eq!(account(&[], Some(true)).for_admins(&none), ["AllRuntimes"]);
        assert!(account(&[], Some(false)).for_admins(&none).is_empty());
        let role = |account: AwsAccount| AwsAccount { role_arn: Some("other".into()), ..account };
        assert!(role(none.clone()).for_admins(&none).is_empty());
        let used = account(&[7], None);
        assert_eq!(role(used.clone()).for_admins(&used), ["RoleArn"]);
        let other_id = |account: AwsAccount| AwsAccount { external_id: Some("theirs".into()), ..account };
        assert_eq!(other_id(used.clone()).for_admins(&used), ["ExternalId"]);
        assert!(other_id(none.clone()).for_admins(&none).is_empty());
        assert!(AwsAccount { default_region: "x".into(), ..used.clone() }.for_admins(&used).is_empty());
        let all = role(other_id(account(&[], Some(true)))).for_admins(&used);
        let is_field = |name: &&str| used.fields().iter().any(|field| field.json == *name);
        assert!(all.len() == 4 && all.iter().all(is_field), "{all:?}");
    }
}
