-- Which records are reconciled again when a record changes. Generated from core/store/src/depends.rs by `make functions`.

CREATE OR REPLACE FUNCTION wake_dependants(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE kinds text[]; ids bigint[];
BEGIN
CASE k
WHEN 'AwsAccount' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT n.id FROM domain_name_instances n JOIN domain_name_definitions d ON d.id = n.domain_name_definition_id WHERE d.aws_account_id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT c.gateway_instance_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record) x(id)
        UNION SELECT 'SharedGateway', id FROM (SELECT c.gateway_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record) x(id)
        UNION SELECT 'SupportServiceInstance', id FROM (SELECT id FROM support_service_instances WHERE aws_account_id = record AND deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'DomainNameDefinition' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT id FROM domain_name_instances WHERE domain_name_definition_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id WHERE d.domain_name_definition_id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'ListenerSet', id FROM (SELECT l.listener_set_id FROM route_claims c JOIN gateway_listeners l ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname WHERE c.domain_name_definition_id = record AND l.listener_set_id IS NOT NULL) x(id)
        UNION SELECT 'SharedGateway', id FROM (SELECT gateway_id FROM route_claims WHERE domain_name_definition_id = record) x(id)
        UNION SELECT 'SupportServiceInstance', id FROM (SELECT s.id FROM support_service_instances s WHERE s.service = 'external-dns' AND s.deleted_at IS NULL AND s.kubernetes_runtime_instance_id IN (SELECT n.kubernetes_runtime_instance_id FROM domain_name_instances n WHERE n.domain_name_definition_id = record)) x(id)
    ) d(kind, id);
WHEN 'DomainNameInstance' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN domain_name_instances n ON n.workload_instance_id = g.workload_instance_id WHERE n.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'SupportServiceInstance', id FROM (SELECT s.id FROM support_service_instances s JOIN domain_name_instances n ON n.kubernetes_runtime_instance_id = s.kubernetes_runtime_instance_id WHERE n.id = record AND s.service = 'external-dns' AND s.deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'GatewayDefinition' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.gateway_definition_id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT id FROM gateway_instances WHERE gateway_definition_id = record AND deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'GatewayHttpPort' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_http_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'GatewayInstance' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayDefinition', id FROM (SELECT gateway_definition_id FROM gateway_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
    ) d(kind, id);
WHEN 'GatewayTcpPort' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_tcp_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'GatewayUdpPort' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_udp_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'KubernetesRuntimeInstance' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT id FROM domain_name_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT id FROM gateway_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'KubernetesRuntimeDefinition', id FROM (SELECT kubernetes_runtime_definition_id FROM kubernetes_runtime_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
        UNION SELECT 'ListenerSet', id FROM (SELECT s.id FROM listener_sets s JOIN shared_gateways g ON g.id = s.shared_gateway_id WHERE g.kubernetes_runtime_instance_id = record AND s.deleted_at IS NULL) x(id)
        UNION SELECT 'SharedGateway', id FROM (SELECT id FROM shared_gateways WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'SupportServiceInstance', id FROM (SELECT id FROM support_service_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadInstance', id FROM (SELECT id FROM workload_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'ListenerSet' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'SharedGateway', id FROM (SELECT shared_gateway_id FROM listener_sets WHERE id = record) x(id)
    ) d(kind, id);
WHEN 'SharedGateway' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id JOIN route_claims c ON c.gateway_instance_id = g.id WHERE c.gateway_id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT DISTINCT gateway_instance_id FROM route_claims WHERE gateway_id = record) x(id)
        UNION SELECT 'ListenerSet', id FROM (SELECT id FROM listener_sets WHERE shared_gateway_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'KubernetesRuntimeInstance', id FROM (SELECT kubernetes_runtime_instance_id FROM shared_gateways WHERE id = record AND deleted_at IS NOT NULL) x(id)
    ) d(kind, id);
WHEN 'SupportServiceInstance' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'ListenerSet', id FROM (SELECT l.id FROM listener_sets l JOIN shared_gateways g ON g.id = l.shared_gateway_id JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND l.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'DomainNameInstance', id FROM (SELECT n.id FROM domain_name_instances n JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = n.kubernetes_runtime_instance_id WHERE s.id = record AND s.service = 'external-dns' AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'KubernetesRuntimeInstance', id FROM (SELECT kubernetes_runtime_instance_id FROM support_service_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
        UNION SELECT 'SharedGateway', id FROM (SELECT g.id FROM shared_gateways g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'SupportServiceInstance', id FROM (SELECT o.id FROM support_service_instances o JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = o.kubernetes_runtime_instance_id WHERE s.id = record AND o.id <> record AND o.deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'WorkloadDefinition' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id WHERE w.workload_definition_id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadInstance', id FROM (SELECT id FROM workload_instances WHERE workload_definition_id = record AND deleted_at IS NULL) x(id)
    ) d(kind, id);
WHEN 'WorkloadInstance' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'DomainNameInstance', id FROM (SELECT id FROM domain_name_instances WHERE workload_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance', id FROM (SELECT id FROM gateway_instances WHERE workload_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadDefinition', id FROM (SELECT workload_definition_id FROM workload_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
    ) d(kind, id);
WHEN 'WorkloadResourceDefinition' THEN
    SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (
        SELECT 'GatewayInstance', id FROM (SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadInstance', id FROM (SELECT w.id FROM workload_instances w JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND w.deleted_at IS NULL) x(id)
    ) d(kind, id);
ELSE RETURN;
END CASE;
UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()),
    urgent = r.urgent OR intent, attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
FROM (SELECT r.kind, r.id FROM unnest(kinds, ids) d(kind, id) JOIN reconciliations r USING (kind, id) WHERE r.gone_at IS NULL
    ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
END $$;
