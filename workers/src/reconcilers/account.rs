//! Where the AWS account of a record may be used, and what a record says that may not use it. Pure.

use causeway_records::{Record, nouns::AwsAccount, status::NewCondition};

/// The condition of a record in a cluster that doesn't get the keys which it needs.
const AWS_ACCOUNT_ALLOWED: &str = "AwsAccountAllowed";

/// Why a cluster doesn't get the account's keys. None if it may.
pub(super) fn refused(account: &Record<AwsAccount>, runtime: i64) -> Option<NewCondition> {
    if account.spec.may_be_used_for(runtime) {
        return None;
    }
    let message = format!(
        "aws account {} ({}) doesn't let itself be used for kubernetes runtime instance {runtime}, so its keys are not in this cluster; an admin adds the runtime to KubernetesRuntimeInstanceIDs of the account, or another account is named",
        account.spec.name,
        account.id()
    );
    Some(NewCondition::not_met(AWS_ACCOUNT_ALLOWED, "RuntimeNotNamed", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::Ids;

    #[test]
    fn a_record_without_the_permission_says_so() {
        let mut account = Record::<AwsAccount>::default();
        account.spec.name = "main".parse().unwrap();
        let condition = refused(&account, 7).unwrap();
        assert_eq!((condition.condition_type, condition.reason.as_str()), ("AwsAccountAllowed", "RuntimeNotNamed"));
        assert!(condition.message.contains("main") && condition.message.contains("instance 7"), "{condition:?}");
        account.spec.kubernetes_runtime_instance_ids = Some(Ids(vec![7]));
        assert!(refused(&account, 7).is_none() && refused(&account, 8).is_some());
    }
}
