-- What a write of the API brings about in the same transaction. Functions, not triggers: the statements of core/store call them by name.
-- They are VOLATILE, so each of their statements sees what was committed while the write waited for its locks.

CREATE FUNCTION slug(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(nullif(trim(both '-' from left(trim(both '-' from regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')), 40)), ''), 'x')
$$;
COMMENT ON FUNCTION slug IS 'a name as a label of DNS, at most 40 characters; begins with a letter or digit';

-- Refusals carry SQLSTATE CW400 (bad request) or CW409 (conflict) and a sentence for the client.
CREATE FUNCTION refuse(code text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = sentence;
END $$;

-- The hostnames that a gateway definition answers to; one empty one when it has no domain.
CREATE FUNCTION hostnames_of(definition gateway_definitions, domain text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE host text;
BEGIN
    IF definition.hostnames IS NOT NULL AND jsonb_array_length(definition.hostnames) > 0 THEN
        FOR host IN SELECT DISTINCT h FROM jsonb_array_elements_text(definition.hostnames) h ORDER BY h LOOP
            IF domain IS NOT NULL AND host <> domain AND right(host, length(domain) + 1) <> '.' || domain THEN
                PERFORM refuse('CW400', format('Hostnames: %s is not under the domain %s', host, domain));
            END IF;
            RETURN NEXT host;
        END LOOP;
    ELSIF domain IS NULL THEN
        RETURN NEXT '';
    ELSIF definition.sub_domain IS NULL THEN
        RETURN NEXT domain;
    ELSE
        host := definition.sub_domain || '.' || domain;
        IF length(host) > 253 THEN
            PERFORM refuse('CW400', format('SubDomain: %s has %s characters; a DNS name has at most 253', host, length(host)));
        END IF;
        RETURN NEXT host;
    END IF;
END $$;

-- Makes sure that a cluster has a support service on record.
CREATE FUNCTION ensure_service(runtime bigint, wanted text, account bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE made support_service_instances;
BEGIN
    -- Two that come at once: the second waits for the first's commit, then does nothing.
    INSERT INTO support_service_instances (name, kubernetes_runtime_instance_id, service, aws_account_id)
        VALUES (wanted || '-' || runtime || coalesce('-' || account, ''), runtime, wanted, account)
        ON CONFLICT DO NOTHING RETURNING * INTO made;
    IF made.id IS NOT NULL THEN
        INSERT INTO reconciliations (kind, id, runtime_id, object_name)
            VALUES ('SupportServiceInstance', made.id, runtime, slug(wanted) || '-' || made.id);
    END IF;
END $$;

-- The shared gateway of a cluster and class, made when it is first needed; locked, so that one at a time claims routes on it.
CREATE FUNCTION ensure_shared_gateway(runtime bigint, class text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
    INSERT INTO shared_gateways (name, kubernetes_runtime_instance_id, gateway_class_name)
        VALUES ('shared-' || runtime || coalesce('-' || class, ''), runtime, class)
        ON CONFLICT DO NOTHING RETURNING id INTO made;
    IF made IS NOT NULL THEN
        INSERT INTO reconciliations (kind, id, runtime_id, object_name)
            VALUES ('SharedGateway', made, runtime, 'shared-gateway-' || made);
        RETURN made;
    END IF;
    SELECT id INTO STRICT made FROM shared_gateways
        WHERE kubernetes_runtime_instance_id = runtime AND coalesce(gateway_class_name, '') = coalesce(class, '') AND deleted_at IS NULL FOR NO KEY UPDATE;
    RETURN made;
END $$;

-- Envoy Gateway's containers may not bind ports below 1024: it moves them up by 10000.
CREATE FUNCTION bound_port(port int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN port < 1024 THEN port + 10000 ELSE port END $$;

-- Drops what a gateway instance claims, and the ports and listeners that nobody else uses.
CREATE FUNCTION unclaim_routes(instance bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE gateway bigint;
BEGIN
    FOR gateway IN SELECT DISTINCT gateway_id FROM route_claims WHERE gateway_instance_id = instance ORDER BY 1 LOOP
        PERFORM FROM shared_gateways WHERE id = gateway FOR NO KEY UPDATE;
        DELETE FROM route_claims WHERE gateway_instance_id = instance AND gateway_id = gateway;
        PERFORM sweep_listeners(gateway);
        PERFORM wake('SharedGateway', gateway, true);
    END LOOP;
END $$;

CREATE FUNCTION sweep_listeners(gateway bigint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM gateway_ports p WHERE p.gateway_id = gateway
        AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = gateway AND c.bound_port = p.bound_port);
    DELETE FROM gateway_listeners l WHERE l.shared_gateway_id = gateway
        AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = gateway AND c.bound_port = bound_port(l.port) AND c.protocol = l.protocol AND c.hostname = l.hostname);
$$;

-- Claims what a gateway instance answers to, or refuses and names the holder. Makes sure of cert-manager when that needs certificates.
CREATE FUNCTION claim_routes(instance bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    i gateway_instances; d gateway_definitions; domain text; gateway bigint; shared boolean; tls boolean := false; left_behind bigint;
    c record; p gateway_ports; holder text;
BEGIN
    SELECT * INTO i FROM gateway_instances WHERE id = instance AND deleted_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
    -- Locks on all that is read here: whoever changes it waits, and then finds this instance; or we wait, and read what he wrote.
    SELECT * INTO STRICT d FROM gateway_definitions WHERE id = i.gateway_definition_id FOR SHARE;
    IF d.domain_name_definition_id IS NOT NULL THEN
        SELECT n.domain INTO STRICT domain FROM domain_name_definitions n WHERE id = d.domain_name_definition_id FOR SHARE;
    END IF;
    shared := coalesce(d.placement, 'Shared') = 'Shared';
    IF shared THEN
        gateway := ensure_shared_gateway(i.kubernetes_runtime_instance_id, d.gateway_class_name);
        -- The Gateway always has a listener for plain HTTP on port 80.
        INSERT INTO gateway_ports VALUES (gateway, bound_port(80), 80, 'HTTP') ON CONFLICT DO NOTHING;
    ELSE
        gateway := instance;
    END IF;
    FOR left_behind IN SELECT DISTINCT r.gateway_id FROM route_claims r WHERE r.gateway_instance_id = instance AND r.gateway_id <> gateway LOOP
        DELETE FROM route_claims r WHERE r.gateway_instance_id = instance AND r.gateway_id = left_behind;
        PERFORM sweep_listeners(left_behind);
        PERFORM wake('SharedGateway', left_behind, true);
    END LOOP;
    DELETE FROM route_claims r WHERE r.gateway_instance_id = instance;
    FOR c IN
        SELECT h.port, CASE WHEN coalesce(h.tls_enabled, false) THEN 'HTTPS' ELSE 'HTTP' END AS protocol, n AS hostname,
               '/' || trim(both '/' from coalesce(h.path, '/')) AS match, coalesce(h.https_redirect, false) AS redirect
            FROM gateway_http_ports h, hostnames_of(d, domain) n WHERE h.gateway_definition_id = d.id AND h.deleted_at IS NULL
        UNION ALL
        SELECT t.port, 'TCP', '', '', false FROM gateway_tcp_ports t WHERE t.gateway_definition_id = d.id AND t.deleted_at IS NULL
        ORDER BY 1, 2, 3, 4
    LOOP
        IF c.protocol = 'HTTPS' AND c.hostname = '' THEN
            PERFORM refuse('CW400', format('TLSEnabled on port %s needs a domain on gateway definition %s: the certificate is for its hostname', c.port, d.name));
        END IF;
        INSERT INTO gateway_ports VALUES (gateway, bound_port(c.port), c.port, c.protocol)
            ON CONFLICT (gateway_id, bound_port) DO UPDATE SET port = gateway_ports.port RETURNING * INTO p;
        IF (p.port, p.protocol) IS DISTINCT FROM (c.port, c.protocol) THEN
            SELECT format('gateway instance %s', g.name) INTO holder FROM route_claims r JOIN gateway_instances g ON g.id = r.gateway_instance_id
                WHERE r.gateway_id = gateway AND r.bound_port = p.bound_port ORDER BY g.id LIMIT 1;
            PERFORM refuse('CW409', format('%s port %s can''t stand beside %s port %s of %s on one Gateway%s; take another port, or Placement Dedicated',
                c.protocol, c.port, p.protocol, p.port, coalesce(holder, 'the shared gateway itself'),
                CASE WHEN p.port <> c.port THEN format(' (the proxy binds both to %s)', p.bound_port) ELSE '' END));
        END IF;
        SELECT format('gateway instance %s (id %s)', g.name, g.id) INTO holder FROM route_claims r JOIN gateway_instances g ON g.id = r.gateway_instance_id
            WHERE r.gateway_id = gateway AND r.bound_port = p.bound_port AND r.protocol = c.protocol AND r.hostname = c.hostname AND r.match = c.match
                AND NOT (r.redirect AND c.redirect) LIMIT 1;
        IF FOUND THEN
            PERFORM refuse('CW409', format('%s%s on %s port %s is already held by %s', CASE WHEN c.protocol = 'TCP' THEN 'all traffic' WHEN c.hostname = '' THEN 'every hostname, path ' ELSE c.hostname END,
                c.match, c.protocol, c.port, holder));
        END IF;
        INSERT INTO route_claims (gateway_id, bound_port, protocol, hostname, match, redirect, port, gateway_instance_id)
            VALUES (gateway, p.bound_port, c.protocol, c.hostname, c.match, c.redirect, c.port, instance);
        tls := tls OR c.protocol = 'HTTPS';
        IF shared THEN
            INSERT INTO gateway_listeners (shared_gateway_id, port, protocol, hostname, slot)
                VALUES (gateway, c.port, c.protocol, c.hostname, CASE WHEN c.hostname <> '' THEN free_slot(gateway) END)
                ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
    PERFORM sweep_listeners(gateway);
    IF shared THEN
        PERFORM wake('SharedGateway', gateway, true);
    END IF;
    IF tls THEN
        PERFORM ensure_service(i.kubernetes_runtime_instance_id, 'cert-manager', NULL);
    END IF;
END $$;

-- The first ListenerSet of a shared gateway with room for one more (Gateway API allows 64 in one).
CREATE FUNCTION free_slot(gateway bigint) RETURNS int LANGUAGE sql STABLE AS $$
    SELECT min(n) FROM generate_series(0, (SELECT coalesce(max(slot), -1) + 1 FROM gateway_listeners WHERE shared_gateway_id = gateway)) n
        WHERE (SELECT count(*) FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot = n) < 64
$$;

-- Everything that a write of a record brings about beside the record itself. Called by the statement that writes it.
CREATE FUNCTION propagate(k text, record bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE i gateway_instances; n domain_name_instances; other bigint;
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
        FOR other IN SELECT g.id FROM gateway_instances g JOIN gateway_definitions d ON d.id = g.gateway_definition_id
            WHERE g.deleted_at IS NULL AND CASE k
                WHEN 'GatewayDefinition' THEN d.id = record
                WHEN 'GatewayHttpPort' THEN d.id = (SELECT gateway_definition_id FROM gateway_http_ports WHERE id = record)
                WHEN 'GatewayTcpPort' THEN d.id = (SELECT gateway_definition_id FROM gateway_tcp_ports WHERE id = record)
                ELSE d.domain_name_definition_id = record END
            ORDER BY g.id
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

CREATE FUNCTION same_cluster(workload bigint, runtime bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE w workload_instances;
BEGIN
    SELECT * INTO STRICT w FROM workload_instances WHERE id = workload;
    IF w.kubernetes_runtime_instance_id <> runtime THEN
        PERFORM refuse('CW400', format('KubernetesRuntimeInstanceID: workload instance %s is in another cluster (%s); name that one', w.name, w.kubernetes_runtime_instance_id));
    END IF;
END $$;

-- One more reason to look at a record; intent: what is asked for has changed, so it isn't reconciled until a pass has seen it.
CREATE FUNCTION wake(k text, record bigint, intent boolean) RETURNS void LANGUAGE sql AS $$
    UPDATE reconciliations SET generation = generation + intent::int, wake_seq = wake_seq + 1, due_at = least(due_at, now()),
        urgent = urgent OR intent, attempts = CASE WHEN intent THEN 0 ELSE attempts END
        WHERE kind = k AND id = record AND gone_at IS NULL;
$$;

-- A record that is going away takes no new dependants.
CREATE FUNCTION takes_dependants(k text, record bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse('CW409', format('%s %s is being deleted; wait until it is gone and name another one', k, record))
        FROM reconciliations WHERE kind = k AND id = record AND deletion_scheduled IS NOT NULL;
END $$;

CREATE FUNCTION attach(of_type text, of_id bigint, what_type text, what_id bigint) RETURNS bigint LANGUAGE sql AS $$
    WITH made AS (INSERT INTO attached_object_references (object_type, object_id, attached_object_type, attached_object_id)
        VALUES (of_type, of_id, what_type, what_id) ON CONFLICT DO NOTHING RETURNING id)
    SELECT id FROM made UNION ALL SELECT id FROM attached_object_references WHERE object_type = of_type AND object_id = of_id
        AND attached_object_type = what_type AND attached_object_id = what_id AND deleted_at IS NULL LIMIT 1
$$;

-- What happened to a record, as Threeport records it: the same thing again counts up the first one.
CREATE FUNCTION record_event(k text, record bigint, what text, sentence text, severity text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE e bigint; a bigint;
BEGIN
    UPDATE events SET count = count + 1, last_observed_time = now(), updated_at = now() WHERE id = (
        SELECT v.id FROM events v JOIN attached_object_references r ON r.id = v.attached_object_reference_id
        WHERE r.object_type = 'v0.' || k AND r.object_id = record AND v.reason = what AND v.type = severity AND v.note IS NOT DISTINCT FROM sentence
            AND v.deleted_at IS NULL ORDER BY v.id LIMIT 1);
    IF FOUND THEN RETURN; END IF;
    INSERT INTO events (reason, note, event_time, last_observed_time, type, reporting_controller, count)
        VALUES (what, sentence, now(), now(), severity, 'GatewayController', 1) RETURNING id INTO e;
    a := attach('v0.' || k, record, 'v0.Event', e);
    UPDATE events SET attached_object_reference_id = a WHERE id = e;
END $$;
