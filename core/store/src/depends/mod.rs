//! Which records are reconciled again when a record changes: one table, from which `dependants_of` in `migrations/functions/dependants.sql` is
//! generated.
//!
//! Each line reads: when a record of `changed` is written, wake the `wakes` records that `which` selects (`record` is the id of the one that
//! changed). A shared gateway is woken by the claiming of routes itself.

mod line;

use causeway_records::Kind;
use line::{Line, beside, line, named_by_gone, naming};

/// Kinds of which a new record changes nothing for others: all that depends on such a record names it, and nobody can name it yet.
const ALONE_WHEN_NEW: &[Kind] = &[
    Kind::AttachedObjectReference,
    Kind::DomainNameDefinition,
    Kind::Event,
    Kind::GatewayDefinition,
    Kind::KubernetesRuntimeDefinition,
    Kind::WorkloadDefinition,
    Kind::WorkloadEvent,
];

/// Whether others are woken when a record of a kind is made.
pub(crate) fn matters_when_new(kind: Kind) -> bool {
    has_any(kind) && !ALONE_WHEN_NEW.contains(&kind)
}

/// Whether all that follows from a change of a kind's record concerns records that depend on it: without one there is nothing to do.
pub(crate) fn matters_to_dependants_only(kind: Kind) -> bool {
    has_any(kind) && ALONE_WHEN_NEW.contains(&kind)
}

/// Whether others are woken when a record of a kind changes.
pub(crate) fn has_any(kind: Kind) -> bool {
    TABLE.iter().any(|line| line.changed == kind)
}

/// The condition that any record depends on one of a kind; `record`: an expression of its id. For kinds of which [`has_any`] is true.
pub(crate) fn any_exists(kind: Kind, record: &str) -> String {
    let lines = TABLE.iter().filter(|line| line.changed == kind);
    lines.map(|line| format!("EXISTS (SELECT {})", line.ids(record))).collect::<Vec<_>>().join(" OR ")
}

