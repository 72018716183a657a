-- Which records are reconciled again when a record changes; NULL: none. Generated from core/store/src/depends/mod.rs by `make functions`.

CREATE OR REPLACE FUNCTION dependants_of(k text, record bigint, OUT kinds text[], OUT ids bigint[]) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
CASE k
WHEN 'AwsAccount' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', n.id FROM domain_name_instances n JOIN domain_name_definitions d ON d.id = n.domain_name_definition_id WHERE d.aws_account_id = record AND n.deleted_at IS NULL
    UNION SELECT 'GatewayInstance', c.gateway_instance_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record
    UNION SELECT 'SharedGateway', c.gateway_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record
    UNION SELECT 'SharedGateway', g.id FROM shared_gateways g JOIN domain_name_definitions d ON d.id = g.domain_name_definition_id WHERE d.aws_account_id = record AND g.deleted_at IS NULL
    UNION SELECT 'KubernetesRuntimeInstance', t.id FROM kubernetes_runtime_instances t JOIN kubernetes_runtime_definitions d ON d.id = t.kubernetes_runtime_definition_id WHERE t.eks_cluster_name IS NOT NULL AND t.deleted_at IS NULL AND (EXISTS (SELECT FROM aws_accounts a WHERE a.id = record AND a.name = d.infra_provider_account_name) OR NOT EXISTS (SELECT FROM aws_accounts a WHERE a.name = d.infra_provider_account_name AND a.deleted_at IS NULL))
    UNION SELECT 'SupportServiceInstance', id FROM support_service_instances WHERE aws_account_id = record AND deleted_at IS NULL) d(kind, id);
WHEN 'DomainNameDefinition' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', id FROM domain_name_instances WHERE domain_name_definition_id = record AND deleted_at IS NULL
    UNION SELECT 'GatewayInstance', g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id WHERE d.domain_name_definition_id = record AND g.deleted_at IS NULL
    UNION SELECT 'ListenerSet', l.listener_set_id FROM route_claims c JOIN gateway_listeners l ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname WHERE c.domain_name_definition_id = record AND l.listener_set_id IS NOT NULL
    UNION SELECT 'SharedGateway', gateway_id FROM route_claims WHERE domain_name_definition_id = record
    UNION SELECT 'SharedGateway', id FROM shared_gateways WHERE domain_name_definition_id = record AND deleted_at IS NULL
    UNION SELECT 'SupportServiceInstance', s.id FROM support_service_instances s WHERE s.service = 'external-dns' AND s.deleted_at IS NULL AND s.kubernetes_runtime_instance_id IN (SELECT n.kubernetes_runtime_instance_id FROM domain_name_instances n WHERE n.domain_name_definition_id = record)) d(kind, id);
WHEN 'DomainNameInstance' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', t.id FROM gateway_instances t JOIN domain_name_instances c ON c.workload_instance_id = t.workload_instance_id WHERE c.id = record AND t.deleted_at IS NULL
    UNION SELECT 'SupportServiceInstance', s.id FROM support_service_instances s JOIN domain_name_instances n ON n.kubernetes_runtime_instance_id = s.kubernetes_runtime_instance_id WHERE n.id = record AND s.service = 'external-dns' AND s.deleted_at IS NULL) d(kind, id);
WHEN 'GatewayDefinition' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.gateway_definition_id = record AND n.deleted_at IS NULL
    UNION SELECT 'GatewayInstance', id FROM gateway_instances WHERE gateway_definition_id = record AND deleted_at IS NULL) d(kind, id);
WHEN 'GatewayGrant' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', g.id FROM gateway_instances g JOIN gateway_grants t ON t.granted_workload_instance_id = g.workload_instance_id WHERE t.id = record AND g.deleted_at IS NULL
    UNION SELECT 'SharedGateway', shared_gateway_id FROM gateway_grants WHERE id = record AND shared_gateway_id IS NOT NULL) d(kind, id);
WHEN 'GatewayGrpcRoute' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', t.id FROM gateway_instances t JOIN gateway_grpc_routes c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL) d(kind, id);
WHEN 'GatewayHttpPort' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', t.id FROM gateway_instances t JOIN gateway_http_ports c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL) d(kind, id);
WHEN 'GatewayHttpRoute' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', t.id FROM gateway_instances t JOIN gateway_http_routes c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL) d(kind, id);
WHEN 'GatewayInstance' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', t.id FROM domain_name_instances t JOIN gateway_instances c ON c.workload_instance_id = t.workload_instance_id WHERE c.id = record AND t.deleted_at IS NULL
    UNION SELECT 'GatewayDefinition', gateway_definition_id FROM gateway_instances WHERE id = record AND deleted_at IS NOT NULL) d(kind, id);
