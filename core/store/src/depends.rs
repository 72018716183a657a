//! Which records are reconciled again when a record changes: one table, from which `wake_dependants` in `migrations/functions/dependants.sql` is generated.
//!
//! Each line reads: when a record of `changed` is written, wake the `wakes` records that `ids` selects (`record` is the id of the one that
//! changed). A shared gateway is woken by the claiming of routes itself.

use causeway_records::Kind;
use std::fmt::Write;

struct Line {
    changed: Kind,
    wakes: Kind,
    ids: &'static str,
}

const fn line(changed: Kind, wakes: Kind, ids: &'static str) -> Line {
    Line { changed, wakes, ids }
}

/// Kinds of which a new record changes nothing for others: all that depends on such a record names it, and nobody can name it yet.
const ALONE_WHEN_NEW: &[Kind] = &[
    Kind::AttachedObjectReference,
    Kind::AwsAccount,
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

/// Whether others are woken when a record of a kind changes.
pub(crate) fn has_any(kind: Kind) -> bool {
    TABLE.iter().any(|line| line.changed == kind)
}

const TABLE: &[Line] = &[
    line(
        Kind::AwsAccount,
        Kind::DomainNameInstance,
        "SELECT n.id FROM domain_name_instances n JOIN domain_name_definitions d ON d.id = n.domain_name_definition_id WHERE d.aws_account_id = record AND n.deleted_at IS NULL",
    ),
    line(
        Kind::AwsAccount,
        Kind::GatewayInstance,
        "SELECT c.gateway_instance_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record",
    ),
    line(
        Kind::AwsAccount,
        Kind::SharedGateway,
        "SELECT c.gateway_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record",
    ),
    line(
        Kind::AwsAccount,
        Kind::SupportServiceInstance,
        "SELECT id FROM support_service_instances WHERE aws_account_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::DomainNameInstance,
        "SELECT id FROM domain_name_instances WHERE domain_name_definition_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id WHERE d.domain_name_definition_id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::ListenerSet,
        "SELECT l.listener_set_id FROM route_claims c JOIN gateway_listeners l ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname WHERE c.domain_name_definition_id = record AND l.listener_set_id IS NOT NULL",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::SharedGateway,
        "SELECT gateway_id FROM route_claims WHERE domain_name_definition_id = record",
    ),
    line(
        Kind::DomainNameDefinition,
        Kind::SupportServiceInstance,
        "SELECT s.id FROM support_service_instances s WHERE s.service = 'external-dns' AND s.deleted_at IS NULL AND s.kubernetes_runtime_instance_id IN (SELECT n.kubernetes_runtime_instance_id FROM domain_name_instances n WHERE n.domain_name_definition_id = record)",
    ),
    line(
        Kind::DomainNameInstance,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN domain_name_instances n ON n.workload_instance_id = g.workload_instance_id WHERE n.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::DomainNameInstance,
        Kind::SupportServiceInstance,
        "SELECT s.id FROM support_service_instances s JOIN domain_name_instances n ON n.kubernetes_runtime_instance_id = s.kubernetes_runtime_instance_id WHERE n.id = record AND s.service = 'external-dns' AND s.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayDefinition,
        Kind::DomainNameInstance,
        "SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.gateway_definition_id = record AND n.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayDefinition,
        Kind::GatewayInstance,
        "SELECT id FROM gateway_instances WHERE gateway_definition_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::GatewayHttpPort,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN gateway_http_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayInstance,
        Kind::DomainNameInstance,
        "SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.id = record AND n.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayInstance,
        Kind::GatewayDefinition,
        "SELECT gateway_definition_id FROM gateway_instances WHERE id = record AND deleted_at IS NOT NULL",
    ),
    line(
        Kind::GatewayTcpPort,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN gateway_tcp_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::GatewayUdpPort,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN gateway_udp_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::DomainNameInstance,
        "SELECT id FROM domain_name_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::GatewayInstance,
        "SELECT id FROM gateway_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::KubernetesRuntimeDefinition,
        "SELECT kubernetes_runtime_definition_id FROM kubernetes_runtime_instances WHERE id = record AND deleted_at IS NOT NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::ListenerSet,
        "SELECT s.id FROM listener_sets s JOIN shared_gateways g ON g.id = s.shared_gateway_id WHERE g.kubernetes_runtime_instance_id = record AND s.deleted_at IS NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::SharedGateway,
        "SELECT id FROM shared_gateways WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::SupportServiceInstance,
        "SELECT id FROM support_service_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::KubernetesRuntimeInstance,
        Kind::WorkloadInstance,
        "SELECT id FROM workload_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL",
    ),
    line(Kind::ListenerSet, Kind::SharedGateway, "SELECT shared_gateway_id FROM listener_sets WHERE id = record"),
    line(
        Kind::SharedGateway,
        Kind::DomainNameInstance,
        "SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id JOIN route_claims c ON c.gateway_instance_id = g.id WHERE c.gateway_id = record AND n.deleted_at IS NULL",
    ),
    line(
        Kind::SharedGateway,
        Kind::GatewayInstance,
        "SELECT DISTINCT gateway_instance_id FROM route_claims WHERE gateway_id = record",
    ),
    line(
        Kind::SharedGateway,
        Kind::ListenerSet,
        "SELECT id FROM listener_sets WHERE shared_gateway_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::SharedGateway,
        Kind::KubernetesRuntimeInstance,
        "SELECT kubernetes_runtime_instance_id FROM shared_gateways WHERE id = record AND deleted_at IS NOT NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::ListenerSet,
        "SELECT l.id FROM listener_sets l JOIN shared_gateways g ON g.id = l.shared_gateway_id JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND l.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::DomainNameInstance,
        "SELECT n.id FROM domain_name_instances n JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = n.kubernetes_runtime_instance_id WHERE s.id = record AND s.service = 'external-dns' AND n.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::KubernetesRuntimeInstance,
        "SELECT kubernetes_runtime_instance_id FROM support_service_instances WHERE id = record AND deleted_at IS NOT NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::SharedGateway,
        "SELECT g.id FROM shared_gateways g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::SupportServiceInstance,
        Kind::SupportServiceInstance,
        "SELECT o.id FROM support_service_instances o JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = o.kubernetes_runtime_instance_id WHERE s.id = record AND o.id <> record AND o.deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadDefinition,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id WHERE w.workload_definition_id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadDefinition,
        Kind::WorkloadInstance,
        "SELECT id FROM workload_instances WHERE workload_definition_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadInstance,
        Kind::DomainNameInstance,
        "SELECT id FROM domain_name_instances WHERE workload_instance_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadInstance,
        Kind::GatewayInstance,
        "SELECT id FROM gateway_instances WHERE workload_instance_id = record AND deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadInstance,
        Kind::WorkloadDefinition,
        "SELECT workload_definition_id FROM workload_instances WHERE id = record AND deleted_at IS NOT NULL",
    ),
    line(
        Kind::WorkloadResourceDefinition,
        Kind::GatewayInstance,
        "SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND g.deleted_at IS NULL",
    ),
    line(
        Kind::WorkloadResourceDefinition,
        Kind::WorkloadInstance,
        "SELECT w.id FROM workload_instances w JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND w.deleted_at IS NULL",
    ),
];

/// The text of `migrations/functions/dependants.sql`; a test compares the two, `make functions` writes it anew.
///
/// The function is VOLATILE so that it sees what was committed while the write that calls it waited for its row: a CTE beside that write
/// would not, and would miss dependants. It takes the rows in the order of (kind, id), so that two writers can't wait for each other.
pub fn dependants_sql() -> String {
    let mut sql = String::from(HEAD);
    for group in TABLE.chunk_by(|one, other| one.changed == other.changed) {
        let found: Vec<_> =
            group.iter().map(|line| format!("SELECT '{}', id FROM ({}) x(id)", line.wakes, line.ids)).collect();
        // Writing to a String can't fail.
        let _ = write!(
            sql,
            "WHEN '{}' THEN\n    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (\n        {}\n    ) d(kind, id);\n",
            group[0].changed,
            found.join("\n        UNION ")
        );
    }
    sql + TAIL
}

const HEAD: &str = "\
-- Which records are reconciled again when a record changes. Generated from core/store/src/depends.rs by `make functions`.

CREATE OR REPLACE FUNCTION wake_dependants(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE kinds text[]; ids bigint[];
BEGIN
CASE k
";
const TAIL: &str = "\
ELSE RETURN;
END CASE;
UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()),
    urgent = r.urgent OR intent, attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
FROM (SELECT r.kind, r.id FROM unnest(kinds, ids) d(kind, id) JOIN reconciliations r USING (kind, id) WHERE r.gone_at IS NULL
    ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
END $$;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_function_is_as_it_is_generated() {
        let file = include_str!("../../../migrations/functions/dependants.sql");
        assert_eq!(file, dependants_sql(), "run make functions");
    }

    #[test]
    fn what_depends_on_a_record_that_is_alone_when_new_names_it() {
        for kind in ALONE_WHEN_NEW {
            let info = kind.info();
            for line in TABLE.iter().filter(|line| line.changed == *kind) {
                let names_it = line.ids.contains("_id = record");
                // Through its own row it could lead to those that its parents concern.
                assert!(names_it && !line.ids.split(' ').any(|word| word == info.table), "{kind}: {}", line.ids);
            }
        }
    }

    #[test]
    fn every_line_names_nouns_and_the_table_is_sorted() {
        for line in TABLE {
            assert!(line.wakes.info().reconciled, "{}", line.wakes);
        }
        assert!(TABLE.is_sorted_by_key(|line| line.changed.as_str()));
    }
}
