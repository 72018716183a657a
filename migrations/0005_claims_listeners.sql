-- Who answers to what on which Gateway. gateway_id is the shared gateway, or the gateway instance itself when it has its own.

CREATE TABLE gateway_ports (
    gateway_id bigint NOT NULL,
    bound_port int NOT NULL,
    transport text NOT NULL,
    port int NOT NULL,
    protocol text NOT NULL,
    PRIMARY KEY (gateway_id, bound_port, transport)
);
COMMENT ON TABLE gateway_ports IS 'Each port of a Gateway with what clients begin with there: one for TCP, and one for UDP.';
COMMENT ON COLUMN gateway_ports.protocol IS 'HTTP, TCP, UDP, or TLS, which stands for HTTPS, too: their listeners can share a port';
COMMENT ON COLUMN gateway_ports.transport IS 'TCP or UDP: what carries the protocol. A proxy can bind a number for both';
COMMENT ON COLUMN gateway_ports.bound_port IS 'where the proxy listens, as the gateway driver says: no two ports of a Gateway and transport have the same';

CREATE TABLE route_claims (
    gateway_id bigint NOT NULL,
    bound_port int NOT NULL,
    protocol text NOT NULL,
    hostname text NOT NULL DEFAULT '',
    match text NOT NULL DEFAULT '',
    grpc boolean NOT NULL DEFAULT false,
    redirect boolean NOT NULL DEFAULT false,
    port int NOT NULL,
    gateway_instance_id bigint NOT NULL REFERENCES gateway_instances,
    -- What a listener needs of those that use it, so that a reconcile reads it here for a thousand of them and not from four other tables.
    namespace text NOT NULL,
    domain_name_definition_id bigint
);
COMMENT ON TABLE route_claims IS 'What each gateway instance answers to. gateway_id: the shared gateway, or the instance itself when it has its own.';
COMMENT ON COLUMN route_claims.hostname IS 'empty: every hostname';
COMMENT ON COLUMN route_claims.match IS 'which requests: the path''s beginning, without a final slash, or all that a rule demands, in one order; empty where the proxy sees no requests';
COMMENT ON COLUMN route_claims.grpc IS 'a route of gRPC: a listener has routes of HTTP or of gRPC, not of both';
COMMENT ON COLUMN route_claims.namespace IS 'of the routes: the name of the workload instance''s objects';
COMMENT ON COLUMN route_claims.domain_name_definition_id IS 'whose issuer signs for the hostname';
-- Two redirects of one hostname to HTTPS say the same, so both are allowed.
CREATE UNIQUE INDEX route_claims_unique ON route_claims (gateway_id, bound_port, protocol, hostname, match) WHERE NOT redirect;
CREATE INDEX route_claims_listener ON route_claims (gateway_id, bound_port, protocol, hostname);
CREATE INDEX ON route_claims (gateway_instance_id);
CREATE INDEX ON route_claims (domain_name_definition_id);

CREATE TABLE listener_sets (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    shared_gateway_id bigint NOT NULL REFERENCES shared_gateways,
    ordinal int NOT NULL
);
COMMENT ON TABLE listener_sets IS 'The ListenerSets of a shared gateway. One that holds no listener stays and is used again.';
CREATE UNIQUE INDEX listener_sets_ordinal ON listener_sets (shared_gateway_id, ordinal) WHERE deleted_at IS NULL;

CREATE TABLE gateway_listeners (
    shared_gateway_id bigint NOT NULL REFERENCES shared_gateways,
    port int NOT NULL,
    protocol text NOT NULL,
    hostname text NOT NULL DEFAULT '',
    listener_set_id bigint REFERENCES listener_sets,
    PRIMARY KEY (shared_gateway_id, port, protocol, hostname)
);
COMMENT ON COLUMN gateway_listeners.listener_set_id IS 'the ListenerSet that holds it; NULL: on the Gateway itself';
CREATE INDEX ON gateway_listeners (shared_gateway_id, hostname);
CREATE INDEX ON gateway_listeners (listener_set_id);
