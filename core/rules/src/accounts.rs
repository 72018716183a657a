//! Where an AWS account may be used. Its keys are brought to the clusters that use it, so its owner says which these are.

use causeway_records::{
    Record,
    nouns::{AwsAccount, DomainNameDefinition},
    problem::{Reason, Refusal},
};

use crate::claims::RouteClaim;

/// A cluster may get the keys of an account.
///
/// # Errors
/// Names the account and the runtime, and who can allow it.
pub fn may_be_used(account: &Record<AwsAccount>, runtime: i64) -> Result<(), Refusal> {
    if account.spec.may_be_used_for(runtime) {
        return Ok(());
    }
    let problem = format!(
        "aws account {} ({}) may not be used for kubernetes runtime instance {runtime}, which would get its keys; an admin adds the runtime to KubernetesRuntimeInstanceIDs of the account, or says AllRuntimes there",
        account.spec.name,
        account.id()
    );
    Err(Refusal::field(Reason::InvalidField, "AwsAccountID", problem))
}

/// The account whose keys the certificates of these claims need in the cluster.
pub fn for_certificates(claims: &[RouteClaim], domain: Option<&DomainNameDefinition>) -> Option<i64> {
    let domain = domain.filter(|domain| domain.solves_by_dns())?;
    claims.iter().any(|claim| claim.listener.protocol.ends_tls()).then_some(domain.aws_account_id)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{
        inputs::{ListenerKey, Protocol},
        nouns::{AcmeChallenge, Ids, IssuerKind},
    };

    #[test]
    fn a_refusal_says_who_can_allow_it() {
        let mut account = Record::<AwsAccount>::default();
        account.spec.name = "main".parse().unwrap();
        let refusal = may_be_used(&account, 7).unwrap_err().to_string();
        assert!(refusal.starts_with("AwsAccountID: aws account main (0) may not be used for"), "{refusal}");
        assert!(refusal.contains("instance 7") && refusal.contains("an admin"), "{refusal}");
        account.spec.kubernetes_runtime_instance_ids = Some(Ids(vec![7]));
        assert!(may_be_used(&account, 7).is_ok() && may_be_used(&account, 8).is_err());
        account.spec.all_runtimes = Some(true);
        assert!(may_be_used(&account, 8).is_ok());
    }

    #[test]
    fn only_certificates_by_dns_need_keys() {
        let claim = |protocol| {
            let listener = ListenerKey { port: 443, protocol, hostname: Some("a.example".into()) };
            vec![RouteClaim { listener, requests: "/".into(), grpc: false, redirect: false }]
        };
        let domain = |issuer, challenge| DomainNameDefinition {
            aws_account_id: Some(5),
            issuer_kind: Some(issuer),
            acme_challenge: challenge,
            ..DomainNameDefinition::default()
        };
        let by_dns = domain(IssuerKind::Acme, None);
        assert_eq!(for_certificates(&claim(Protocol::Https), Some(&by_dns)), Some(5));
        assert_eq!(for_certificates(&claim(Protocol::Http), Some(&by_dns)), None);
        assert_eq!(for_certificates(&claim(Protocol::Https), None), None);
        let by_http = domain(IssuerKind::Acme, Some(AcmeChallenge::Http01));
        for other in [by_http, domain(IssuerKind::SelfSigned, None), domain(IssuerKind::Ca, None)] {
            assert_eq!(for_certificates(&claim(Protocol::Https), Some(&other)), None);
        }
    }
}
