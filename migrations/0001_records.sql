-- One table for each noun. Every table has: a 64-bit id that is unique across all kinds, a tenant, times, and names that are unique among
-- the live (deleted_at IS NULL). Status lives apart, in `reconciliations`: the API writes intent, workers write status.

-- Ids of different control planes should differ, because objects in clusters are named by them: each database begins somewhere else.
CREATE SEQUENCE ids;
SELECT setval('ids', 900000000000000000 + floor(random() * 90000000000000000)::bigint);

CREATE TABLE control_plane (
    id text PRIMARY KEY DEFAULT substr(md5(random()::text || clock_timestamp()::text), 1, 10),
    made_at timestamptz NOT NULL DEFAULT now(),
    one boolean NOT NULL DEFAULT true UNIQUE CHECK (one)
);
COMMENT ON TABLE control_plane IS 'Who we are: the id stands in every label, field manager and DNS owner id. One row, made once.';
INSERT INTO control_plane DEFAULT VALUES;

CREATE TABLE aws_accounts (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, account_id text NOT NULL, default_account boolean, default_region text NOT NULL,
    access_key_id text, secret_access_key text, role_arn text
);
COMMENT ON COLUMN aws_accounts.access_key_id IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN aws_accounts.secret_access_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
CREATE UNIQUE INDEX aws_accounts_name ON aws_accounts (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE kubernetes_runtime_definitions (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, infra_provider text NOT NULL, infra_provider_account_name text, high_availability boolean,
    node_size text, node_profile text, node_maximum int
);
CREATE UNIQUE INDEX kubernetes_runtime_definitions_name ON kubernetes_runtime_definitions (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE kubernetes_runtime_instances (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, status text, location text NOT NULL,
    kubernetes_runtime_definition_id bigint NOT NULL REFERENCES kubernetes_runtime_definitions,
    threeport_control_plane_host boolean, api_endpoint text, ca_certificate text, certificate text, certificate_key text,
    connection_token text, connection_token_expiration timestamptz, default_runtime boolean, force_delete boolean,
    threeport_agent_image text, gateway_controller_instance_id bigint, dns_controller_instance_id bigint,
    secrets_controller_instance_id bigint
);
COMMENT ON COLUMN kubernetes_runtime_instances.certificate_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN kubernetes_runtime_instances.connection_token IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
CREATE UNIQUE INDEX kubernetes_runtime_instances_name ON kubernetes_runtime_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON kubernetes_runtime_instances (kubernetes_runtime_definition_id);

CREATE TABLE workload_definitions (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, yaml_document text NOT NULL
);
CREATE UNIQUE INDEX workload_definitions_name ON workload_definitions (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE workload_instances (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    workload_definition_id bigint NOT NULL REFERENCES workload_definitions, status text
);
CREATE UNIQUE INDEX workload_instances_name ON workload_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON workload_instances (kubernetes_runtime_instance_id);
CREATE INDEX ON workload_instances (workload_definition_id);

CREATE TABLE workload_resource_definitions (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    json_definition jsonb NOT NULL, workload_definition_id bigint NOT NULL REFERENCES workload_definitions
);
CREATE INDEX ON workload_resource_definitions (workload_definition_id);

CREATE TABLE workload_resource_instances (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    json_definition jsonb NOT NULL, workload_instance_id bigint NOT NULL REFERENCES workload_instances, last_operation text,
    reconciled boolean, runtime_definition jsonb, scheduled_for_deletion timestamptz, object_key text
);
COMMENT ON COLUMN workload_resource_instances.object_key IS 'group/kind/namespace/name of the object: how a worker finds its row again';
CREATE INDEX ON workload_resource_instances (workload_instance_id);
CREATE UNIQUE INDEX workload_resource_instances_object ON workload_resource_instances (workload_instance_id, object_key) WHERE deleted_at IS NULL;

CREATE TABLE workload_events (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    runtime_event_uid text NOT NULL, type text NOT NULL, reason text NOT NULL, message text NOT NULL, timestamp timestamptz NOT NULL,
    workload_instance_id bigint REFERENCES workload_instances,
    workload_resource_instance_id bigint REFERENCES workload_resource_instances, helm_workload_instance_id bigint
);
CREATE INDEX ON workload_events (workload_instance_id);
CREATE INDEX ON workload_events (workload_resource_instance_id);

CREATE TABLE domain_name_definitions (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, domain text NOT NULL, zone text NOT NULL, admin_email text NOT NULL, hosted_zone_id text,
    aws_account_id bigint REFERENCES aws_accounts, dns_driver text, ttl int, issuer_kind text, acme_server text,
    acme_challenge text, wildcard_certificate boolean, issuer_name text
);
CREATE UNIQUE INDEX domain_name_definitions_name ON domain_name_definitions (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON domain_name_definitions (aws_account_id);

CREATE TABLE domain_name_instances (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, status text, domain_name_definition_id bigint NOT NULL REFERENCES domain_name_definitions,
    workload_instance_id bigint NOT NULL REFERENCES workload_instances,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances
);
CREATE UNIQUE INDEX domain_name_instances_name ON domain_name_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON domain_name_instances (domain_name_definition_id);
CREATE INDEX ON domain_name_instances (workload_instance_id);
CREATE INDEX ON domain_name_instances (kubernetes_runtime_instance_id);

CREATE TABLE gateway_definitions (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, domain_name_definition_id bigint REFERENCES domain_name_definitions, sub_domain text, service_name text,
    workload_definition_id bigint, placement text, gateway_class_name text, hostnames jsonb, addresses jsonb, allowed_routes text,
    infrastructure jsonb
);
CREATE UNIQUE INDEX gateway_definitions_name ON gateway_definitions (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON gateway_definitions (domain_name_definition_id);

CREATE TABLE gateway_http_ports (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions, port int NOT NULL, path text, tls_enabled boolean,
    https_redirect boolean, service_port int
);
CREATE INDEX ON gateway_http_ports (gateway_definition_id);

CREATE TABLE gateway_tcp_ports (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions, port int NOT NULL, tls_enabled boolean, service_port int
);
CREATE INDEX ON gateway_tcp_ports (gateway_definition_id);

CREATE TABLE gateway_instances (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, status text, kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    workload_instance_id bigint NOT NULL REFERENCES workload_instances
);
CREATE UNIQUE INDEX gateway_instances_name ON gateway_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON gateway_instances (kubernetes_runtime_instance_id);
CREATE INDEX ON gateway_instances (gateway_definition_id);
CREATE INDEX ON gateway_instances (workload_instance_id);

CREATE TABLE support_service_instances (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances, service text NOT NULL,
    version text, aws_account_id bigint REFERENCES aws_accounts, keep_on_delete boolean
);
CREATE UNIQUE INDEX support_service_instances_name ON support_service_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX support_service_instances_role ON support_service_instances (kubernetes_runtime_instance_id, service, coalesce(aws_account_id, 0)) WHERE deleted_at IS NULL;

CREATE TABLE shared_gateways (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    name text NOT NULL, kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    gateway_class_name text, addresses jsonb, infrastructure jsonb
);
CREATE UNIQUE INDEX shared_gateways_name ON shared_gateways (tenant, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX shared_gateways_role ON shared_gateways (kubernetes_runtime_instance_id, coalesce(gateway_class_name, '')) WHERE deleted_at IS NULL;

CREATE TABLE attached_object_references (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    object_type text NOT NULL, object_id bigint NOT NULL, attached_object_type text NOT NULL, attached_object_id bigint NOT NULL
);
CREATE UNIQUE INDEX attached_object_references_all ON attached_object_references (object_type, object_id, attached_object_type, attached_object_id) WHERE deleted_at IS NULL;
CREATE INDEX ON attached_object_references (object_id);
CREATE INDEX ON attached_object_references (attached_object_id);

CREATE TABLE events (
    id bigint PRIMARY KEY DEFAULT nextval('ids'), tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(), deleted_at timestamptz,
    reason text NOT NULL, note text, event_time timestamptz NOT NULL, last_observed_time timestamptz NOT NULL, type text NOT NULL,
    reporting_controller text NOT NULL, count bigint NOT NULL,
    attached_object_reference_id bigint REFERENCES attached_object_references
);
CREATE INDEX ON events (attached_object_reference_id);

-- The queue: one row for each reconciled record. Its row is the outbox; messages only make things fast.
CREATE TABLE reconciliations (
    kind text NOT NULL, id bigint NOT NULL,
    runtime_id bigint,
    object_name text NOT NULL,
    generation bigint NOT NULL DEFAULT 1,
    observed_generation bigint NOT NULL DEFAULT 0,
    reconciled boolean NOT NULL GENERATED ALWAYS AS (observed_generation >= generation) STORED,
    wake_seq bigint NOT NULL DEFAULT 1,
    due_at timestamptz DEFAULT now(),
    urgent boolean NOT NULL DEFAULT true,
    attempts int NOT NULL DEFAULT 0,
    conditions jsonb NOT NULL DEFAULT '[]',
    inventory jsonb NOT NULL DEFAULT '[]',
    projection jsonb,
    last_error text,
    render_version int NOT NULL DEFAULT 0,
    creation_acknowledged timestamptz, creation_confirmed timestamptz, creation_failed boolean NOT NULL DEFAULT false,
    deletion_scheduled timestamptz, deletion_acknowledged timestamptz, deletion_confirmed timestamptz,
    interrupt_reconciliation boolean NOT NULL DEFAULT false,
    brake_released boolean NOT NULL DEFAULT false,
    gone_at timestamptz,
    PRIMARY KEY (kind, id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN reconciliations.runtime_id IS 'the cluster whose worker does the work; NULL: any worker';
COMMENT ON COLUMN reconciliations.object_name IS 'name in clusters: slug of the name at creation, and the id; never recomputed';
COMMENT ON COLUMN reconciliations.generation IS 'counts changes of intent, the record''s own and those of what it depends on';
COMMENT ON COLUMN reconciliations.wake_seq IS 'counts reasons to look again; a pass that began before the last one is not the last';
COMMENT ON COLUMN reconciliations.due_at IS 'when to look next; NULL: when woken';
COMMENT ON COLUMN reconciliations.urgent IS 'somebody waits for it: before what is only looked at again';
COMMENT ON COLUMN reconciliations.inventory IS 'objects in the cluster, written before they are applied';
COMMENT ON COLUMN reconciliations.projection IS 'what other records'' passes read of this one';
COMMENT ON COLUMN reconciliations.brake_released IS 'a person asked for the pass that may delete much at once';
COMMENT ON COLUMN reconciliations.gone_at IS 'the record''s row went; kept for what still reads the projection';
CREATE INDEX reconciliations_due ON reconciliations (runtime_id, due_at) WHERE due_at IS NOT NULL AND gone_at IS NULL;

CREATE TABLE clusters (
    runtime_id bigint PRIMARY KEY REFERENCES kubernetes_runtime_instances,
    cluster_uid text NOT NULL
);
COMMENT ON TABLE clusters IS 'Which cluster stands behind a runtime: the uid of its kube-system namespace. Set once; another uid behind the same address is another cluster.';
CREATE UNIQUE INDEX clusters_uid ON clusters (cluster_uid);

CREATE TABLE workers (
    id uuid PRIMARY KEY, until timestamptz NOT NULL
);
COMMENT ON TABLE workers IS 'Live workers, for spreading the clusters evenly.';

CREATE TABLE leases (
    scope bigint PRIMARY KEY, holder uuid, epoch bigint NOT NULL DEFAULT 0, until timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON COLUMN leases.scope IS 'id of a runtime instance; 0: what belongs to no cluster';
COMMENT ON COLUMN leases.epoch IS 'goes up with every new holder';
INSERT INTO leases (scope) VALUES (0);

-- Who answers to what on which Gateway.
CREATE TABLE gateway_ports (
    gateway_id bigint NOT NULL, bound_port int NOT NULL, port int NOT NULL, protocol text NOT NULL,
    PRIMARY KEY (gateway_id, bound_port)
);
COMMENT ON COLUMN gateway_ports.bound_port IS 'where the proxy listens: ports below 1024 are moved up by 10000, so 80 and 10080 exclude each other';

CREATE TABLE route_claims (
    gateway_id bigint NOT NULL, bound_port int NOT NULL, protocol text NOT NULL, hostname text NOT NULL DEFAULT '', match text NOT NULL DEFAULT '',
    redirect boolean NOT NULL DEFAULT false, port int NOT NULL,
    gateway_instance_id bigint NOT NULL REFERENCES gateway_instances
);
COMMENT ON TABLE route_claims IS 'What each gateway instance answers to. gateway_id: the shared gateway, or the instance itself when it has its own.';
COMMENT ON COLUMN route_claims.hostname IS 'empty: every hostname';
COMMENT ON COLUMN route_claims.match IS 'the path''s beginning, without a final slash; empty for TCP';
-- Two redirects of one hostname to HTTPS say the same and may both stand.
CREATE UNIQUE INDEX route_claims_unique ON route_claims (gateway_id, bound_port, protocol, hostname, match) WHERE NOT redirect;
CREATE INDEX ON route_claims (gateway_instance_id);

CREATE TABLE gateway_listeners (
    shared_gateway_id bigint NOT NULL REFERENCES shared_gateways, port int NOT NULL, protocol text NOT NULL, hostname text NOT NULL DEFAULT '',
    slot int,
    PRIMARY KEY (shared_gateway_id, port, protocol, hostname)
);
COMMENT ON COLUMN gateway_listeners.slot IS 'number of the ListenerSet that holds it, at most 64 in one; NULL: on the Gateway itself';
CREATE INDEX ON gateway_listeners (shared_gateway_id, slot);