WHEN 'GatewayTcpPort' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', t.id FROM gateway_instances t JOIN gateway_tcp_ports c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL) d(kind, id);
WHEN 'GatewayUdpPort' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', t.id FROM gateway_instances t JOIN gateway_udp_ports c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL) d(kind, id);
WHEN 'KubernetesRuntimeDefinition' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'KubernetesRuntimeInstance', id FROM kubernetes_runtime_instances WHERE kubernetes_runtime_definition_id = record AND eks_cluster_name IS NOT NULL AND deleted_at IS NULL) d(kind, id);
WHEN 'KubernetesRuntimeInstance' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', id FROM domain_name_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL
    UNION SELECT 'GatewayInstance', id FROM gateway_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL
    UNION SELECT 'KubernetesRuntimeDefinition', kubernetes_runtime_definition_id FROM kubernetes_runtime_instances WHERE id = record AND deleted_at IS NOT NULL
    UNION SELECT 'ListenerSet', s.id FROM listener_sets s JOIN shared_gateways g ON g.id = s.shared_gateway_id WHERE g.kubernetes_runtime_instance_id = record AND s.deleted_at IS NULL
    UNION SELECT 'SharedGateway', id FROM shared_gateways WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL
    UNION SELECT 'SupportServiceInstance', id FROM support_service_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL
    UNION SELECT 'WorkloadInstance', id FROM workload_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) d(kind, id);
WHEN 'ListenerSet' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'SharedGateway', shared_gateway_id FROM listener_sets WHERE id = record) d(kind, id);
WHEN 'SharedGateway' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id JOIN route_claims c ON c.gateway_instance_id = g.id WHERE c.gateway_id = record AND n.deleted_at IS NULL
    UNION SELECT 'GatewayInstance', gateway_instance_id FROM route_claims WHERE gateway_id = record
    UNION SELECT 'ListenerSet', id FROM listener_sets WHERE shared_gateway_id = record AND deleted_at IS NULL
    UNION SELECT 'KubernetesRuntimeInstance', kubernetes_runtime_instance_id FROM shared_gateways WHERE id = record AND deleted_at IS NOT NULL) d(kind, id);
WHEN 'SupportServiceInstance' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'ListenerSet', l.id FROM listener_sets l JOIN shared_gateways g ON g.id = l.shared_gateway_id JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND l.deleted_at IS NULL
    UNION SELECT 'GatewayInstance', g.id FROM gateway_instances g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND g.deleted_at IS NULL
    UNION SELECT 'DomainNameInstance', n.id FROM domain_name_instances n JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = n.kubernetes_runtime_instance_id WHERE s.id = record AND s.service = 'external-dns' AND n.deleted_at IS NULL
    UNION SELECT 'KubernetesRuntimeInstance', kubernetes_runtime_instance_id FROM support_service_instances WHERE id = record AND deleted_at IS NOT NULL
    UNION SELECT 'SharedGateway', g.id FROM shared_gateways g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND g.deleted_at IS NULL
    UNION SELECT 'SupportServiceInstance', o.id FROM support_service_instances o JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = o.kubernetes_runtime_instance_id WHERE s.id = record AND o.id <> record AND o.deleted_at IS NULL) d(kind, id);
WHEN 'WorkloadDefinition' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id WHERE w.workload_definition_id = record AND g.deleted_at IS NULL
    UNION SELECT 'GatewayInstance', g.id FROM gateway_instances g JOIN gateway_grants t ON t.granted_workload_instance_id = g.workload_instance_id JOIN workload_instances w ON w.id = t.workload_instance_id WHERE w.workload_definition_id = record AND t.deleted_at IS NULL AND g.deleted_at IS NULL
    UNION SELECT 'WorkloadInstance', id FROM workload_instances WHERE workload_definition_id = record AND deleted_at IS NULL) d(kind, id);
WHEN 'WorkloadInstance' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'DomainNameInstance', id FROM domain_name_instances WHERE workload_instance_id = record AND deleted_at IS NULL
    UNION SELECT 'GatewayInstance', id FROM gateway_instances WHERE workload_instance_id = record AND deleted_at IS NULL
    UNION SELECT 'SharedGateway', c.gateway_id FROM route_claims c JOIN gateway_instances g ON g.id = c.gateway_instance_id WHERE g.workload_instance_id = record AND g.shared_gateway_id IS NOT NULL
    UNION SELECT 'WorkloadDefinition', workload_definition_id FROM workload_instances WHERE id = record AND deleted_at IS NOT NULL) d(kind, id);
