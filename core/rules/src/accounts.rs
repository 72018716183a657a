//! Where an AWS account may be used. Its keys are brought to the clusters that use it, so its owner says which these are.

use causeway_records::{
    Record,
    nouns::{AwsAccount, DomainNameDefinition, InfraProvider, KubernetesRuntimeDefinition},
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

/// Why workers can't sign in to a cluster of EKS with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EksRefusal {
    /// The reason of condition `ClusterReachable`.
    pub reason: &'static str,
    /// The field of the definition that is wrong, or that names an account which doesn't allow it.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// The account with which workers sign in to the cluster of a runtime with `EKSClusterName`. `named`: the one of the name in its definition, if there is one.
///
/// # Errors
/// The definition names none, or one that doesn't let itself be used for the runtime.
pub fn for_eks<'a>(
    runtime: i64,
    definition: &KubernetesRuntimeDefinition,
    named: Option<&'a Record<AwsAccount>>,
) -> Result<&'a Record<AwsAccount>, EksRefusal> {
    let name = &definition.name;
    let refused = |reason, field, problem| Err(EksRefusal { reason, field, problem });
    if definition.infra_provider != InfraProvider::Eks {
        let problem = format!(
            "EKSClusterName is for clusters of EKS, and InfraProvider of kubernetes runtime definition {name} is {}; take a definition whose InfraProvider is eks, or send ConnectionToken or a certificate instead",
            definition.infra_provider
        );
        return refused("NotEks", "InfraProvider", problem);
    }
    let field = "InfraProviderAccountName";
    let Some(account_name) = definition.account_name() else {
        let problem = format!(
            "with EKSClusterName workers sign in with an AWS account, and kubernetes runtime definition {name} names none; send InfraProviderAccountName, the name of an aws account"
        );
        return refused("AwsAccountMissing", field, problem);
    };
    let Some(account) = named else {
        let problem = format!(
            "there is no aws account {account_name}, which InfraProviderAccountName of kubernetes runtime definition {name} names; make it, or name another one"
        );
        return refused("AwsAccountMissing", field, problem);
    };
    if !account.spec.may_be_used_for(runtime) {
        let problem = format!(
            "aws account {account_name} ({}) doesn't let itself be used for kubernetes runtime instance {runtime}; an admin adds the runtime to KubernetesRuntimeInstanceIDs of the account (a runtime can be made without APIEndpoint first, so that it has an id), or says AllRuntimes there",
            account.id()
        );
        return refused("AwsAccountNotAllowed", field, problem);
    }
    Ok(account)
}

/// The account whose keys the certificates of these claims need in the cluster.
pub fn for_certificates(claims: &[RouteClaim], domain: Option<&DomainNameDefinition>) -> Option<i64> {
    let domain = domain.filter(|domain| domain.solves_by_dns())?;
    claims.iter().any(RouteClaim::needs_certificate).then_some(domain.aws_account_id)?
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
    fn an_eks_cluster_needs_an_account_that_allows_it() {
        let mut account = Record::<AwsAccount>::default();
        account.spec.name = "main".parse().unwrap();
        let of = |infra_provider, account: &str| KubernetesRuntimeDefinition {
            name: "eu".parse().unwrap(),
            infra_provider,
            infra_provider_account_name: Some(account.into()),
            ..KubernetesRuntimeDefinition::default()
        };
        let eks = of(InfraProvider::Eks, "main");
        let refused = |definition: &KubernetesRuntimeDefinition, named: Option<&Record<AwsAccount>>| {
            let EksRefusal { reason, field, problem } = for_eks(7, definition, named).unwrap_err();
            assert!(problem.contains("eu") || problem.contains("main"), "{problem}");
            (reason, field)
        };
        assert_eq!(refused(&of(InfraProvider::Kind, "main"), Some(&account)), ("NotEks", "InfraProvider"));
        let missing = ("AwsAccountMissing", "InfraProviderAccountName");
        assert_eq!(refused(&of(InfraProvider::Eks, ""), Some(&account)), missing);
        assert_eq!(refused(&eks, None), missing);
        assert_eq!(refused(&eks, Some(&account)), ("AwsAccountNotAllowed", "InfraProviderAccountName"));
        account.spec.kubernetes_runtime_instance_ids = Some(Ids(vec![7]));
        assert_eq!(for_eks(7, &eks, Some(&account)).unwrap(), &account);
        assert!(for_eks(8, &eks, Some(&account)).is_err());
    }

    #[test]
    fn only_certificates_by_dns_need_keys() {
        let claim = |protocol| {
            let listener = ListenerKey { port: 443, protocol, hostname: Some("a.example".into()) };
            vec![RouteClaim { listener, requests: "/".into(), grpc: false, redirect: false, tls_secret: None }]
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
        let mut brought = claim(Protocol::Https);
        brought[0].tls_secret = Some("shop-tls".into());
        assert_eq!(for_certificates(&brought, Some(&by_dns)), None);
        let by_http = domain(IssuerKind::Acme, Some(AcmeChallenge::Http01));
        for other in [by_http, domain(IssuerKind::SelfSigned, None), domain(IssuerKind::Ca, None)] {
            assert_eq!(for_certificates(&claim(Protocol::Https), Some(&other)), None);
        }
    }
}
