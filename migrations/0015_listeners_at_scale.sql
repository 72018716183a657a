-- A gateway that is added to a thousand on one shared gateway, or changed there, costs what it changes. And credentials of an AWS account that change
-- reach the issuers that use them: shared gateways and gateway instances were not woken.

-- With what a listener needs of its users, nobody has to ask four other tables for a thousand of them.
ALTER TABLE route_claims ADD COLUMN namespace text, ADD COLUMN domain_name_definition_id bigint;
UPDATE route_claims c SET namespace = w.object_name, domain_name_definition_id = d.domain_name_definition_id
    FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id
        JOIN reconciliations w ON w.kind = 'WorkloadInstance' AND w.id = g.workload_instance_id
    WHERE g.id = c.gateway_instance_id;
ALTER TABLE route_claims ALTER COLUMN namespace SET NOT NULL;
COMMENT ON COLUMN route_claims.namespace IS 'of the routes: the name of the workload instance''s objects';
COMMENT ON COLUMN route_claims.domain_name_definition_id IS 'whose issuer signs for the hostname';
CREATE INDEX ON route_claims (domain_name_definition_id);

DROP TRIGGER claims_dropped ON route_claims;
DROP FUNCTION claims_dropped();
DROP FUNCTION sweep_listeners(bigint);

-- Drops what a gateway instance claims and the ports that nobody else uses, which may speak another protocol from now on. The listeners stay until
-- it is known what is claimed instead, so that they keep their ListenerSets.
CREATE FUNCTION drop_claims(instance bigint) RETURNS route_claims[] LANGUAGE plpgsql AS $$
DECLARE dropped route_claims[];
BEGIN
    WITH gone AS (DELETE FROM route_claims r WHERE r.gateway_instance_id = instance RETURNING r AS claim) SELECT array_agg(claim) INTO dropped FROM gone;
    IF dropped IS NOT NULL THEN
        DELETE FROM gateway_ports p USING unnest(dropped) r WHERE p.gateway_id = r.gateway_id AND p.bound_port = r.bound_port
            AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port);
    END IF;
    RETURN dropped;
END $$;

-- Takes away the listeners of claims that were dropped, where nobody else uses them.
CREATE FUNCTION sweep_listeners(dropped route_claims[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF dropped IS NULL THEN RETURN; END IF;
    DELETE FROM gateway_listeners l USING unnest(dropped) r
        WHERE l.shared_gateway_id = r.gateway_id AND l.port = r.port AND l.protocol = r.protocol AND l.hostname = r.hostname
            AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = r.gateway_id AND c.bound_port = r.bound_port
                AND c.protocol = r.protocol AND c.hostname = r.hostname);
END $$;

-- What the listeners of a Gateway have from these claims.
CREATE FUNCTION listened(claims route_claims[], gateway bigint) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT concat_ws(' ', r.port, r.protocol, r.hostname, r.namespace, r.domain_name_definition_id)
        FROM unnest(claims) r WHERE r.gateway_id = gateway ORDER BY 1);
END $$;

