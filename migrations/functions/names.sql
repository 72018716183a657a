-- The name of a record that workers reconcile, for events about it. Generated from the nouns by `make functions`.

CREATE OR REPLACE FUNCTION name_of(k text, record bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
CASE k
WHEN 'KubernetesRuntimeDefinition' THEN RETURN (SELECT name FROM kubernetes_runtime_definitions WHERE id = record);
WHEN 'KubernetesRuntimeInstance' THEN RETURN (SELECT name FROM kubernetes_runtime_instances WHERE id = record);
WHEN 'WorkloadDefinition' THEN RETURN (SELECT name FROM workload_definitions WHERE id = record);
WHEN 'WorkloadInstance' THEN RETURN (SELECT name FROM workload_instances WHERE id = record);
WHEN 'GatewayDefinition' THEN RETURN (SELECT name FROM gateway_definitions WHERE id = record);
WHEN 'GatewayInstance' THEN RETURN (SELECT name FROM gateway_instances WHERE id = record);
WHEN 'DomainNameInstance' THEN RETURN (SELECT name FROM domain_name_instances WHERE id = record);
WHEN 'SupportServiceInstance' THEN RETURN (SELECT name FROM support_service_instances WHERE id = record);
WHEN 'SharedGateway' THEN RETURN (SELECT name FROM shared_gateways WHERE id = record);
ELSE RETURN NULL;
END CASE;
END $$;
