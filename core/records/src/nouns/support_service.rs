use super::{AwsAccount, KubernetesRuntimeInstance, Rules};
use crate::text::{Name, choice};
use causeway_records_derive::Noun;

choice! {
    /// What a cluster needs before gateways work there.
    Service {
        /// The CustomResourceDefinitions of Gateway API.
        GatewayApi = "gateway-api",
        /// The gateway controller.
        EnvoyGateway = "envoy-gateway",
        /// Certificates.
        CertManager = "cert-manager",
        /// DNS records.
        ExternalDns = "external-dns",
        /// Another gateway controller, with a GatewayClass traefik. It is installed only where somebody makes the record.
        Traefik = "traefik",
    }
}

impl Service {
    /// Whether it is a controller of Gateway API, which has to be there before.
    #[must_use]
    pub fn is_gateway_controller(self) -> bool {
        matches!(self, Self::EnvoyGateway | Self::Traefik)
    }
}

choice! {
    /// Whose installation it is.
    Management {
        /// Causeway installed it, upgrades it, and removes it with the record.
        Managed = "Managed",
        /// Somebody else did; Causeway uses it and leaves it alone.
        Adopted = "Adopted",
    }
}

/// A support service in a cluster. The API makes it when the first record needs it.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "support-service-instances", reconciled)]
pub struct SupportServiceInstance {
    /// Unique among live support service instances.
    #[noun(required, example = "external-dns")]
    pub name: Name,
    /// The cluster.
    #[noun(required, immutable, part_of = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// Which service.
    #[noun(required, immutable, example = "external-dns")]
    pub service: Service,
    /// Version to install. Left out: the one this release of Causeway brings.
    pub version: Option<String>,
    /// external-dns only: the account whose zones it writes.
    #[noun(immutable, parent = AwsAccount)]
    pub aws_account_id: Option<i64>,
    /// Leave the installation in the cluster when the record goes.
    #[noun(default = Some(false))]
    pub keep_on_delete: Option<bool>,
}
impl Rules for SupportServiceInstance {}
