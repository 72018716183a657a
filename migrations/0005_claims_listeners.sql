-- Who answers to what on which Gateway. gateway_id is the shared gateway, or the gateway instance itself when it has its own.

CREATE TABLE gateway_ports (
    gateway_id bigint NOT NULL,
    bound_port int NOT NULL,
    port int NOT NULL,
    protocol text NOT NULL,
    PRIMARY KEY (gateway_id, bound_port)
);
COMMENT ON COLUMN gateway_ports.bound_port IS 'where the proxy listens: ports below 1024 are moved up by 10000, so 80 and 10080 exclude each other';

CREATE TABLE route_claims (
    gateway_id bigint NOT NULL,
    bound_port int NOT NULL,
    protocol text NOT NULL,
    hostname text NOT NULL DEFAULT '',
    match text NOT NULL DEFAULT '',
    redirect boolean NOT NULL DEFAULT false,
    port int NOT NULL,
    gateway_instance_id bigint NOT NULL REFERENCES gateway_instances,
    -- What a listener needs of those that use it, so that a pass reads it here for a thousand of them and not from four other tables.
    namespace text NOT NULL,
    domain_name_definition_id bigint
);
COMMENT ON TABLE route_claims IS 'What each gateway instance answers to. gateway_id: the shared gateway, or the instance itself when it has its own.';
COMMENT ON COLUMN route_claims.hostname IS 'empty: every hostname';
COMMENT ON COLUMN route_claims.match IS 'the path''s beginning, without a final slash; empty for TCP';
COMMENT ON COLUMN route_claims.namespace IS 'of the routes: the name of the workload instance''s objects';
COMMENT ON COLUMN route_claims.domain_name_definition_id IS 'whose issuer signs for the hostname';
-- Two redirects of one hostname to HTTPS say the same, so both are allowed.
CREATE UNIQUE INDEX route_claims_unique ON route_claims (gateway_id, bound_port, protocol, hostname, match) WHERE NOT redirect;
CREATE INDEX route_claims_listener ON route_claims (gateway_id, bound_port, protocol, hostname);
CREATE INDEX ON route_claims (gateway_instance_id);
CREATE INDEX ON route_claims (domain_name_definition_id);

CREATE TABLE gateway_listeners (
    shared_gateway_id bigint NOT NULL REFERENCES shared_gateways,
    port int NOT NULL,
    protocol text NOT NULL,
    hostname text NOT NULL DEFAULT '',
    slot int,
    state text,
    PRIMARY KEY (shared_gateway_id, port, protocol, hostname)
);
COMMENT ON COLUMN gateway_listeners.slot IS 'number of the ListenerSet that holds it, at most 64 in one; NULL: on the Gateway itself';
COMMENT ON COLUMN gateway_listeners.state IS 'a text that changes whenever its users must look again; NULL: they have heard nothing yet';
CREATE INDEX ON gateway_listeners (shared_gateway_id, slot);
CREATE INDEX gateway_listeners_slots ON gateway_listeners (shared_gateway_id, slot) WHERE slot IS NOT NULL;

-- A listener that is added to a shared gateway changes nothing but its ListenerSet. Who adds it notes that down here, and a pass that nothing else has
-- woken looks at that ListenerSet alone.
CREATE TABLE listener_set_wakes (
    shared_gateway_id bigint NOT NULL REFERENCES shared_gateways ON DELETE CASCADE,
    wake_seq bigint NOT NULL,
    slots int[] NOT NULL,
    PRIMARY KEY (shared_gateway_id, wake_seq)
);
COMMENT ON TABLE listener_set_wakes IS 'Wakes of a shared gateway that are about some of its ListenerSets only. A wake that is not here is about all of it. Kept until a pass has looked at the whole.';
COMMENT ON COLUMN listener_set_wakes.wake_seq IS 'of reconciliations, which this wake has counted up to there';
COMMENT ON COLUMN listener_set_wakes.slots IS 'numbers of the ListenerSets';
