-- What a write of a record brings about in the same transaction: claims, support services, references, wakes. The statements of
-- core/store/src/sql.rs call it by name on the row that they have written. It is VOLATILE, so each of its statements sees what was committed while the
-- write waited for its locks; a CTE beside the write would not.

CREATE OR REPLACE FUNCTION propagate(k text, record bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE i gateway_instances; n domain_name_instances; definition bigint; other bigint;
BEGIN
    CASE k
    WHEN 'KubernetesRuntimeInstance' THEN
        INSERT INTO leases (scope) VALUES (record) ON CONFLICT DO NOTHING;
    WHEN 'GatewayInstance' THEN
        SELECT * INTO STRICT i FROM gateway_instances WHERE id = record;
        PERFORM same_cluster(i.workload_instance_id, i.kubernetes_runtime_instance_id);
        PERFORM claim_routes(record);
        PERFORM ensure_service(i.kubernetes_runtime_instance_id, 'gateway-api', NULL);
        PERFORM ensure_service(i.kubernetes_runtime_instance_id, 'envoy-gateway', NULL);
        PERFORM attach('v0.WorkloadInstance', i.workload_instance_id, 'v0.GatewayInstance', record);
    WHEN 'DomainNameInstance' THEN
        SELECT * INTO STRICT n FROM domain_name_instances WHERE id = record;
        PERFORM same_cluster(n.workload_instance_id, n.kubernetes_runtime_instance_id);
        PERFORM ensure_service(n.kubernetes_runtime_instance_id, 'external-dns', d.aws_account_id)
            FROM domain_name_definitions d WHERE d.id = n.domain_name_definition_id;
        PERFORM attach('v0.WorkloadInstance', n.workload_instance_id, 'v0.DomainNameInstance', record);
    WHEN 'GatewayDefinition', 'GatewayHttpPort', 'GatewayTcpPort', 'DomainNameDefinition' THEN
        definition := CASE k
            WHEN 'GatewayDefinition' THEN record
            WHEN 'GatewayHttpPort' THEN (SELECT gateway_definition_id FROM gateway_http_ports WHERE id = record)
            WHEN 'GatewayTcpPort' THEN (SELECT gateway_definition_id FROM gateway_tcp_ports WHERE id = record) END;
        FOR other IN
            SELECT g.id FROM gateway_instances g WHERE g.gateway_definition_id = definition AND g.deleted_at IS NULL
            UNION SELECT g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id
                WHERE k = 'DomainNameDefinition' AND d.domain_name_definition_id = record AND g.deleted_at IS NULL
            ORDER BY 1
        LOOP
            PERFORM claim_routes(other);
        END LOOP;
        IF k = 'DomainNameDefinition' THEN
            PERFORM ensure_service(m.kubernetes_runtime_instance_id, 'external-dns', d.aws_account_id)
                FROM domain_name_instances m JOIN domain_name_definitions d ON d.id = m.domain_name_definition_id
                WHERE d.id = record AND m.deleted_at IS NULL;
        END IF;
    ELSE NULL;
    END CASE;
    PERFORM wake_dependants(k, record, true);
END $$;