/// Sorted by what changes.
pub(crate) const TABLE: &[Line] = &[
    line(
        Kind::AwsAccount,
        Kind::DomainNameInstance,
        "n.id",
        "domain_name_instances n JOIN domain_name_definitions d ON d.id = n.domain_name_definition_id WHERE d.aws_account_id = record AND n.deleted_at IS NULL",
    ),
    line(
        Kind::AwsAccount,
        Kind::GatewayInstance,
        "c.gateway_instance_id",
        "route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record",
    ),
    line(
        Kind::AwsAccount,
        Kind::SharedGateway,
        "c.gateway_id",
        "route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record",
    ),
    line(
        Kind::AwsAccount,
        Kind::SharedGateway,
        "g.id",
        "shared_gateways g JOIN domain_name_definitions d ON d.id = g.domain_name_definition_id WHERE d.aws_account_id = record AND g.deleted_at IS NULL",
    ),
    // By name: so a new account may be named already, and of one that got another name, or is gone, those are woken that have none now.
    line(
        Kind::AwsAccount,
        Kind::KubernetesRuntimeInstance,
        "t.id",
        "kubernetes_runtime_instances t JOIN kubernetes_runtime_definitions d ON d.id = t.kubernetes_runtime_definition_id WHERE t.eks_cluster_name IS NOT NULL AND t.deleted_at IS NULL AND (EXISTS (SELECT FROM aws_accounts a WHERE a.id = record AND a.name = d.infra_provider_account_name) OR NOT EXISTS (SELECT FROM aws_accounts a WHERE a.name = d.infra_provider_account_name AND a.deleted_at IS NULL))",
    ),
    naming(Kind::AwsAccount, Kind::SupportServiceInstance, "aws_account_id"),
    naming(Kind::DomainNameDefinition, Kind::DomainNameInstance, "domain_name_definition_id"),
    line(
        Kind::DomainNameDefinition,
        Kind::GatewayInstance,
        "g.id",
        "gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id WHERE d.domain_name_definition_id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::ListenerSet,
        "l.listener_set_id",
        "route_claims c JOIN gateway_listeners l ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname WHERE c.domain_name_definition_id = record AND l.listener_set_id IS NOT NULL",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::SharedGateway,
        "gateway_id",
        "route_claims WHERE domain_name_definition_id = record",
    ),
    naming(Kind::DomainNameDefinition, Kind::SharedGateway, "domain_name_definition_id"),
    line(
        Kind::DomainNameDefinition,
        Kind::SupportServiceInstance,
        "s.id",
        "support_service_instances s WHERE s.service = 'external-dns' AND s.deleted_at IS NULL AND s.kubernetes_runtime_instance_id IN (SELECT n.kubernetes_runtime_instance_id FROM domain_name_instances n WHERE n.domain_name_definition_id = record)",
    ),
    beside(Kind::DomainNameInstance, Kind::GatewayInstance, "workload_instance_id"),
    line(
        Kind::DomainNameInstance,
        Kind::SupportServiceInstance,
        "s.id",
        "support_service_instances s JOIN domain_name_instances n ON n.kubernetes_runtime_instance_id = s.kubernetes_runtime_instance_id WHERE n.id = record AND s.service = 'external-dns' AND s.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayDefinition,
        Kind::DomainNameInstance,
        "n.id",
        "domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.gateway_definition_id = record AND n.deleted_at IS NULL",
    ),
    naming(Kind::GatewayDefinition, Kind::GatewayInstance, "gateway_definition_id"),
    line(
        Kind::GatewayGrant,
        Kind::GatewayInstance,
        "g.id",
        "gateway_instances g JOIN gateway_grants t ON t.granted_workload_instance_id = g.workload_instance_id WHERE t.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayGrant,
        Kind::SharedGateway,
        "shared_gateway_id",
        "gateway_grants WHERE id = record AND shared_gateway_id IS NOT NULL",
    ),
    beside(Kind::GatewayGrpcRoute, Kind::GatewayInstance, "gateway_definition_id"),
    beside(Kind::GatewayHttpPort, Kind::GatewayInstance, "gateway_definition_id"),
    beside(Kind::GatewayHttpRoute, Kind::GatewayInstance, "gateway_definition_id"),
    beside(Kind::GatewayInstance, Kind::DomainNameInstance, "workload_instance_id"),
    named_by_gone(Kind::GatewayInstance, Kind::GatewayDefinition, "gateway_definition_id"),
    beside(Kind::GatewayTcpPort, Kind::GatewayInstance, "gateway_definition_id"),
    beside(Kind::GatewayUdpPort, Kind::GatewayInstance, "gateway_definition_id"),
    line(
        Kind::KubernetesRuntimeDefinition,
        Kind::KubernetesRuntimeInstance,
        "id",
        "kubernetes_runtime_instances WHERE kubernetes_runtime_definition_id = record AND eks_cluster_name IS NOT NULL AND deleted_at IS NULL",
    ),
    naming(Kind::KubernetesRuntimeInstance, Kind::DomainNameInstance, "kubernetes_runtime_instance_id"),
    naming(Kind::KubernetesRuntimeInstance, Kind::GatewayInstance, "kubernetes_runtime_instance_id"),
    named_by_gone(
        Kind::KubernetesRuntimeInstance,
        Kind::KubernetesRuntimeDefinition,
        "kubernetes_runtime_definition_id",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::ListenerSet,
        "s.id",
        "listener_sets s JOIN shared_gateways g ON g.id = s.shared_gateway_id WHERE g.kubernetes_runtime_instance_id = record AND s.deleted_at IS NULL",
    ),
    naming(Kind::KubernetesRuntimeInstance, Kind::SharedGateway, "kubernetes_runtime_instance_id"),
    naming(Kind::KubernetesRuntimeInstance, Kind::SupportServiceInstance, "kubernetes_runtime_instance_id"),
    naming(Kind::KubernetesRuntimeInstance, Kind::WorkloadInstance, "kubernetes_runtime_instance_id"),
    line(Kind::ListenerSet, Kind::SharedGateway, "shared_gateway_id", "listener_sets WHERE id = record"),
    line(
        Kind::SharedGateway,
        Kind::DomainNameInstance,
        "n.id",
        "domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id JOIN route_claims c ON c.gateway_instance_id = g.id WHERE c.gateway_id = record AND n.deleted_at IS NULL",
    ),
    line(Kind::SharedGateway, Kind::GatewayInstance, "gateway_instance_id", "route_claims WHERE gateway_id = record"),
    naming(Kind::SharedGateway, Kind::ListenerSet, "shared_gateway_id"),
    named_by_gone(Kind::SharedGateway, Kind::KubernetesRuntimeInstance, "kubernetes_runtime_instance_id"),
    // No gateway waits for external-dns, which changes with every zone.
    line(
        Kind::SupportServiceInstance,
        Kind::ListenerSet,
        "l.id",
        "listener_sets l JOIN shared_gateways g ON g.id = l.shared_gateway_id JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND l.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::GatewayInstance,
        "g.id",
        "gateway_instances g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND g.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::DomainNameInstance,
        "n.id",
        "domain_name_instances n JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = n.kubernetes_runtime_instance_id WHERE s.id = record AND s.service = 'external-dns' AND n.deleted_at IS NULL",
    ),
    named_by_gone(Kind::SupportServiceInstance, Kind::KubernetesRuntimeInstance, "kubernetes_runtime_instance_id"),
    line(
        Kind::SupportServiceInstance,
        Kind::SharedGateway,
        "g.id",
        "shared_gateways g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND g.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::SupportServiceInstance,
        "o.id",
        "support_service_instances o JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = o.kubernetes_runtime_instance_id WHERE s.id = record AND o.id <> record AND o.deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadDefinition,
        Kind::GatewayInstance,
        "g.id",
        "gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id WHERE w.workload_definition_id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadDefinition,
        Kind::GatewayInstance,
        "g.id",
        "gateway_instances g JOIN gateway_grants t ON t.granted_workload_instance_id = g.workload_instance_id JOIN workload_instances w ON w.id = t.workload_instance_id WHERE w.workload_definition_id = record AND t.deleted_at IS NULL AND g.deleted_at IS NULL",
    ),
    naming(Kind::WorkloadDefinition, Kind::WorkloadInstance, "workload_definition_id"),
    naming(Kind::WorkloadInstance, Kind::DomainNameInstance, "workload_instance_id"),
    naming(Kind::WorkloadInstance, Kind::GatewayInstance, "workload_instance_id"),
    // Its labels may let it in there, or no longer.
    line(
        Kind::WorkloadInstance,
        Kind::SharedGateway,
        "c.gateway_id",
        "route_claims c JOIN gateway_instances g ON g.id = c.gateway_instance_id WHERE g.workload_instance_id = record AND g.shared_gateway_id IS NOT NULL",
    ),
    named_by_gone(Kind::WorkloadInstance, Kind::WorkloadDefinition, "workload_definition_id"),
    line(
        Kind::WorkloadResourceDefinition,
        Kind::GatewayInstance,
        "g.id",
        "gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND g.deleted_at IS NULL",
    ),
    beside(Kind::WorkloadResourceDefinition, Kind::WorkloadInstance, "workload_definition_id"),
];

#[cfg(test)]
mod tests;
