use super::{Rules, pair, without_empty};
use crate::{
    problem::Problem,
    text::{Location, Name, Url, choice},
};
use causeway_records_derive::Noun;
use chrono::{DateTime, Utc};

/// EKS takes no longer name.
const MAX_EKS_NAME: usize = 100;

choice! {
    /// Who runs the cluster.
    InfraProvider {
        /// kind, or any cluster reached by a certificate or token.
        Kind = "kind",
        /// Amazon's managed Kubernetes.
        Eks = "eks",
        /// Oracle's managed Kubernetes.
        Oke = "oke",
    }
}

/// What a Kubernetes cluster is like.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "kubernetes-runtime-definitions", reconciled)]
pub struct KubernetesRuntimeDefinition {
    /// Unique among live runtime definitions.
    #[noun(required, example = "local")]
    pub name: Name,
    /// Who runs the clusters of this definition.
    #[noun(required)]
    pub infra_provider: InfraProvider,
    /// Account at the provider. With `eks`, the name of an AwsAccount: workers sign in to the clusters of this definition with it, where a runtime has
    /// `EKSClusterName`.
    pub infra_provider_account_name: Option<String>,
    /// Spread over several zones.
    #[noun(default = Some(false))]
    pub high_availability: Option<bool>,
    /// Size of the nodes.
    #[noun(default = Some("Medium".to_owned()))]
    pub node_size: Option<String>,
    /// What the nodes are good at.
    #[noun(default = Some("Balanced".to_owned()))]
    pub node_profile: Option<String>,
    /// Largest number of nodes.
    #[noun(default = Some(250))]
    pub node_maximum: Option<i32>,
}

impl KubernetesRuntimeDefinition {
    /// The name of the account, if one is named. Threeport's clients send an empty text for none.
    #[must_use]
    pub fn account_name(&self) -> Option<&str> {
        self.infra_provider_account_name.as_deref().filter(|name| !name.is_empty())
    }
}

impl Rules for KubernetesRuntimeDefinition {}

/// A Kubernetes cluster that workers look after: where it is and how to get in.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "kubernetes-runtime-instances", reconciled)]
pub struct KubernetesRuntimeInstance {
    /// Unique among live runtime instances.
    #[noun(required, example = "main")]
    pub name: Name,
    /// Free text of a client.
    pub status: Option<String>,
    /// Where the cluster stands, such as `Local` or `NorthAmerica:NewYork`. A cluster doesn't move.
    #[noun(required, immutable)]
    pub location: Location,
    /// Its definition.
    #[noun(required, parent = super::KubernetesRuntimeDefinition)]
    pub kubernetes_runtime_definition_id: i64,
    /// Causeway's workers run in this cluster. Without `APIEndpoint` and credentials they reach it with the service account of their own pods, where
    /// their operator allows it; only admins make such a runtime.
    #[noun(default = Some(false))]
    pub threeport_control_plane_host: Option<bool>,
    /// Address of the cluster's API server: `https://10.0.0.1:6443`. Once there is one, or credentials, only admins change it.
    #[noun(json = "APIEndpoint", no_filter, example = "https://10.0.0.1:6443")]
    pub api_endpoint: Option<Url>,
    /// PEM of the authority that signed the API server's certificate. Only admins change it, as APIEndpoint.
    #[noun(no_filter, example = "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n")]
    pub ca_certificate: Option<String>,
    /// PEM of the client certificate to log in with.
    #[noun(no_filter)]
    pub certificate: Option<String>,
    /// PEM of the client certificate's key. Send plain text; stored and returned as ciphertext.
    #[noun(encrypted)]
    pub certificate_key: Option<String>,
    /// Bearer token to log in with instead. Send plain text; stored and returned as ciphertext.
    #[noun(encrypted, example = "a token of a service account in the cluster")]
    pub connection_token: Option<String>,
    /// Name of the cluster in EKS. With it workers sign in by tokens that they make from the AwsAccount which `InfraProviderAccountName` of the definition
    /// names, and the runtime needs neither certificate nor token. Only admins set and change it.
    #[noun(json = "EKSClusterName", no_filter)]
    pub eks_cluster_name: Option<String>,
    /// When the token stops to work.
    #[noun(no_filter)]
    pub connection_token_expiration: Option<DateTime<Utc>>,
    /// The runtime that clients take when they name none.
    #[noun(default = Some(false))]
    pub default_runtime: Option<bool>,
    /// When the cluster can't be reached: let the record go all the same, and leave behind what is in the cluster.
    #[noun(default = Some(false))]
    pub force_delete: Option<bool>,
    /// Take the cluster out of DNS: its records of domains with RoutingPolicy Weighted count as if their weight were 0, until this is false again. Works
    /// while the cluster can't be reached, too, where the workers write the records (DnsDriver route53).
    #[noun(default = Some(false))]
    pub drain: Option<bool>,
    /// Not used by Causeway.
    #[noun(no_filter)]
    pub threeport_agent_image: Option<String>,
    /// Not used by Causeway.
    #[noun(json = "GatewayWorkloadInstanceID", no_filter)]
    pub gateway_controller_instance_id: Option<i64>,
    /// Not used by Causeway.
    #[noun(json = "DnsControllerInstanceId", no_filter)]
    pub dns_controller_instance_id: Option<i64>,
    /// Not used by Causeway.
    #[noun(json = "SecretsControllerInstanceId", no_filter)]
    pub secrets_controller_instance_id: Option<i64>,
}