WHEN 'WorkloadResourceDefinition' THEN SELECT array_agg(kind), array_agg(id) INTO kinds, ids FROM (SELECT 'GatewayInstance', g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND g.deleted_at IS NULL
    UNION SELECT 'WorkloadInstance', t.id FROM workload_instances t JOIN workload_resource_definitions c ON c.workload_definition_id = t.workload_definition_id WHERE c.id = record AND t.deleted_at IS NULL) d(kind, id);
ELSE NULL;
END CASE;
END $$;

-- Whether there is any. Asked for a row that is locked, it sees all that were committed while the statement waited for the lock.
CREATE OR REPLACE FUNCTION has_dependants(k text, record bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
CASE k
WHEN 'AwsAccount' THEN RETURN EXISTS (SELECT n.id FROM domain_name_instances n JOIN domain_name_definitions d ON d.id = n.domain_name_definition_id WHERE d.aws_account_id = record AND n.deleted_at IS NULL)
    OR EXISTS (SELECT c.gateway_instance_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record)
    OR EXISTS (SELECT c.gateway_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record)
    OR EXISTS (SELECT g.id FROM shared_gateways g JOIN domain_name_definitions d ON d.id = g.domain_name_definition_id WHERE d.aws_account_id = record AND g.deleted_at IS NULL)
    OR EXISTS (SELECT t.id FROM kubernetes_runtime_instances t JOIN kubernetes_runtime_definitions d ON d.id = t.kubernetes_runtime_definition_id WHERE t.eks_cluster_name IS NOT NULL AND t.deleted_at IS NULL AND (EXISTS (SELECT FROM aws_accounts a WHERE a.id = record AND a.name = d.infra_provider_account_name) OR NOT EXISTS (SELECT FROM aws_accounts a WHERE a.name = d.infra_provider_account_name AND a.deleted_at IS NULL)))
    OR EXISTS (SELECT id FROM support_service_instances WHERE aws_account_id = record AND deleted_at IS NULL);
WHEN 'DomainNameDefinition' THEN RETURN EXISTS (SELECT id FROM domain_name_instances WHERE domain_name_definition_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id WHERE d.domain_name_definition_id = record AND g.deleted_at IS NULL)
    OR EXISTS (SELECT l.listener_set_id FROM route_claims c JOIN gateway_listeners l ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname WHERE c.domain_name_definition_id = record AND l.listener_set_id IS NOT NULL)
    OR EXISTS (SELECT gateway_id FROM route_claims WHERE domain_name_definition_id = record)
    OR EXISTS (SELECT id FROM shared_gateways WHERE domain_name_definition_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT s.id FROM support_service_instances s WHERE s.service = 'external-dns' AND s.deleted_at IS NULL AND s.kubernetes_runtime_instance_id IN (SELECT n.kubernetes_runtime_instance_id FROM domain_name_instances n WHERE n.domain_name_definition_id = record));
WHEN 'DomainNameInstance' THEN RETURN EXISTS (SELECT t.id FROM gateway_instances t JOIN domain_name_instances c ON c.workload_instance_id = t.workload_instance_id WHERE c.id = record AND t.deleted_at IS NULL)
    OR EXISTS (SELECT s.id FROM support_service_instances s JOIN domain_name_instances n ON n.kubernetes_runtime_instance_id = s.kubernetes_runtime_instance_id WHERE n.id = record AND s.service = 'external-dns' AND s.deleted_at IS NULL);
WHEN 'GatewayDefinition' THEN RETURN EXISTS (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.gateway_definition_id = record AND n.deleted_at IS NULL)
    OR EXISTS (SELECT id FROM gateway_instances WHERE gateway_definition_id = record AND deleted_at IS NULL);
WHEN 'GatewayGrant' THEN RETURN EXISTS (SELECT g.id FROM gateway_instances g JOIN gateway_grants t ON t.granted_workload_instance_id = g.workload_instance_id WHERE t.id = record AND g.deleted_at IS NULL)
    OR EXISTS (SELECT shared_gateway_id FROM gateway_grants WHERE id = record AND shared_gateway_id IS NOT NULL);
WHEN 'GatewayGrpcRoute' THEN RETURN EXISTS (SELECT t.id FROM gateway_instances t JOIN gateway_grpc_routes c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL);
WHEN 'GatewayHttpPort' THEN RETURN EXISTS (SELECT t.id FROM gateway_instances t JOIN gateway_http_ports c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL);
WHEN 'GatewayHttpRoute' THEN RETURN EXISTS (SELECT t.id FROM gateway_instances t JOIN gateway_http_routes c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL);
WHEN 'GatewayInstance' THEN RETURN EXISTS (SELECT t.id FROM domain_name_instances t JOIN gateway_instances c ON c.workload_instance_id = t.workload_instance_id WHERE c.id = record AND t.deleted_at IS NULL)
    OR EXISTS (SELECT gateway_definition_id FROM gateway_instances WHERE id = record AND deleted_at IS NOT NULL);
WHEN 'GatewayTcpPort' THEN RETURN EXISTS (SELECT t.id FROM gateway_instances t JOIN gateway_tcp_ports c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL);
WHEN 'GatewayUdpPort' THEN RETURN EXISTS (SELECT t.id FROM gateway_instances t JOIN gateway_udp_ports c ON c.gateway_definition_id = t.gateway_definition_id WHERE c.id = record AND t.deleted_at IS NULL);
WHEN 'KubernetesRuntimeDefinition' THEN RETURN EXISTS (SELECT id FROM kubernetes_runtime_instances WHERE kubernetes_runtime_definition_id = record AND eks_cluster_name IS NOT NULL AND deleted_at IS NULL);
WHEN 'KubernetesRuntimeInstance' THEN RETURN EXISTS (SELECT id FROM domain_name_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT id FROM gateway_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT kubernetes_runtime_definition_id FROM kubernetes_runtime_instances WHERE id = record AND deleted_at IS NOT NULL)
    OR EXISTS (SELECT s.id FROM listener_sets s JOIN shared_gateways g ON g.id = s.shared_gateway_id WHERE g.kubernetes_runtime_instance_id = record AND s.deleted_at IS NULL)
    OR EXISTS (SELECT id FROM shared_gateways WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT id FROM support_service_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT id FROM workload_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL);
WHEN 'ListenerSet' THEN RETURN EXISTS (SELECT shared_gateway_id FROM listener_sets WHERE id = record);
WHEN 'SharedGateway' THEN RETURN EXISTS (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id JOIN route_claims c ON c.gateway_instance_id = g.id WHERE c.gateway_id = record AND n.deleted_at IS NULL)
    OR EXISTS (SELECT gateway_instance_id FROM route_claims WHERE gateway_id = record)
    OR EXISTS (SELECT id FROM listener_sets WHERE shared_gateway_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT kubernetes_runtime_instance_id FROM shared_gateways WHERE id = record AND deleted_at IS NOT NULL);
WHEN 'SupportServiceInstance' THEN RETURN EXISTS (SELECT l.id FROM listener_sets l JOIN shared_gateways g ON g.id = l.shared_gateway_id JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND l.deleted_at IS NULL)
    OR EXISTS (SELECT g.id FROM gateway_instances g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND g.deleted_at IS NULL)
    OR EXISTS (SELECT n.id FROM domain_name_instances n JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = n.kubernetes_runtime_instance_id WHERE s.id = record AND s.service = 'external-dns' AND n.deleted_at IS NULL)
    OR EXISTS (SELECT kubernetes_runtime_instance_id FROM support_service_instances WHERE id = record AND deleted_at IS NOT NULL)
    OR EXISTS (SELECT g.id FROM shared_gateways g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND s.service <> 'external-dns' AND g.deleted_at IS NULL)
    OR EXISTS (SELECT o.id FROM support_service_instances o JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = o.kubernetes_runtime_instance_id WHERE s.id = record AND o.id <> record AND o.deleted_at IS NULL);
WHEN 'WorkloadDefinition' THEN RETURN EXISTS (SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id WHERE w.workload_definition_id = record AND g.deleted_at IS NULL)
    OR EXISTS (SELECT g.id FROM gateway_instances g JOIN gateway_grants t ON t.granted_workload_instance_id = g.workload_instance_id JOIN workload_instances w ON w.id = t.workload_instance_id WHERE w.workload_definition_id = record AND t.deleted_at IS NULL AND g.deleted_at IS NULL)
    OR EXISTS (SELECT id FROM workload_instances WHERE workload_definition_id = record AND deleted_at IS NULL);
WHEN 'WorkloadInstance' THEN RETURN EXISTS (SELECT id FROM domain_name_instances WHERE workload_instance_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT id FROM gateway_instances WHERE workload_instance_id = record AND deleted_at IS NULL)
    OR EXISTS (SELECT c.gateway_id FROM route_claims c JOIN gateway_instances g ON g.id = c.gateway_instance_id WHERE g.workload_instance_id = record AND g.shared_gateway_id IS NOT NULL)
    OR EXISTS (SELECT workload_definition_id FROM workload_instances WHERE id = record AND deleted_at IS NOT NULL);
WHEN 'WorkloadResourceDefinition' THEN RETURN EXISTS (SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND g.deleted_at IS NULL)
    OR EXISTS (SELECT t.id FROM workload_instances t JOIN workload_resource_definitions c ON c.workload_definition_id = t.workload_definition_id WHERE c.id = record AND t.deleted_at IS NULL);
ELSE RETURN false;
END CASE;
END $$;
