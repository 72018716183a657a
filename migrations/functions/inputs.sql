-- The inputs of a reconcile, in one round trip. The functions are VOLATILE, so each of their statements sees what was committed while the one before waited for
-- a lock, as if the worker had sent them one by one; the locks last until all is read. The reads go in the order of the references between records, so
-- that a reference is never older than what it leads to. The answers are json, not jsonb: nothing takes them apart again in the database.
--
-- Who writes a definition or a domain goes on to its gateway instances. So a gateway instance is read without a lock: whoever changes it wakes it, and a reader
-- that holds it while it waits for the definition would be in that writer's way for ever. There are the same functions without any lock:
-- core/store/src/functions.rs.

-- A row, and what its reconciliation says about it.
CREATE OR REPLACE FUNCTION with_state(r json, k text, record bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE s record_state;
BEGIN
    SELECT * INTO STRICT s FROM record_state WHERE kind = k AND id = record;
    RETURN json_build_array(r, to_json(s));
END $$;

-- Documents come beside the JSON, as the bytes that they are: in JSON they would take twice the room.
CREATE OR REPLACE FUNCTION read_workload(instance bigint, OUT answer json, OUT document bytea, OUT resources bytea[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE w workload_instances; d workload_definitions;
BEGIN
    SELECT * INTO w FROM workload_instances WHERE id = instance FOR SHARE;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT * INTO STRICT d FROM workload_definitions WHERE id = w.workload_definition_id FOR SHARE;
    SELECT coalesce(array_agg(x.json_definition ORDER BY x.id), '{}') INTO resources FROM (SELECT id, json_definition
        FROM workload_resource_definitions WHERE workload_definition_id = d.id AND deleted_at IS NULL FOR SHARE) x;
    document := d.yaml_document;
    d.yaml_document := NULL;
    answer := json_build_object('instance', with_state(to_json(w), 'WorkloadInstance', w.id),
        'definition', with_state(to_json(d), 'WorkloadDefinition', d.id));
END $$;
COMMENT ON FUNCTION read_workload IS 'the inputs of a workload instance; NULL when there is none';

-- Waits for whoever has changed a support service of a cluster, or its status, or what the cluster says of its gateway classes, and hasn't committed yet. All gateway instances of the cluster are read past these
-- few rows, and others write them all the time. So none is kept: what has locked one is undone at once, before the next one is waited for. Whoever writes it
-- later finds the reader's record and wakes it.
CREATE OR REPLACE FUNCTION await_services(cluster bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE k text; record bigint;
BEGIN
    FOR k, record IN SELECT 'KubernetesRuntimeInstance', cluster
        UNION ALL SELECT 'SupportServiceInstance', id FROM support_service_instances WHERE kubernetes_runtime_instance_id = cluster AND deleted_at IS NULL LOOP
        BEGIN
            PERFORM FROM reconciliations WHERE kind = k AND id = record FOR SHARE;
            RAISE SQLSTATE 'CW001';
        EXCEPTION WHEN SQLSTATE 'CW001' THEN
            NULL;
        END;
    END LOOP;
END $$;

-- The support services come along. Whoever changes one, or its status, holds the row of its status until that is committed; it is waited for there. The shared
-- gateway is read without a lock: whoever changes it or its claims locks its row, and wakes its gateway instances in the same transaction.
CREATE OR REPLACE FUNCTION read_gateway(instance bigint, OUT answer json, OUT document bytea, OUT resources bytea[]) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    i gateway_instances; d gateway_definitions; n domain_name_definitions; a aws_accounts; g shared_gateways; workload json; ports json;
    gateway bigint; listeners json; domain_names json; services json;
    granted json; beside json; below json; domain_uses json; is_granted boolean; class_in_cluster json;
BEGIN
    SELECT * INTO i FROM gateway_instances WHERE id = instance;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT * INTO STRICT d FROM gateway_definitions WHERE id = i.gateway_definition_id FOR SHARE;
    IF d.domain_name_definition_id IS NOT NULL THEN
        SELECT * INTO STRICT n FROM domain_name_definitions WHERE id = d.domain_name_definition_id FOR SHARE;
    END IF;
    IF n.aws_account_id IS NOT NULL THEN
        SELECT * INTO STRICT a FROM aws_accounts WHERE id = n.aws_account_id FOR SHARE;
    END IF;
    SELECT r.answer, r.document, r.resources INTO workload, document, resources FROM read_workload(i.workload_instance_id) r;
    ports := children_of_gateway_definitions(d.id);
    -- Whoever changes a grant wakes the gateway instances that it is for, in the same transaction. One that is made meanwhile waits here for what becomes of it.
    SELECT coalesce(json_agg(json_build_object('workload', x.workload, 'namespace', x.namespace, 'services', x.service_names, 'kinds', x.route_kinds) ORDER BY x.id), '[]') INTO granted
        FROM (SELECT t.id, o.name AS workload, r.object_name AS namespace, t.service_names, t.route_kinds FROM gateway_grants t
            JOIN workload_instances w ON w.id = t.workload_instance_id JOIN workload_definitions o ON o.id = w.workload_definition_id
            JOIN reconciliations r ON r.kind = 'WorkloadInstance' AND r.id = w.id
            WHERE t.granted_workload_instance_id = i.workload_instance_id AND t.deleted_at IS NULL AND w.deleted_at IS NULL
                AND w.kubernetes_runtime_instance_id = i.kubernetes_runtime_instance_id FOR SHARE OF t) x;
    IF coalesce(d.placement, 'Shared') = 'Shared' THEN
        -- One that somebody has made has its listeners in its own row.
        SELECT min(c.gateway_id), json_agg(json_build_object('port', l.port, 'protocol', l.protocol, 'hostname', l.hostname, 'ordinal', s.ordinal))
            FILTER (WHERE l.port IS NOT NULL) INTO gateway, listeners FROM route_claims c LEFT JOIN gateway_listeners l
                ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname
            LEFT JOIN listener_sets s ON s.id = l.listener_set_id
            WHERE c.gateway_instance_id = instance;
        SELECT * INTO g FROM shared_gateways WHERE id = gateway;
        -- Whoever attaches holds the grant until its claims are written, so that who takes it away finds them.
        is_granted := EXISTS (SELECT FROM gateway_grants t WHERE t.shared_gateway_id = gateway AND t.granted_workload_instance_id = i.workload_instance_id
            AND t.deleted_at IS NULL);
        -- The domains of all who use its hostnames on which TLS ends, on whatever port: which of them signs is said by the rules. Only whether that one has a
        -- certificate for all its hostnames matters here, so nothing is read where no domain has.
        IF EXISTS (SELECT FROM domain_name_definitions w WHERE w.wildcard_certificate AND w.deleted_at IS NULL) THEN
            SELECT json_agg(o) INTO domain_uses FROM (SELECT DISTINCT c.hostname, c.tls_secret IS NOT NULL AS brought, w.id, w.domain,
                    coalesce(w.wildcard_certificate, false) AS wildcard
                FROM (SELECT DISTINCT m.hostname FROM route_claims m WHERE m.gateway_instance_id = instance AND m.protocol IN ('HTTPS', 'TLS')) h
                JOIN gateway_listeners l ON l.shared_gateway_id = gateway AND l.hostname = h.hostname AND l.protocol IN ('HTTPS', 'TLS')
                JOIN gateway_ports p ON p.gateway_id = gateway AND p.port = l.port AND p.transport = 'TCP'
                JOIN route_claims c ON c.gateway_id = gateway AND c.bound_port = p.bound_port AND c.protocol = l.protocol AND c.hostname = l.hostname
                JOIN domain_name_definitions w ON w.id = c.domain_name_definition_id) o;
        END IF;
        -- Whoever changes what this one loses to others wakes it, in the same transaction. What isn't read is not told.
        SELECT json_agg(o) INTO beside FROM (SELECT c.port, c.protocol, c.hostname, c.match, c.redirect, b.id, b.name
            FROM (SELECT DISTINCT m.bound_port, m.protocol, m.hostname FROM route_claims m
                WHERE m.gateway_instance_id = instance AND m.protocol IN ('HTTP', 'HTTPS')) l
            JOIN route_claims c ON c.gateway_id = gateway AND c.bound_port = l.bound_port AND c.protocol = l.protocol AND c.hostname = l.hostname
            JOIN gateway_instances b ON b.id = c.gateway_instance_id
            WHERE c.gateway_instance_id <> instance ORDER BY b.id, c.hostname, c.port, c.match LIMIT 512) o;
        -- Whoever claims a hostname below one of its wildcards takes all that is for it: one claim tells that. Most have no wildcard.
        IF EXISTS (SELECT FROM route_claims m WHERE m.gateway_instance_id = instance AND m.hostname LIKE '*.%') THEN
            SELECT json_agg(o) INTO below FROM (SELECT DISTINCT ON (b.id, c.hostname, c.port, c.protocol) c.port, c.protocol, c.hostname, c.match, c.redirect, b.id, b.name
                FROM (SELECT DISTINCT m.bound_port, substr(m.hostname, 2) AS ending FROM route_claims m
                    WHERE m.gateway_instance_id = instance AND m.hostname LIKE '*.%') l
                JOIN route_claims c ON c.gateway_id = gateway AND c.bound_port = l.bound_port AND right(c.hostname, length(l.ending)) = l.ending
                JOIN gateway_instances b ON b.id = c.gateway_instance_id
                WHERE c.gateway_instance_id <> instance AND NOT EXISTS (SELECT FROM route_claims m WHERE m.gateway_instance_id = instance
                    AND m.bound_port = c.bound_port AND m.hostname = c.hostname)
                ORDER BY b.id, c.hostname, c.port, c.protocol, c.redirect LIMIT 512) o;
        END IF;
    END IF;
    PERFORM await_services(i.kubernetes_runtime_instance_id);
    -- Whoever publishes something else of the cluster holds the row of its status, and wakes the gateways that it concerns.
    SELECT json_build_object('api', r.published_state -> 'api', 'class',
            r.published_state -> 'classes' -> CASE WHEN g.id IS NULL THEN d.gateway_class_name ELSE g.gateway_class_name END)
        INTO class_in_cluster FROM reconciliations r WHERE r.kind = 'KubernetesRuntimeInstance' AND r.id = i.kubernetes_runtime_instance_id;
    SELECT coalesce(json_agg(json_build_array(to_json(s), to_json(r)) ORDER BY s.id), '[]') INTO services FROM support_service_instances s
        JOIN record_status r ON r.kind = 'SupportServiceInstance' AND r.id = s.id
        WHERE s.kubernetes_runtime_instance_id = i.kubernetes_runtime_instance_id AND s.deleted_at IS NULL;
    -- Those that are gone count as well: answers about them may still be kept somewhere.
    SELECT coalesce(json_agg(json_build_object('id', t.id, 'name', t.name, 'reconciled', r.reconciled, 'published', coalesce(r.published_state, '{"hosts":{}}'))
            ORDER BY t.id), '[]') INTO domain_names FROM domain_name_instances t JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
        WHERE t.workload_instance_id = i.workload_instance_id AND (t.deleted_at IS NULL OR t.deleted_at > now() - interval '8 days');
    answer := json_build_object('instance', with_state(to_json(i), 'GatewayInstance', i.id),
        'definition', with_state(to_json(d), 'GatewayDefinition', d.id), 'domain', to_json(n), 'account', to_json(a), 'workload', workload,
        'ports', ports, 'granted', granted,
        'shared_gateway', CASE WHEN g.id IS NOT NULL THEN with_state(to_json(g), 'SharedGateway', g.id) END, 'is_granted', coalesce(is_granted, false),
        'listeners', coalesce(listeners, '[]'), 'domain_uses', coalesce(domain_uses, '[]'),
        'beside', coalesce(beside, '[]'), 'below', coalesce(below, '[]'), 'domain_names', domain_names, 'services', services,
        'class_in_cluster', coalesce(class_in_cluster, '{}'));
END $$;
COMMENT ON FUNCTION read_gateway IS 'the inputs of a gateway instance; NULL when there is none';

-- For a write that replaces what the definition's instances claim.
CREATE OR REPLACE FUNCTION read_gateway_definition(definition bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE d gateway_definitions; n domain_name_definitions;
BEGIN
    SELECT * INTO d FROM gateway_definitions WHERE id = definition FOR SHARE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    -- A row variable into which nothing was selected is no NULL but a row of them.
    IF d.domain_name_definition_id IS NOT NULL THEN
        SELECT * INTO STRICT n FROM domain_name_definitions WHERE id = d.domain_name_definition_id FOR SHARE;
    END IF;
    RETURN json_build_object('definition', to_json(d), 'domain', to_json(n), 'ports', children_of_gateway_definitions(d.id));
END $$;
COMMENT ON FUNCTION read_gateway_definition IS 'a gateway definition with its ports and its domain; NULL when there is none';