impl KubernetesRuntimeInstance {
    /// It has neither an address nor credentials of its own: the workers are to reach it as themselves, from inside.
    #[must_use]
    pub fn is_own_cluster(&self) -> bool {
        let own = [
            self.certificate.is_some(),
            self.certificate_key.is_some(),
            self.connection_token.is_some(),
            self.eks_cluster_name.is_some(),
        ];
        self.threeport_control_plane_host == Some(true) && self.api_endpoint.is_none() && !own.contains(&true)
    }

    /// What is wrong with the name of the cluster in EKS, and with what stands beside it.
    fn check_eks(&self) -> Vec<Problem> {
        let Some(name) = &self.eks_cluster_name else { return vec![] };
        let mut problems = vec![];
        if !is_eks_name(name) {
            let problem = format!(
                "is no name of a cluster in EKS: 1 to {MAX_EKS_NAME} letters, digits, - and _, the first a letter or digit"
            );
            problems.push(Problem::new("EKSClusterName", problem));
        }
        if self.api_endpoint.is_none() {
            let problem =
                "needs APIEndpoint: send the endpoint that `aws eks describe-cluster` shows, with its CACertificate";
            problems.push(Problem::new("EKSClusterName", problem));
        }
        let others = [
            ("Certificate", self.certificate.is_some()),
            ("CertificateKey", self.certificate_key.is_some()),
            ("ConnectionToken", self.connection_token.is_some()),
        ];
        for (field, _) in others.into_iter().filter(|(_, is_there)| *is_there) {
            problems.push(Problem::new(
                field,
                "can't stand beside EKSClusterName, with which workers make tokens of their own; leave one of them out",
            ));
        }
        problems
    }
}

impl Rules for KubernetesRuntimeInstance {
    fn tidy(&mut self) {
        without_empty([
            &mut self.ca_certificate,
            &mut self.certificate,
            &mut self.certificate_key,
            &mut self.connection_token,
            &mut self.eks_cluster_name,
        ]);
    }

    fn check(&self) -> Vec<Problem> {
        let mut problems =
            pair(("Certificate", self.certificate.is_some()), ("CertificateKey", self.certificate_key.is_some()));
        let ways = [self.certificate.is_some(), self.connection_token.is_some(), self.eks_cluster_name.is_some()];
        if self.api_endpoint.is_some() && !ways.contains(&true) {
            let remedy = "needs credentials: send Certificate with CertificateKey, or ConnectionToken, or for EKS EKSClusterName";
            problems.push(Problem::new("APIEndpoint", remedy));
        }
        problems.extend(self.check_eks());
        problems
    }

    /// Whoever says where a cluster is gets what is sent there: the token, and the keys of the AWS accounts that name the runtime. So an editor
    /// gives a runtime its first address, and only an admin another one. Whoever has the workers reach their own cluster as themselves lends their
    /// identity to all editors; and whoever names a cluster of EKS has tokens of the account for that cluster sent to an address, which could be
    /// another cluster's.
    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        if self.is_own_cluster() && !before.is_own_cluster() {
            return vec!["ThreeportControlPlaneHost"];
        }
        if self.eks_cluster_name.is_some() && self.eks_cluster_name != before.eks_cluster_name {
            return vec!["EKSClusterName"];
        }
        let holds_credentials = before.certificate_key.is_some() || before.connection_token.is_some();
        if before.api_endpoint.is_none() && !holds_credentials && !before.is_own_cluster() {
            return vec![];
        }
        let changed = [
            ("APIEndpoint", self.api_endpoint != before.api_endpoint),
            ("CACertificate", self.ca_certificate != before.ca_certificate),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect()
    }
}