CREATE OR REPLACE FUNCTION unclaim_routes(instance bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE gateways bigint[]; gateway bigint;
BEGIN
    gateways := ARRAY(SELECT DISTINCT gateway_id FROM route_claims WHERE gateway_instance_id = instance ORDER BY 1);
    FOREACH gateway IN ARRAY gateways LOOP
        PERFORM FROM shared_gateways WHERE id = gateway FOR NO KEY UPDATE;
    END LOOP;
    PERFORM sweep_listeners(drop_claims(instance));
    FOREACH gateway IN ARRAY gateways LOOP
        PERFORM wake('SharedGateway', gateway, true);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION claim_routes(instance bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    i gateway_instances; d gateway_definitions; domain text; namespace text; gateway bigint; shared boolean; tls boolean := false; left_behind bigint;
    dropped route_claims[]; made route_claims[]; c record; p gateway_ports; holder text;
BEGIN
    -- Its row may be going in this moment: then it claims nothing any more.
    SELECT * INTO i FROM gateway_instances WHERE id = instance AND deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN; END IF;
    -- Locks on all that is read here: whoever changes it waits, and then finds this instance; or we wait, and read what he wrote.
    SELECT * INTO STRICT d FROM gateway_definitions WHERE id = i.gateway_definition_id FOR SHARE;
    IF d.domain_name_definition_id IS NOT NULL THEN
        SELECT n.domain INTO STRICT domain FROM domain_name_definitions n WHERE id = d.domain_name_definition_id FOR SHARE;
    END IF;
    PERFORM hostnames_of(d, domain);
    SELECT object_name INTO STRICT namespace FROM reconciliations WHERE kind = 'WorkloadInstance' AND id = i.workload_instance_id;
    shared := coalesce(d.placement, 'Shared') = 'Shared';
    IF shared THEN
        gateway := ensure_shared_gateway(i.kubernetes_runtime_instance_id, d.gateway_class_name);
    ELSE
        gateway := instance;
    END IF;
    dropped := drop_claims(instance);
    IF shared THEN
        -- The Gateway always has a listener for plain HTTP on port 80.
        INSERT INTO gateway_ports VALUES (gateway, bound_port(80), 80, 'HTTP') ON CONFLICT DO NOTHING;
    END IF;
    FOR c IN
        SELECT h.port, CASE WHEN coalesce(h.tls_enabled, false) THEN 'HTTPS' ELSE 'HTTP' END AS protocol, n AS hostname,
               '/' || trim(both '/' from coalesce(h.path, '/')) AS match, coalesce(h.https_redirect, false) AS redirect
            FROM gateway_http_ports h, hostnames_of(d, domain) n WHERE h.gateway_definition_id = d.id AND h.deleted_at IS NULL
        UNION ALL
        SELECT t.port, 'TCP', '', '', false FROM gateway_tcp_ports t WHERE t.gateway_definition_id = d.id AND t.deleted_at IS NULL
        ORDER BY 1, 2, 3, 4
    LOOP
        IF c.protocol = 'HTTPS' AND c.hostname = '' THEN
            PERFORM refuse('CW400', 'InvalidField', 'TLSEnabled', format('port %s needs a domain on gateway definition %s: the certificate is for its hostname', c.port, d.name));
        END IF;
        INSERT INTO gateway_ports VALUES (gateway, bound_port(c.port), c.port, c.protocol)
            ON CONFLICT (gateway_id, bound_port) DO UPDATE SET port = gateway_ports.port RETURNING * INTO p;
        IF (p.port, p.protocol) IS DISTINCT FROM (c.port, c.protocol) THEN
            SELECT format('gateway instance %s', g.name) INTO holder FROM route_claims r JOIN gateway_instances g ON g.id = r.gateway_instance_id
                WHERE r.gateway_id = gateway AND r.bound_port = p.bound_port ORDER BY g.id LIMIT 1;
            PERFORM refuse('CW409', 'PortTaken', NULL, format('%s port %s can''t stand beside %s port %s of %s on one Gateway%s; take another port, or Placement Dedicated',
                c.protocol, c.port, p.protocol, p.port, coalesce(holder, 'the shared gateway itself'),
                CASE WHEN p.port <> c.port THEN format(' (the proxy binds both to %s)', p.bound_port) ELSE '' END));
        END IF;
        SELECT format('gateway instance %s (id %s)', g.name, g.id) INTO holder FROM route_claims r JOIN gateway_instances g ON g.id = r.gateway_instance_id
            WHERE r.gateway_id = gateway AND r.bound_port = p.bound_port AND r.protocol = c.protocol AND r.hostname = c.hostname AND r.match = c.match
                AND NOT (r.redirect AND c.redirect) LIMIT 1;
        IF FOUND THEN
            PERFORM refuse('CW409', 'RouteTaken', NULL, format('%s%s on %s port %s is already held by %s', CASE WHEN c.protocol = 'TCP' THEN 'all traffic' WHEN c.hostname = '' THEN 'every hostname, path ' ELSE c.hostname END,
                c.match, c.protocol, c.port, holder));
        END IF;
        INSERT INTO route_claims (gateway_id, bound_port, protocol, hostname, match, redirect, port, gateway_instance_id, namespace, domain_name_definition_id)
            VALUES (gateway, p.bound_port, c.protocol, c.hostname, c.match, c.redirect, c.port, instance, namespace, d.domain_name_definition_id);
        tls := tls OR c.protocol = 'HTTPS';
        IF shared THEN
            INSERT INTO gateway_listeners (shared_gateway_id, port, protocol, hostname, slot)
                VALUES (gateway, c.port, c.protocol, c.hostname, CASE WHEN c.hostname <> '' THEN free_slot(gateway) END)
                ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
    PERFORM sweep_listeners(dropped);
    FOR left_behind IN SELECT DISTINCT r.gateway_id FROM unnest(dropped) r WHERE r.gateway_id <> gateway ORDER BY 1 LOOP
        PERFORM wake('SharedGateway', left_behind, true);
    END LOOP;
    IF shared THEN
        SELECT array_agg(r) INTO made FROM route_claims r WHERE r.gateway_instance_id = instance;
        -- Another path is nothing to a listener.
        IF listened(made, gateway) IS DISTINCT FROM listened(dropped, gateway) THEN
            PERFORM wake('SharedGateway', gateway, true);
        END IF;
    END IF;
    IF tls THEN
        PERFORM ensure_service(i.kubernetes_runtime_instance_id, 'cert-manager', NULL);
    END IF;
END $$;

-- As before, but that each kind of change finds its gateway instances by an index.
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

-- Generated from the table in core/store/src/depends.rs.
CREATE OR REPLACE FUNCTION wake_dependants(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql VOLATILE AS $$ BEGIN
CASE k
WHEN 'AwsAccount' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT n.id FROM domain_name_instances n JOIN domain_name_definitions d ON d.id = n.domain_name_definition_id WHERE d.aws_account_id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT c.gateway_instance_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record) x(id)
        UNION SELECT 'SharedGateway' AS kind, x.id FROM (SELECT c.gateway_id FROM route_claims c JOIN domain_name_definitions d ON d.id = c.domain_name_definition_id WHERE d.aws_account_id = record) x(id)
        UNION SELECT 'SupportServiceInstance' AS kind, x.id FROM (SELECT id FROM support_service_instances WHERE aws_account_id = record AND deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'DomainNameDefinition' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT id FROM domain_name_instances WHERE domain_name_definition_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id WHERE d.domain_name_definition_id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'SharedGateway' AS kind, x.id FROM (SELECT gateway_id FROM route_claims WHERE domain_name_definition_id = record) x(id)
        UNION SELECT 'SupportServiceInstance' AS kind, x.id FROM (SELECT s.id FROM support_service_instances s WHERE s.service = 'external-dns' AND s.deleted_at IS NULL AND s.kubernetes_runtime_instance_id IN (SELECT n.kubernetes_runtime_instance_id FROM domain_name_instances n WHERE n.domain_name_definition_id = record)) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'DomainNameInstance' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN domain_name_instances n ON n.workload_instance_id = g.workload_instance_id WHERE n.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'SupportServiceInstance' AS kind, x.id FROM (SELECT s.id FROM support_service_instances s JOIN domain_name_instances n ON n.kubernetes_runtime_instance_id = s.kubernetes_runtime_instance_id WHERE n.id = record AND s.service = 'external-dns' AND s.deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'GatewayDefinition' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.gateway_definition_id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT id FROM gateway_instances WHERE gateway_definition_id = record AND deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'GatewayHttpPort' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_http_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'GatewayInstance' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id WHERE g.id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayDefinition' AS kind, x.id FROM (SELECT gateway_definition_id FROM gateway_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'GatewayTcpPort' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN gateway_tcp_ports p ON p.gateway_definition_id = g.gateway_definition_id WHERE p.id = record AND g.deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'KubernetesRuntimeInstance' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT id FROM domain_name_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT id FROM gateway_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'KubernetesRuntimeDefinition' AS kind, x.id FROM (SELECT kubernetes_runtime_definition_id FROM kubernetes_runtime_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
        UNION SELECT 'SharedGateway' AS kind, x.id FROM (SELECT id FROM shared_gateways WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'SupportServiceInstance' AS kind, x.id FROM (SELECT id FROM support_service_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadInstance' AS kind, x.id FROM (SELECT id FROM workload_instances WHERE kubernetes_runtime_instance_id = record AND deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'SharedGateway' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT n.id FROM domain_name_instances n JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id JOIN route_claims c ON c.gateway_instance_id = g.id WHERE c.gateway_id = record AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT DISTINCT gateway_instance_id FROM route_claims WHERE gateway_id = record) x(id)
        UNION SELECT 'KubernetesRuntimeInstance' AS kind, x.id FROM (SELECT kubernetes_runtime_instance_id FROM shared_gateways WHERE id = record AND deleted_at IS NOT NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'SupportServiceInstance' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT n.id FROM domain_name_instances n JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = n.kubernetes_runtime_instance_id WHERE s.id = record AND s.service = 'external-dns' AND n.deleted_at IS NULL) x(id)
        UNION SELECT 'KubernetesRuntimeInstance' AS kind, x.id FROM (SELECT kubernetes_runtime_instance_id FROM support_service_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
        UNION SELECT 'SharedGateway' AS kind, x.id FROM (SELECT g.id FROM shared_gateways g JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = g.kubernetes_runtime_instance_id WHERE s.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'SupportServiceInstance' AS kind, x.id FROM (SELECT o.id FROM support_service_instances o JOIN support_service_instances s ON s.kubernetes_runtime_instance_id = o.kubernetes_runtime_instance_id WHERE s.id = record AND o.id <> record AND o.deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'WorkloadDefinition' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id WHERE w.workload_definition_id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadInstance' AS kind, x.id FROM (SELECT id FROM workload_instances WHERE workload_definition_id = record AND deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'WorkloadInstance' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'DomainNameInstance' AS kind, x.id FROM (SELECT id FROM domain_name_instances WHERE workload_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT id FROM gateway_instances WHERE workload_instance_id = record AND deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadDefinition' AS kind, x.id FROM (SELECT workload_definition_id FROM workload_instances WHERE id = record AND deleted_at IS NOT NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
WHEN 'WorkloadResourceDefinition' THEN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()), urgent = r.urgent OR intent,
        attempts = CASE WHEN intent THEN 0 ELSE r.attempts END
    FROM (SELECT r.kind, r.id FROM reconciliations r JOIN (
        SELECT 'GatewayInstance' AS kind, x.id FROM (SELECT g.id FROM gateway_instances g JOIN workload_instances w ON w.id = g.workload_instance_id JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND g.deleted_at IS NULL) x(id)
        UNION SELECT 'WorkloadInstance' AS kind, x.id FROM (SELECT w.id FROM workload_instances w JOIN workload_resource_definitions d ON d.workload_definition_id = w.workload_definition_id WHERE d.id = record AND w.deleted_at IS NULL) x(id)
    ) d USING (kind, id) WHERE r.gone_at IS NULL ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
ELSE NULL;
END CASE;
END $$;
