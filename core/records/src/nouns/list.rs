//! The list of all nouns. Kinds, routes and the API document follow from it.

/// Calls `$then!` with the list of all nouns, in the order of the API document.
#[macro_export]
macro_rules! with_nouns {
    ($then:ident) => {
        $then! {
            KubernetesRuntimeDefinition, KubernetesRuntimeInstance,
            WorkloadDefinition, WorkloadInstance, WorkloadResourceDefinition, WorkloadResourceInstance, WorkloadEvent,
            GatewayDefinition, GatewayInstance, GatewayHttpPort, GatewayTcpPort, GatewayUdpPort,
            GatewayHttpRoute, GatewayGrpcRoute, GatewayGrant,
            DomainNameDefinition, DomainNameInstance,
            AwsAccount, SupportServiceInstance, SharedGateway,
            Webhook, ApplySet,
            AttachedObjectReference, Event,
        }
    };
}
