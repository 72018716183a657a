-- Route claims: which gateway instance answers to which port, hostname and path on which Gateway.

-- Writes the claims of a gateway instance anew from its definition, or refuses and names the holder of a claim that is in the way. What follows from
-- the claims is written too: ports and listeners of the Gateway, the wake of the shared gateway, and cert-manager when there is a certificate.
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
        PERFORM wake_listened(gateway, dropped, made);
    END IF;
    IF tls THEN
        PERFORM ensure_service(i.kubernetes_runtime_instance_id, 'cert-manager', NULL);
    END IF;
END $$;

-- Deletes the claims of a gateway instance and the ports that no other instance uses, which may speak another protocol from now on. The listeners
-- stay until it is known what is claimed instead, so that they keep their ListenerSets; see sweep_listeners.
CREATE OR REPLACE FUNCTION drop_claims(instance bigint) RETURNS route_claims[] LANGUAGE plpgsql AS $$
DECLARE dropped route_claims[];
BEGIN
    WITH gone AS (DELETE FROM route_claims r WHERE r.gateway_instance_id = instance RETURNING r AS claim) SELECT array_agg(claim) INTO dropped FROM gone;
    IF dropped IS NOT NULL THEN
        DELETE FROM gateway_ports p USING unnest(dropped) r WHERE p.gateway_id = r.gateway_id AND p.bound_port = r.bound_port
            AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port);
    END IF;
    RETURN dropped;
END $$;

-- Deletes the claims of a gateway instance that is gone, and all that only it has used.
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
