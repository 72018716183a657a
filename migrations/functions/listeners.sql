-- Shared gateways and their listeners: one for each port, protocol and hostname that is claimed.

-- The shared gateway of a cluster and class, made when it is first needed. Its row is locked, so that one transaction at a time claims routes on it.
CREATE OR REPLACE FUNCTION ensure_shared_gateway(runtime bigint, class text) RETURNS bigint LANGUAGE plpgsql AS $$
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

-- The ListenerSet for a new listener: the last one while it has room, else the first with room, else a new one. So a thousand listeners are counted
-- for one new listener of eight only. Eight in a ListenerSet, because the API server checks every pair of listeners: an apply of 64 costs it 400 ms of
-- processor time, one of 8 costs 15 ms.
CREATE OR REPLACE FUNCTION free_slot(gateway bigint) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE last int;
BEGIN
    SELECT max(slot) INTO last FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot IS NOT NULL;
    IF (SELECT count(*) FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot = last) BETWEEN 1 AND 7 THEN
        RETURN last;
    END IF;
    RETURN (WITH used AS (SELECT slot, count(*) AS listeners FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot IS NOT NULL GROUP BY slot)
        SELECT min(n) FROM generate_series(0, coalesce(last, -1) + 1) n LEFT JOIN used ON slot = n WHERE coalesce(listeners, 0) < 8);
END $$;

-- Deletes the listeners of claims that were dropped, where no other claim uses them.
CREATE OR REPLACE FUNCTION sweep_listeners(dropped route_claims[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF dropped IS NULL THEN RETURN; END IF;
    DELETE FROM gateway_listeners l USING unnest(dropped) r
        WHERE l.shared_gateway_id = r.gateway_id AND l.port = r.port AND l.protocol = r.protocol AND l.hostname = r.hostname
            AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = r.gateway_id AND c.bound_port = r.bound_port
                AND c.protocol = r.protocol AND c.hostname = r.hostname);
END $$;

-- What the listeners of a Gateway take from these claims. Two equal answers: the listeners are the same.
CREATE OR REPLACE FUNCTION listened(claims route_claims[], gateway bigint) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT concat_ws(' ', r.port, r.protocol, r.hostname, r.namespace, r.domain_name_definition_id)
        FROM unnest(claims) r WHERE r.gateway_id = gateway ORDER BY 1);
END $$;

-- Wakes a shared gateway when the claims of an instance have changed for its listeners (another path has not), and notes down which ListenerSets are
-- concerned, where it is no more than some of them.
CREATE OR REPLACE FUNCTION wake_listened(gateway bigint, before route_claims[], after route_claims[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE had text[] := listened(before, gateway); has text[] := listened(after, gateway); found int[];
BEGIN
    IF has IS NOT DISTINCT FROM had THEN RETURN; END IF;
    PERFORM wake('SharedGateway', gateway, true);
    -- What goes, or has a certificate, or stands on the Gateway itself, concerns more than a ListenerSet.
    IF NOT had <@ has OR EXISTS (SELECT FROM gateway_ports WHERE gateway_id = gateway AND protocol = 'HTTPS')
        AND EXISTS (SELECT FROM gateway_ports p CROSS JOIN unnest(after) c JOIN gateway_listeners l
            ON l.shared_gateway_id = gateway AND l.port = p.port AND l.protocol = p.protocol AND l.hostname = c.hostname
            WHERE p.gateway_id = gateway AND p.protocol = 'HTTPS')
    THEN RETURN; END IF;
    found := ARRAY(SELECT DISTINCT l.slot FROM unnest(after) c JOIN gateway_listeners l
        ON l.shared_gateway_id = gateway AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname);
    IF array_position(found, NULL) IS NULL THEN
        -- Its row is locked by the wake, so nobody else has counted on.
        INSERT INTO listener_set_wakes SELECT gateway, r.wake_seq, found FROM reconciliations r WHERE r.kind = 'SharedGateway' AND r.id = gateway;
    END IF;
END $$;
