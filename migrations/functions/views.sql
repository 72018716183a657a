-- The functions of inputs.sql and children.sql for people who look: they lock nothing. Generated from these by `make functions`.

CREATE OR REPLACE FUNCTION view_workload(instance bigint, OUT answer json, OUT document bytea, OUT resources bytea[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE w workload_instances; d workload_definitions;
BEGIN
    SELECT * INTO w FROM workload_instances WHERE id = instance;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT * INTO STRICT d FROM workload_definitions WHERE id = w.workload_definition_id;
    SELECT coalesce(array_agg(x.json_definition ORDER BY x.id), '{}') INTO resources FROM (SELECT id, json_definition
        FROM workload_resource_definitions WHERE workload_definition_id = d.id AND deleted_at IS NULL) x;
    document := d.yaml_document;
    d.yaml_document := NULL;
    answer := json_build_object('instance', with_state(to_json(w), 'WorkloadInstance', w.id),
        'definition', with_state(to_json(d), 'WorkloadDefinition', d.id));
END $$;
COMMENT ON FUNCTION view_workload IS 'the inputs of a workload instance; NULL when there is none';

CREATE OR REPLACE FUNCTION view_gateway(instance bigint, OUT answer json, OUT document bytea, OUT resources bytea[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    i gateway_instances; d gateway_definitions; n domain_name_definitions; a aws_accounts; g shared_gateways; workload json; ports json;
    gateway bigint; listeners json; domain_names json; services json;
    granted json; beside json; domain_uses json; is_granted boolean;
BEGIN
    SELECT * INTO i FROM gateway_instances WHERE id = instance;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT * INTO STRICT d FROM gateway_definitions WHERE id = i.gateway_definition_id;
    IF d.domain_name_definition_id IS NOT NULL THEN
        SELECT * INTO STRICT n FROM domain_name_definitions WHERE id = d.domain_name_definition_id;
    END IF;
    IF n.aws_account_id IS NOT NULL THEN
        SELECT * INTO STRICT a FROM aws_accounts WHERE id = n.aws_account_id;
    END IF;
    SELECT r.answer, r.document, r.resources INTO workload, document, resources FROM view_workload(i.workload_instance_id) r;
    ports := view_children_of_gateway_definitions(d.id);
    SELECT coalesce(json_agg(json_build_object('workload', x.workload, 'namespace', x.namespace, 'services', x.service_names) ORDER BY x.id), '[]') INTO granted
        FROM (SELECT t.id, o.name AS workload, r.object_name AS namespace, t.service_names FROM gateway_grants t
            JOIN workload_instances w ON w.id = t.workload_instance_id JOIN workload_definitions o ON o.id = w.workload_definition_id
            JOIN reconciliations r ON r.kind = 'WorkloadInstance' AND r.id = w.id
            WHERE t.granted_workload_instance_id = i.workload_instance_id AND t.deleted_at IS NULL AND w.deleted_at IS NULL
                AND w.kubernetes_runtime_instance_id = i.kubernetes_runtime_instance_id) x;
    IF coalesce(d.placement, 'Shared') = 'Shared' THEN
        SELECT min(c.gateway_id), json_agg(json_build_object('port', l.port, 'protocol', l.protocol, 'hostname', l.hostname, 'ordinal', s.ordinal))
            FILTER (WHERE l.port IS NOT NULL) INTO gateway, listeners FROM route_claims c LEFT JOIN gateway_listeners l
                ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname
            LEFT JOIN listener_sets s ON s.id = l.listener_set_id
            WHERE c.gateway_instance_id = instance;
        SELECT * INTO g FROM shared_gateways WHERE id = gateway;
        is_granted := EXISTS (SELECT FROM gateway_grants t WHERE t.shared_gateway_id = gateway AND t.granted_workload_instance_id = i.workload_instance_id
            AND t.deleted_at IS NULL);
        IF EXISTS (SELECT FROM domain_name_definitions w WHERE w.wildcard_certificate AND w.deleted_at IS NULL) THEN
            SELECT json_agg(o) INTO domain_uses FROM (SELECT DISTINCT c.hostname, c.tls_secret IS NOT NULL AS brought, w.id, w.domain,
                    coalesce(w.wildcard_certificate, false) AS wildcard
                FROM (SELECT DISTINCT m.hostname FROM route_claims m WHERE m.gateway_instance_id = instance AND m.protocol IN ('HTTPS', 'TLS')) h
                JOIN gateway_listeners l ON l.shared_gateway_id = gateway AND l.hostname = h.hostname AND l.protocol IN ('HTTPS', 'TLS')
                JOIN gateway_ports p ON p.gateway_id = gateway AND p.port = l.port AND p.transport = 'TCP'
                JOIN route_claims c ON c.gateway_id = gateway AND c.bound_port = p.bound_port AND c.protocol = l.protocol AND c.hostname = l.hostname
                JOIN domain_name_definitions w ON w.id = c.domain_name_definition_id) o;
        END IF;
        SELECT json_agg(o) INTO beside FROM (SELECT c.port, c.protocol, c.hostname, c.match, c.redirect, b.id, b.name
            FROM (SELECT DISTINCT m.bound_port, m.protocol, m.hostname FROM route_claims m
                WHERE m.gateway_instance_id = instance AND m.protocol IN ('HTTP', 'HTTPS')) l
            JOIN route_claims c ON c.gateway_id = gateway AND c.bound_port = l.bound_port AND c.protocol = l.protocol AND c.hostname = l.hostname
            JOIN gateway_instances b ON b.id = c.gateway_instance_id
            WHERE c.gateway_instance_id <> instance ORDER BY b.id, c.hostname, c.port, c.match LIMIT 512) o;
    END IF;
    SELECT coalesce(json_agg(json_build_array(to_json(s), to_json(r)) ORDER BY s.id), '[]') INTO services FROM support_service_instances s
        JOIN record_status r ON r.kind = 'SupportServiceInstance' AND r.id = s.id
        WHERE s.kubernetes_runtime_instance_id = i.kubernetes_runtime_instance_id AND s.deleted_at IS NULL;
    SELECT coalesce(json_agg(json_build_object('id', t.id, 'name', t.name, 'reconciled', r.reconciled, 'published', coalesce(r.published_state, '{"hosts":{}}'))
            ORDER BY t.id), '[]') INTO domain_names FROM domain_name_instances t JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
        WHERE t.workload_instance_id = i.workload_instance_id AND (t.deleted_at IS NULL OR t.deleted_at > now() - interval '8 days');
    answer := json_build_object('instance', with_state(to_json(i), 'GatewayInstance', i.id),
        'definition', with_state(to_json(d), 'GatewayDefinition', d.id), 'domain', to_json(n), 'account', to_json(a), 'workload', workload,
        'ports', ports, 'granted', granted,
        'shared_gateway', CASE WHEN g.id IS NOT NULL THEN with_state(to_json(g), 'SharedGateway', g.id) END, 'is_granted', coalesce(is_granted, false),
        'listeners', coalesce(listeners, '[]'), 'domain_uses', coalesce(domain_uses, '[]'),
        'beside', coalesce(beside, '[]'), 'domain_names', domain_names, 'services', services);
END $$;
COMMENT ON FUNCTION view_gateway IS 'the inputs of a gateway instance; NULL when there is none';

CREATE OR REPLACE FUNCTION view_children_of_gateway_definitions(record bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE c0 json; c1 json; c2 json; c3 json; c4 json;
BEGIN
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c0 FROM (SELECT * FROM gateway_http_ports
        WHERE gateway_definition_id = record AND deleted_at IS NULL) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c1 FROM (SELECT * FROM gateway_tcp_ports
        WHERE gateway_definition_id = record AND deleted_at IS NULL) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c2 FROM (SELECT * FROM gateway_udp_ports
        WHERE gateway_definition_id = record AND deleted_at IS NULL) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c3 FROM (SELECT * FROM gateway_http_routes
        WHERE gateway_definition_id = record AND deleted_at IS NULL) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c4 FROM (SELECT * FROM gateway_grpc_routes
        WHERE gateway_definition_id = record AND deleted_at IS NULL) x;
    RETURN json_build_object('gateway_http_ports', c0, 'gateway_tcp_ports', c1, 'gateway_udp_ports', c2, 'gateway_http_routes', c3, 'gateway_grpc_routes', c4);
END $$;