fn is_eks_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    name.len() <= MAX_EKS_NAME && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_eks(name: &str) -> KubernetesRuntimeInstance {
        KubernetesRuntimeInstance {
            api_endpoint: "https://10.0.0.1:6443".parse().ok(),
            eks_cluster_name: Some(name.into()),
            ..KubernetesRuntimeInstance::default()
        }
    }

    fn wrong(runtime: &KubernetesRuntimeInstance) -> Vec<String> {
        runtime.check().iter().map(|problem| problem.field.clone()).collect()
    }

    #[test]
    fn a_cluster_of_eks_needs_its_name_and_an_address_alone() {
        assert_eq!(wrong(&of_eks("shop_1-eu")), [""; 0]);
        for name in ["", "-shop", "shop eu", "shop\n", &"a".repeat(101)] {
            assert_eq!(wrong(&of_eks(name)), ["EKSClusterName"], "{name:?}");
        }
        assert_eq!(wrong(&KubernetesRuntimeInstance { api_endpoint: None, ..of_eks("shop") }), ["EKSClusterName"]);
        let token = KubernetesRuntimeInstance { connection_token: Some("t".into()), ..of_eks("shop") };
        assert_eq!(wrong(&token), ["ConnectionToken"]);
        let pair = KubernetesRuntimeInstance {
            certificate: Some("c".into()),
            certificate_key: Some("k".into()),
            ..of_eks("shop")
        };
        assert_eq!(wrong(&pair), ["Certificate", "CertificateKey"]);
    }

    #[test]
    fn only_admins_have_tokens_of_an_account_sent_somewhere() {
        let (new, shop) = (KubernetesRuntimeInstance::default(), of_eks("shop"));
        let with_token =
            KubernetesRuntimeInstance { eks_cluster_name: None, connection_token: Some("t".into()), ..shop.clone() };
        for before in [&new, &with_token, &of_eks("other")] {
            assert_eq!(shop.for_admins(before), ["EKSClusterName"]);
        }
        assert!(shop.for_admins(&shop).is_empty() && with_token.for_admins(&shop).is_empty());
        let elsewhere =
            KubernetesRuntimeInstance { api_endpoint: "https://10.0.0.2:6443".parse().ok(), ..shop.clone() };
        assert_eq!(elsewhere.for_admins(&shop), ["APIEndpoint"]);
    }

    #[test]
    fn only_admins_move_a_runtime_that_has_an_address_or_credentials() {
        let new = KubernetesRuntimeInstance::default();
        let at = |port: u16, token: Option<&str>| KubernetesRuntimeInstance {
            api_endpoint: format!("https://10.0.0.1:{port}").parse().ok(),
            ca_certificate: Some("pem".into()),
            connection_token: token.map(Into::into),
            ..KubernetesRuntimeInstance::default()
        };
        assert!(at(1, Some("t")).for_admins(&new).is_empty(), "its first address");
        assert_eq!(at(2, Some("t")).for_admins(&at(1, Some("t"))), ["APIEndpoint"]);
        assert_eq!(new.for_admins(&at(1, None)), ["APIEndpoint", "CACertificate"]);
        let waiting = KubernetesRuntimeInstance { connection_token: Some("t".into()), ..new };
        assert_eq!(at(1, Some("t")).for_admins(&waiting), ["APIEndpoint", "CACertificate"], "the token is somebody's");
        assert!(at(1, Some("other")).for_admins(&at(1, Some("t"))).is_empty());
    }

    #[test]
    fn only_admins_lend_the_identity_of_the_workers() {
        let (new, host) = (KubernetesRuntimeInstance::default(), Some(true));
        let own = KubernetesRuntimeInstance { threeport_control_plane_host: host, ..new.clone() };
        let with_token = KubernetesRuntimeInstance {
            api_endpoint: "https://10.0.0.1:6443".parse().ok(),
            connection_token: Some("t".into()),
            ..own.clone()
        };
        assert!(own.is_own_cluster() && !with_token.is_own_cluster() && !new.is_own_cluster());
        assert_eq!(own.for_admins(&new), ["ThreeportControlPlaneHost"]);
        assert!(with_token.for_admins(&new).is_empty(), "Threeport's own clusters have credentials of their own");
        assert!(own.for_admins(&own).is_empty(), "nothing changes");
        assert_eq!(with_token.for_admins(&own), ["APIEndpoint"], "what is sent to it goes elsewhere then");
        assert_eq!(own.for_admins(&with_token), ["ThreeportControlPlaneHost"]);
    }
}
