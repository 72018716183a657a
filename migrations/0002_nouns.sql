-- One table for each noun. The API writes these tables; what workers find out about a record is in `reconciliations`. Names are unique among the live
-- records (deleted_at IS NULL).

-- What every record has. The id is unique across all kinds.
CREATE TABLE record_columns (
    id bigint PRIMARY KEY DEFAULT nextval('ids'),
    tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
COMMENT ON TABLE record_columns IS 'the columns that the table of each noun begins with; it has no rows';

CREATE TABLE aws_accounts (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, account_id text NOT NULL, default_account boolean, default_region text NOT NULL,
    access_key_id text, secret_access_key text, role_arn text, kubernetes_runtime_instance_ids jsonb,
    all_runtimes boolean,
    key_ids jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN aws_accounts.access_key_id IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN aws_accounts.secret_access_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN aws_accounts.key_ids IS 'ids of keys by encrypted column, and hashes of ciphertexts that a key rotation replaced; a rotation changes it and leaves updated_at as it is';
CREATE UNIQUE INDEX aws_accounts_name ON aws_accounts (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE kubernetes_runtime_definitions (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, infra_provider text NOT NULL, infra_provider_account_name text, high_availability boolean,
    node_size text, node_profile text, node_maximum int
);
CREATE UNIQUE INDEX kubernetes_runtime_definitions_name ON kubernetes_runtime_definitions (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE kubernetes_runtime_instances (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, status text, location text NOT NULL,
    kubernetes_runtime_definition_id bigint NOT NULL REFERENCES kubernetes_runtime_definitions,
    threeport_control_plane_host boolean, api_endpoint text, ca_certificate text, certificate text,
    certificate_key text, connection_token text, connection_token_expiration timestamptz, default_runtime boolean,
    force_delete boolean, threeport_agent_image text, gateway_controller_instance_id bigint,
    dns_controller_instance_id bigint, secrets_controller_instance_id bigint,
    key_ids jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN kubernetes_runtime_instances.certificate_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN kubernetes_runtime_instances.connection_token IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN kubernetes_runtime_instances.key_ids IS 'ids of keys by encrypted column, and hashes of ciphertexts that a key rotation replaced; a rotation changes it and leaves updated_at as it is';
CREATE UNIQUE INDEX kubernetes_runtime_instances_name ON kubernetes_runtime_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON kubernetes_runtime_instances (kubernetes_runtime_definition_id);

CREATE TABLE workload_definitions (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, yaml_document bytea NOT NULL
);
-- Postgres would try to compress what can't be.
ALTER TABLE workload_definitions ALTER COLUMN yaml_document SET STORAGE EXTERNAL;
COMMENT ON COLUMN workload_definitions.yaml_document IS 'encrypted: version, key id, nonce, AES-256-GCM, tag; see core/records/src/secret/document.rs';
CREATE UNIQUE INDEX workload_definitions_name ON workload_definitions (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE workload_instances (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    workload_definition_id bigint NOT NULL REFERENCES workload_definitions,
    status text
);
CREATE UNIQUE INDEX workload_instances_name ON workload_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON workload_instances (kubernetes_runtime_instance_id); CREATE INDEX ON workload_instances (workload_definition_id);

CREATE TABLE workload_resource_definitions (
    LIKE record_columns INCLUDING ALL,
    json_definition bytea NOT NULL,
    workload_definition_id bigint NOT NULL REFERENCES workload_definitions
);
ALTER TABLE workload_resource_definitions ALTER COLUMN json_definition SET STORAGE EXTERNAL;
COMMENT ON COLUMN workload_resource_definitions.json_definition IS 'encrypted: version, key id, nonce, AES-256-GCM, tag; see core/records/src/secret/document.rs';
CREATE INDEX ON workload_resource_definitions (workload_definition_id);

CREATE TABLE workload_resource_instances (
    LIKE record_columns INCLUDING ALL,
    json_definition bytea NOT NULL,
    workload_instance_id bigint NOT NULL REFERENCES workload_instances,
    last_operation text, reconciled boolean, runtime_definition bytea, scheduled_for_deletion timestamptz,
    object_key text
);
ALTER TABLE workload_resource_instances ALTER COLUMN json_definition SET STORAGE EXTERNAL, ALTER COLUMN runtime_definition SET STORAGE EXTERNAL;
COMMENT ON COLUMN workload_resource_instances.json_definition IS 'encrypted: version, key id, nonce, AES-256-GCM, tag; see core/records/src/secret/document.rs';
COMMENT ON COLUMN workload_resource_instances.runtime_definition IS 'encrypted: version, key id, nonce, AES-256-GCM, tag; see core/records/src/secret/document.rs';
COMMENT ON COLUMN workload_resource_instances.object_key IS 'group/kind/namespace/name of the object: how a worker finds its row again';
CREATE INDEX ON workload_resource_instances (workload_instance_id);
CREATE UNIQUE INDEX workload_resource_instances_object ON workload_resource_instances (workload_instance_id, object_key) WHERE deleted_at IS NULL;

CREATE TABLE workload_events (
    LIKE record_columns INCLUDING ALL,
    runtime_event_uid text NOT NULL, type text NOT NULL, reason text NOT NULL, message text NOT NULL,
    timestamp timestamptz NOT NULL,
    workload_instance_id bigint REFERENCES workload_instances,
    workload_resource_instance_id bigint REFERENCES workload_resource_instances,
    helm_workload_instance_id bigint,
    event_key text
);
COMMENT ON COLUMN workload_events.event_key IS 'uid of the Event, or what else tells it from all others: how a worker finds its row again';
CREATE INDEX ON workload_events (workload_instance_id); CREATE INDEX ON workload_events (workload_resource_instance_id);
CREATE UNIQUE INDEX workload_events_event ON workload_events (workload_instance_id, event_key) WHERE deleted_at IS NULL;

CREATE TABLE domain_name_definitions (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, domain text NOT NULL, zone text NOT NULL, admin_email text NOT NULL, hosted_zone_id text,
    aws_account_id bigint REFERENCES aws_accounts,
    dns_driver text, ttl int, issuer_kind text, acme_server text, acme_ca_bundle text, acme_challenge text, acme_wait_seconds int,
    wildcard_certificate boolean,
    issuer_name text,
    -- Threeport has these on every definition. No worker reconciles a domain itself: they are kept for the client that set them.
    reconciled boolean DEFAULT false,
    creation_acknowledged timestamptz, creation_confirmed timestamptz,
    creation_failed boolean DEFAULT false,
    deletion_scheduled timestamptz, deletion_acknowledged timestamptz, deletion_confirmed timestamptz,
    interrupt_reconciliation boolean DEFAULT false
);
CREATE UNIQUE INDEX domain_name_definitions_name ON domain_name_definitions (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON domain_name_definitions (aws_account_id);

CREATE TABLE domain_name_instances (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, status text,
    domain_name_definition_id bigint NOT NULL REFERENCES domain_name_definitions,
    workload_instance_id bigint NOT NULL REFERENCES workload_instances,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances
);
CREATE UNIQUE INDEX domain_name_instances_name ON domain_name_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON domain_name_instances (domain_name_definition_id); CREATE INDEX ON domain_name_instances (workload_instance_id);
CREATE INDEX ON domain_name_instances (kubernetes_runtime_instance_id);

CREATE TABLE gateway_definitions (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    domain_name_definition_id bigint REFERENCES domain_name_definitions,
    sub_domain text, service_name text, workload_definition_id bigint, placement text, gateway_class_name text,
    hostnames jsonb, addresses jsonb, allowed_routes text, infrastructure jsonb
);
CREATE UNIQUE INDEX gateway_definitions_name ON gateway_definitions (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON gateway_definitions (domain_name_definition_id);

CREATE TABLE gateway_http_ports (
    LIKE record_columns INCLUDING ALL,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    port int NOT NULL, path text, tls_enabled boolean, https_redirect boolean, service_port int
);
CREATE INDEX ON gateway_http_ports (gateway_definition_id);

CREATE TABLE gateway_tcp_ports (
    LIKE record_columns INCLUDING ALL,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    port int NOT NULL, tls_enabled boolean, tls_mode text, hostnames jsonb, service_port int
);
CREATE INDEX ON gateway_tcp_ports (gateway_definition_id);

CREATE TABLE gateway_udp_ports (
    LIKE record_columns INCLUDING ALL,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    port int NOT NULL, service_port int
);
CREATE INDEX ON gateway_udp_ports (gateway_definition_id);

CREATE TABLE route_columns (rules jsonb NOT NULL, hostnames jsonb, ports jsonb);
COMMENT ON TABLE route_columns IS 'what the routes of a gateway definition have, whatever their protocol; it has no rows';
COMMENT ON COLUMN route_columns.rules IS 'spec.rules of an HTTPRoute or a GRPCRoute of Gateway API v1, as it was sent';

CREATE TABLE gateway_http_routes (
    LIKE record_columns INCLUDING ALL,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    LIKE route_columns INCLUDING ALL
);
CREATE TABLE gateway_grpc_routes (
    LIKE record_columns INCLUDING ALL,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    LIKE route_columns INCLUDING ALL
);
CREATE INDEX ON gateway_http_routes (gateway_definition_id); CREATE INDEX ON gateway_grpc_routes (gateway_definition_id);

CREATE TABLE gateway_instances (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    gateway_definition_id bigint NOT NULL REFERENCES gateway_definitions,
    workload_instance_id bigint NOT NULL REFERENCES workload_instances,
    status text
);
CREATE UNIQUE INDEX gateway_instances_name ON gateway_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON gateway_instances (kubernetes_runtime_instance_id);
CREATE INDEX ON gateway_instances (gateway_definition_id); CREATE INDEX ON gateway_instances (workload_instance_id);

CREATE TABLE gateway_grants (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    workload_instance_id bigint NOT NULL REFERENCES workload_instances,
    granted_workload_instance_id bigint NOT NULL REFERENCES workload_instances,
    service_names jsonb
);
COMMENT ON COLUMN gateway_grants.service_names IS 'NULL: all Services of the workload';
CREATE UNIQUE INDEX gateway_grants_name ON gateway_grants (tenant, name) WHERE deleted_at IS NULL;
CREATE INDEX ON gateway_grants (workload_instance_id); CREATE INDEX ON gateway_grants (granted_workload_instance_id);

CREATE TABLE support_service_instances (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    service text NOT NULL, version text,
    aws_account_id bigint REFERENCES aws_accounts,
    keep_on_delete boolean
);
CREATE UNIQUE INDEX support_service_instances_name ON support_service_instances (tenant, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX support_service_instances_role ON support_service_instances (kubernetes_runtime_instance_id, service, coalesce(aws_account_id, 0)) WHERE deleted_at IS NULL;

CREATE TABLE shared_gateways (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    gateway_class_name text, addresses jsonb, infrastructure jsonb
);
CREATE UNIQUE INDEX shared_gateways_name ON shared_gateways (tenant, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX shared_gateways_role ON shared_gateways (kubernetes_runtime_instance_id, coalesce(gateway_class_name, '')) WHERE deleted_at IS NULL;

CREATE TABLE attached_object_references (
    LIKE record_columns INCLUDING ALL,
    object_type text NOT NULL, object_id bigint NOT NULL, attached_object_type text NOT NULL,
    attached_object_id bigint NOT NULL
);
CREATE UNIQUE INDEX attached_object_references_all ON attached_object_references (object_type, object_id, attached_object_type, attached_object_id) WHERE deleted_at IS NULL;
CREATE INDEX ON attached_object_references (object_id); CREATE INDEX ON attached_object_references (attached_object_id);

CREATE TABLE events (
    LIKE record_columns INCLUDING ALL,
    reason text NOT NULL, note text, event_time timestamptz NOT NULL, last_observed_time timestamptz NOT NULL,
    type text NOT NULL, reporting_controller text NOT NULL, count bigint NOT NULL,
    attached_object_reference_id bigint REFERENCES attached_object_references
);
CREATE INDEX ON events (attached_object_reference_id);
