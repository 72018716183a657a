use super::{KubernetesRuntimeInstance, Rules};
use crate::text::{Name, ObjectName};
use causeway_records_derive::Noun;

/// The common Gateway of a cluster, one for each class. The API makes it when the first gateway instance needs it.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "shared-gateways", reconciled)]
pub struct SharedGateway {
    /// Unique among live shared gateways.
    #[noun(required, example = "main")]
    pub name: Name,
    /// The cluster.
    #[noun(required, immutable, part_of = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// GatewayClass to use instead of Causeway's own.
    #[noun(immutable, example = "internal")]
    pub gateway_class_name: Option<ObjectName>,
    /// Addresses to ask the cloud for.
    #[noun(no_filter)]
    pub addresses: Option<super::Texts>,
    /// Labels and annotations of what the controller makes for the Gateway.
    #[noun(no_filter)]
    pub infrastructure: Option<super::Infrastructure>,
}
impl Rules for SharedGateway {}
