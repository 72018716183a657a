//! How a cluster is reached: from its runtime's record to what a connection is made with.

use super::Unavailable;
use crate::context::Context;
use causeway_aws::{self as aws, EksIdentity};
use causeway_cluster::{ClusterAccess, ClusterAuth, ClusterError, UnreachableCause};
use causeway_records::{
    inputs::{EksAccess, RuntimeAccess},
    nouns::KubernetesRuntimeInstance,
    secret::Keyring,
};
use causeway_rules::accounts;
use secrecy::SecretString;

/// What the record says. It is asked again with every look at the cluster's identity: so what doesn't hold any more ends the connection.
pub(super) fn access(access: RuntimeAccess, context: &Context) -> Result<ClusterAccess, Unavailable> {
    let runtime = &access.runtime.spec;
    if runtime.is_own_cluster() {
        return context.own_cluster.access();
    }
    let Some(endpoint) = &runtime.api_endpoint else {
        let message = "the runtime has no APIEndpoint yet; send it with its credentials";
        return Err(Unavailable::refused(Unavailable::NO_ENDPOINT, message));
    };
    let auth = match (access.eks, &runtime.eks_cluster_name) {
        (Some(eks), Some(cluster)) => {
            ClusterAuth::Eks(eks_identity(access.runtime.id(), cluster, eks, &context.key, context.ambient_aws)?)
        }
        _ => given(runtime, &context.key)?,
    };
    Ok(ClusterAccess {
        endpoint: endpoint.to_string(),
        ca_pem: runtime.ca_certificate.clone(),
        auth,
        server_name: None,
    })
}

/// The certificate or token of the record.
fn given(runtime: &KubernetesRuntimeInstance, keys: &Keyring) -> Result<ClusterAuth, Unavailable> {
    let plain = |name: &str, sealed: &str| {
        let opened = keys.decrypt(sealed).map(SecretString::from);
        opened.map_err(|error| Unavailable::refused(UNREADABLE, format!("{name}: {error}")))
    };
    match (&runtime.certificate, &runtime.certificate_key, &runtime.connection_token) {
        (Some(cert), Some(key), _) => {
            Ok(ClusterAuth::ClientCert { cert_pem: cert.clone(), key_pem: plain("CertificateKey", key)? })
        }
        (_, _, Some(token)) => Ok(ClusterAuth::Token(plain("ConnectionToken", token)?)),
        _ => {
            let message = "the runtime has no credentials; send Certificate and CertificateKey, or ConnectionToken, or for EKS EKSClusterName";
            Err(Unavailable::refused("NoCredentials", message))
        }
    }
}

const UNREADABLE: &str = "UnreadableSecret";

/// Who signs the tokens for a cluster of EKS. `ambient`: the workers may, as themselves, where the account has no keys.
fn eks_identity(
    runtime: i64,
    cluster: &str,
    eks: EksAccess,
    keys: &Keyring,
    ambient: bool,
) -> Result<EksIdentity, Unavailable> {
    let allowed = accounts::for_eks(runtime, &eks.definition.spec, eks.account.as_ref());
    let mut account = allowed.map_err(|refusal| Unavailable::refused(refusal.reason, refusal.problem))?.spec.clone();
    let name = account.name.clone();
    account
        .decrypt(keys)
        .map_err(|error| Unavailable::refused(UNREADABLE, format!("the keys of aws account {name}: {error}")))?;
    let Some(account) = aws::account(Some(&account), ambient) else {
        let message = format!(
            "aws account {name} has no access key, and the workers don't call AWS as themselves unless they are started with --ambient-aws: give the account its keys, or start the workers so"
        );
        return Err(Unavailable::refused("NoAwsCredentials", message));
    };
    Ok(EksIdentity { account, cluster: cluster.to_owned() })
}

