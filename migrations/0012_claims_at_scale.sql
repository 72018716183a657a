-- A gateway that is added to thousands on one shared gateway costs what it adds, not what is there.

-- Looking a claim or a listener's users up.
CREATE INDEX route_claims_listener ON route_claims (gateway_id, bound_port, protocol, hostname);

-- Ports and listeners are left without a claim only by a transaction that drops one: others need not look for any.
CREATE FUNCTION claims_dropped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM dropped) THEN
        PERFORM set_config('causeway.claims_dropped', 'yes', true);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER claims_dropped AFTER DELETE ON route_claims REFERENCING OLD TABLE AS dropped FOR EACH STATEMENT EXECUTE FUNCTION claims_dropped();

CREATE OR REPLACE FUNCTION sweep_listeners(gateway bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('causeway.claims_dropped', true), '') <> 'yes' THEN RETURN; END IF;
    DELETE FROM gateway_ports p WHERE p.gateway_id = gateway
        AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = gateway AND c.bound_port = p.bound_port);
    DELETE FROM gateway_listeners l WHERE l.shared_gateway_id = gateway
        AND NOT EXISTS (SELECT FROM route_claims c WHERE c.gateway_id = gateway AND c.bound_port = bound_port(l.port) AND c.protocol = l.protocol AND c.hostname = l.hostname);
END $$;

-- Counts the listeners of all sets once, instead of once for each set.
CREATE OR REPLACE FUNCTION free_slot(gateway bigint) RETURNS int LANGUAGE sql STABLE AS $$
    WITH used AS (SELECT slot, count(*) AS listeners FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot IS NOT NULL GROUP BY slot)
    SELECT min(n) FROM generate_series(0, (SELECT coalesce(max(slot), -1) + 1 FROM used)) n LEFT JOIN used ON slot = n WHERE coalesce(listeners, 0) < 64
$$;