/// Why a cluster doesn't answer. Where it refuses a token that was made for it, the reason is hardly ever the token.
pub(super) fn refused_there(error: &ClusterError, access: &ClusterAccess) -> Unavailable {
    let why = Unavailable::from(error);
    let ClusterAuth::Eks(EksIdentity { account, cluster }) = &access.auth else { return why };
    if !matches!(error, ClusterError::Unreachable { cause: UnreachableCause::Unauthorized, .. }) {
        return why;
    }
    let who = match (&account.role, &account.credentials) {
        (Some(role), _) => role.arn.clone(),
        (None, aws::Credentials::Keys { id, .. }) => format!("the user of access key {id}"),
        (None, aws::Credentials::Environment) => "the workers' own identity".to_owned(),
    };
    let message = format!(
        "the cluster doesn't take the token that the workers made for EKS cluster {cluster} as {who} ({error}); see that EKSClusterName is its name in EKS and APIEndpoint its endpoint, that it has an access entry for this identity with rights (aws eks list-access-entries), that the keys count, and that the workers' clock is right"
    );
    Unavailable { message, ..why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::{
        Record,
        nouns::{AwsAccount, Ids, InfraProvider, KubernetesRuntimeDefinition},
    };

    fn keys() -> Keyring {
        Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap()
    }

    fn eks(secret: Option<&str>) -> EksAccess {
        let sealed = |text: &str| keys().encrypt(text).ok();
        let account = AwsAccount {
            name: "main".parse().unwrap(),
            access_key_id: secret.and_then(|_| sealed("AKIA1")),
            secret_access_key: secret.and_then(sealed),
            default_region: "eu-central-1".into(),
            kubernetes_runtime_instance_ids: Some(Ids(vec![7])),
            ..AwsAccount::default()
        };
        let definition = KubernetesRuntimeDefinition {
            name: "eu".parse().unwrap(),
            infra_provider: InfraProvider::Eks,
            infra_provider_account_name: Some("main".into()),
            ..KubernetesRuntimeDefinition::default()
        };
        EksAccess {
            definition: Record { spec: definition, ..Record::default() },
            account: Some(Record { spec: account, ..Record::default() }),
        }
    }

    fn reason(runtime: i64, eks: EksAccess, keys: &Keyring) -> &'static str {
        let why = eks_identity(runtime, "shop", eks, keys, false).unwrap_err();
        assert!(why.message.contains("main"), "{}", why.message);
        ["AwsAccountNotAllowed", "UnreadableSecret", "NoAwsCredentials"]
            .into_iter()
            .find(|one| why.reason == *one)
            .unwrap()
    }

    #[test]
    fn the_account_signs_where_it_may_and_can() {
        let identity = eks_identity(7, "shop", eks(Some("s3cret")), &keys(), false).unwrap();
        let expected = aws::Credentials::Keys { id: "AKIA1".into(), secret: "s3cret".into() };
        assert_eq!((identity.cluster.as_str(), identity.account.credentials), ("shop", expected));
        assert_eq!(reason(8, eks(Some("s3cret")), &keys()), "AwsAccountNotAllowed");
        assert_eq!(reason(7, eks(None), &keys()), "NoAwsCredentials");
        let other = Keyring::from_base64("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap();
        assert_eq!(reason(7, eks(Some("s3cret")), &other), "UnreadableSecret");
        let ambient = eks_identity(7, "shop", eks(None), &keys(), true).unwrap();
        assert_eq!(ambient.account.credentials, aws::Credentials::Environment);
    }

    #[test]
    fn a_refused_token_says_what_to_look_at() {
        let identity = eks_identity(7, "shop", eks(Some("s3cret")), &keys(), false).unwrap();
        let of = |auth| ClusterAccess { endpoint: "https://a".into(), ca_pem: None, auth, server_name: None };
        let refused = |cause| ClusterError::Unreachable { cause, message: "Unauthorized".into(), retry_after: None };
        let unauthorized = refused(UnreachableCause::Unauthorized);
        let why = refused_there(&unauthorized, &of(ClusterAuth::Eks(identity.clone())));
        assert_eq!(why.reason, "Unauthorized");
        for part in ["EKS cluster shop", "access key AKIA1", "access entry", "EKSClusterName"] {
            assert!(why.message.contains(part), "{}", why.message);
        }
        assert!(!why.message.contains("s3cret"));
        let token = of(ClusterAuth::Token("t".into()));
        assert_eq!(refused_there(&unauthorized, &token), Unavailable::from(&unauthorized));
        let late = refused(UnreachableCause::Timeout);
        assert_eq!(refused_there(&late, &of(ClusterAuth::Eks(identity))), Unavailable::from(&late));
    }
}
