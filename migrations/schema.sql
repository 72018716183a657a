-- The schema that the files of this folder make, by kind and name; for reading only. Written by `make schema`, and compared by a test.

CREATE SEQUENCE ids;

CREATE TABLE access_tokens (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    role text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    token_hash bytea NOT NULL,
    CONSTRAINT access_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT access_tokens_role_check CHECK (role = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text])),
    CONSTRAINT access_tokens_token_hash_check CHECK (length(token_hash) = 32),
    CONSTRAINT access_tokens_token_hash_key UNIQUE (token_hash)
);
COMMENT ON COLUMN access_tokens.deleted_at IS 'revoked';
COMMENT ON COLUMN access_tokens.token_hash IS 'SHA-256 of the token, which has 256 random bits: nobody can try them all, so a slow hash would only slow us';
CREATE UNIQUE INDEX access_tokens_name ON access_tokens USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE attached_object_references (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    object_type text NOT NULL,
    object_id bigint NOT NULL,
    attached_object_type text NOT NULL,
    attached_object_id bigint NOT NULL,
    CONSTRAINT attached_object_references_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX attached_object_references_all ON attached_object_references USING btree (object_type, object_id, attached_object_type, attached_object_id) WHERE (deleted_at IS NULL);
CREATE INDEX attached_object_references_attached_object_id_idx ON attached_object_references USING btree (attached_object_id);
CREATE INDEX attached_object_references_object_id_idx ON attached_object_references USING btree (object_id);

CREATE TABLE audit_events (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    deleted_at timestamp with time zone,
    caller text NOT NULL,
    request_id text,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_id bigint NOT NULL,
    object_name text,
    changes jsonb DEFAULT '[]'::jsonb NOT NULL,
    CONSTRAINT audit_events_action_check CHECK (action = ANY (ARRAY['Create'::text, 'Update'::text, 'Delete'::text])),
    CONSTRAINT audit_events_pkey PRIMARY KEY (id)
);
COMMENT ON COLUMN audit_events.created_at IS 'updated_at of the record as the write left it';
COMMENT ON COLUMN audit_events.deleted_at IS 'never set: there as in every table of a noun';
COMMENT ON COLUMN audit_events.object_id IS 'no foreign key: the event outlives the record';
COMMENT ON COLUMN audit_events.changes IS 'array of {Field, Old, New}, in wire names; secrets masked';
CREATE INDEX audit_events_caller ON audit_events USING btree (caller, id);
CREATE INDEX audit_events_object ON audit_events USING btree (object_id, id);
CREATE INDEX audit_events_time ON audit_events USING btree (created_at);

CREATE TABLE aws_accounts (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    account_id text NOT NULL,
    default_account boolean,
    default_region text NOT NULL,
    access_key_id text,
    secret_access_key text,
    role_arn text,
    key_ids jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT aws_accounts_pkey PRIMARY KEY (id)
);
COMMENT ON COLUMN aws_accounts.access_key_id IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN aws_accounts.secret_access_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN aws_accounts.key_ids IS 'ids of keys by encrypted column; changes when a secret is encrypted anew, which leaves updated_at as it is';
CREATE UNIQUE INDEX aws_accounts_name ON aws_accounts USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE clusters (
    runtime_id bigint NOT NULL,
    cluster_uid text NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    CONSTRAINT clusters_pkey PRIMARY KEY (runtime_id),
    CONSTRAINT clusters_runtime_id_fkey FOREIGN KEY (runtime_id) REFERENCES kubernetes_runtime_instances(id)
);
COMMENT ON TABLE clusters IS 'Which cluster stands behind a runtime: the uid of its kube-system namespace. Set once; another uid behind the same address is another cluster.';
COMMENT ON COLUMN clusters.epoch IS 'counts spells of changes made in the cluster; a mark there holds the last one';
CREATE UNIQUE INDEX clusters_uid ON clusters USING btree (cluster_uid);

CREATE TABLE control_plane (
    id text DEFAULT substr(md5(((random())::text || (clock_timestamp())::text)), 1, 10) NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    one boolean DEFAULT true NOT NULL,
    CONSTRAINT control_plane_one_check CHECK (one),
    CONSTRAINT control_plane_one_key UNIQUE (one),
    CONSTRAINT control_plane_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE control_plane IS 'Who we are: the id is in every label, field manager and DNS owner id. One row, made once.';

CREATE TABLE domain_name_definitions (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    domain text NOT NULL,
    zone text NOT NULL,
    admin_email text NOT NULL,
    hosted_zone_id text,
    aws_account_id bigint,
    dns_driver text,
    ttl integer,
    issuer_kind text,
    acme_server text,
    acme_challenge text,
    wildcard_certificate boolean,
    issuer_name text,
    reconciled boolean DEFAULT false,
    creation_acknowledged timestamp with time zone,
    creation_confirmed timestamp with time zone,
    creation_failed boolean DEFAULT false,
    deletion_scheduled timestamp with time zone,
    deletion_acknowledged timestamp with time zone,
    deletion_confirmed timestamp with time zone,
    interrupt_reconciliation boolean DEFAULT false,
    CONSTRAINT domain_name_definitions_aws_account_id_fkey FOREIGN KEY (aws_account_id) REFERENCES aws_accounts(id),
    CONSTRAINT domain_name_definitions_pkey PRIMARY KEY (id)
);
CREATE INDEX domain_name_definitions_aws_account_id_idx ON domain_name_definitions USING btree (aws_account_id);
CREATE UNIQUE INDEX domain_name_definitions_name ON domain_name_definitions USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE domain_name_instances (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    status text,
    domain_name_definition_id bigint NOT NULL,
    workload_instance_id bigint NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL,
    CONSTRAINT domain_name_instances_domain_name_definition_id_fkey FOREIGN KEY (domain_name_definition_id) REFERENCES domain_name_definitions(id),
    CONSTRAINT domain_name_instances_kubernetes_runtime_instance_id_fkey FOREIGN KEY (kubernetes_runtime_instance_id) REFERENCES kubernetes_runtime_instances(id),
    CONSTRAINT domain_name_instances_pkey PRIMARY KEY (id),
    CONSTRAINT domain_name_instances_workload_instance_id_fkey FOREIGN KEY (workload_instance_id) REFERENCES workload_instances(id)
);
CREATE INDEX domain_name_instances_domain_name_definition_id_idx ON domain_name_instances USING btree (domain_name_definition_id);
CREATE INDEX domain_name_instances_kubernetes_runtime_instance_id_idx ON domain_name_instances USING btree (kubernetes_runtime_instance_id);
CREATE UNIQUE INDEX domain_name_instances_name ON domain_name_instances USING btree (tenant, name) WHERE (deleted_at IS NULL);
CREATE INDEX domain_name_instances_workload_instance_id_idx ON domain_name_instances USING btree (workload_instance_id);

CREATE TABLE events (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    reason text NOT NULL,
    note text,
    event_time timestamp with time zone NOT NULL,
    last_observed_time timestamp with time zone NOT NULL,
    type text NOT NULL,
    reporting_controller text NOT NULL,
    count bigint NOT NULL,
    attached_object_reference_id bigint,
    CONSTRAINT events_attached_object_reference_id_fkey FOREIGN KEY (attached_object_reference_id) REFERENCES attached_object_references(id),
    CONSTRAINT events_pkey PRIMARY KEY (id)
);
CREATE INDEX events_attached_object_reference_id_idx ON events USING btree (attached_object_reference_id);

CREATE TABLE gateway_definitions (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    domain_name_definition_id bigint,
    sub_domain text,
    service_name text,
    workload_definition_id bigint,
    placement text,
    gateway_class_name text,
    hostnames jsonb,
    addresses jsonb,
    allowed_routes text,
    infrastructure jsonb,
    CONSTRAINT gateway_definitions_domain_name_definition_id_fkey FOREIGN KEY (domain_name_definition_id) REFERENCES domain_name_definitions(id),
    CONSTRAINT gateway_definitions_pkey PRIMARY KEY (id)
);
CREATE INDEX gateway_definitions_domain_name_definition_id_idx ON gateway_definitions USING btree (domain_name_definition_id);
CREATE UNIQUE INDEX gateway_definitions_name ON gateway_definitions USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE gateway_http_ports (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    gateway_definition_id bigint NOT NULL,
    port integer NOT NULL,
    path text,
    tls_enabled boolean,
    https_redirect boolean,
    service_port integer,
    CONSTRAINT gateway_http_ports_gateway_definition_id_fkey FOREIGN KEY (gateway_definition_id) REFERENCES gateway_definitions(id),
    CONSTRAINT gateway_http_ports_pkey PRIMARY KEY (id)
);
CREATE INDEX gateway_http_ports_gateway_definition_id_idx ON gateway_http_ports USING btree (gateway_definition_id);

CREATE TABLE gateway_instances (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    status text,
    kubernetes_runtime_instance_id bigint NOT NULL,
    gateway_definition_id bigint NOT NULL,
    workload_instance_id bigint NOT NULL,
    CONSTRAINT gateway_instances_gateway_definition_id_fkey FOREIGN KEY (gateway_definition_id) REFERENCES gateway_definitions(id),
    CONSTRAINT gateway_instances_kubernetes_runtime_instance_id_fkey FOREIGN KEY (kubernetes_runtime_instance_id) REFERENCES kubernetes_runtime_instances(id),
    CONSTRAINT gateway_instances_pkey PRIMARY KEY (id),
    CONSTRAINT gateway_instances_workload_instance_id_fkey FOREIGN KEY (workload_instance_id) REFERENCES workload_instances(id)
);
CREATE INDEX gateway_instances_gateway_definition_id_idx ON gateway_instances USING btree (gateway_definition_id);
CREATE INDEX gateway_instances_kubernetes_runtime_instance_id_idx ON gateway_instances USING btree (kubernetes_runtime_instance_id);
CREATE UNIQUE INDEX gateway_instances_name ON gateway_instances USING btree (tenant, name) WHERE (deleted_at IS NULL);
CREATE INDEX gateway_instances_workload_instance_id_idx ON gateway_instances USING btree (workload_instance_id);

CREATE TABLE gateway_listeners (
    shared_gateway_id bigint NOT NULL,
    port integer NOT NULL,
    protocol text NOT NULL,
    hostname text DEFAULT ''::text NOT NULL,
    listener_set_id bigint,
    CONSTRAINT gateway_listeners_listener_set_id_fkey FOREIGN KEY (listener_set_id) REFERENCES listener_sets(id),
    CONSTRAINT gateway_listeners_pkey PRIMARY KEY (shared_gateway_id, port, protocol, hostname),
    CONSTRAINT gateway_listeners_shared_gateway_id_fkey FOREIGN KEY (shared_gateway_id) REFERENCES shared_gateways(id)
);
COMMENT ON COLUMN gateway_listeners.listener_set_id IS 'the ListenerSet that holds it; NULL: on the Gateway itself';
CREATE INDEX gateway_listeners_listener_set_id_idx ON gateway_listeners USING btree (listener_set_id);
CREATE INDEX gateway_listeners_shared_gateway_id_hostname_idx ON gateway_listeners USING btree (shared_gateway_id, hostname);

CREATE TABLE gateway_ports (
    gateway_id bigint NOT NULL,
    bound_port integer NOT NULL,
    port integer NOT NULL,
    protocol text NOT NULL,
    CONSTRAINT gateway_ports_pkey PRIMARY KEY (gateway_id, bound_port)
);
COMMENT ON COLUMN gateway_ports.bound_port IS 'where the proxy listens, as the gateway driver says: no two ports of a Gateway have the same';

CREATE TABLE gateway_tcp_ports (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    gateway_definition_id bigint NOT NULL,
    port integer NOT NULL,
    tls_enabled boolean,
    service_port integer,
    CONSTRAINT gateway_tcp_ports_gateway_definition_id_fkey FOREIGN KEY (gateway_definition_id) REFERENCES gateway_definitions(id),
    CONSTRAINT gateway_tcp_ports_pkey PRIMARY KEY (id)
);
CREATE INDEX gateway_tcp_ports_gateway_definition_id_idx ON gateway_tcp_ports USING btree (gateway_definition_id);

CREATE TABLE kubernetes_runtime_definitions (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    infra_provider text NOT NULL,
    infra_provider_account_name text,
    high_availability boolean,
    node_size text,
    node_profile text,
    node_maximum integer,
    CONSTRAINT kubernetes_runtime_definitions_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX kubernetes_runtime_definitions_name ON kubernetes_runtime_definitions USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE kubernetes_runtime_instances (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    status text,
    location text NOT NULL,
    kubernetes_runtime_definition_id bigint NOT NULL,
    threeport_control_plane_host boolean,
    api_endpoint text,
    ca_certificate text,
    certificate text,
    certificate_key text,
    connection_token text,
    connection_token_expiration timestamp with time zone,
    default_runtime boolean,
    force_delete boolean,
    threeport_agent_image text,
    gateway_controller_instance_id bigint,
    dns_controller_instance_id bigint,
    secrets_controller_instance_id bigint,
    key_ids jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT kubernetes_runtime_instances_kubernetes_runtime_definition_fkey FOREIGN KEY (kubernetes_runtime_definition_id) REFERENCES kubernetes_runtime_definitions(id),
    CONSTRAINT kubernetes_runtime_instances_pkey PRIMARY KEY (id)
);
COMMENT ON COLUMN kubernetes_runtime_instances.certificate_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN kubernetes_runtime_instances.connection_token IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN kubernetes_runtime_instances.key_ids IS 'ids of keys by encrypted column; changes when a secret is encrypted anew, which leaves updated_at as it is';
CREATE INDEX kubernetes_runtime_instances_kubernetes_runtime_definition__idx ON kubernetes_runtime_instances USING btree (kubernetes_runtime_definition_id);
CREATE UNIQUE INDEX kubernetes_runtime_instances_name ON kubernetes_runtime_instances USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE leases (
    scope bigint NOT NULL,
    holder uuid,
    epoch bigint DEFAULT 0 NOT NULL,
    until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (scope)
);
COMMENT ON COLUMN leases.scope IS 'id of a runtime instance; 0: what belongs to no cluster';
COMMENT ON COLUMN leases.epoch IS 'goes up with every new holder';

CREATE TABLE listener_sets (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    shared_gateway_id bigint NOT NULL,
    ordinal integer NOT NULL,
    CONSTRAINT listener_sets_pkey PRIMARY KEY (id),
    CONSTRAINT listener_sets_shared_gateway_id_fkey FOREIGN KEY (shared_gateway_id) REFERENCES shared_gateways(id)
);
COMMENT ON TABLE listener_sets IS 'The ListenerSets of a shared gateway. One that holds no listener stays and is used again.';
CREATE UNIQUE INDEX listener_sets_ordinal ON listener_sets USING btree (shared_gateway_id, ordinal) WHERE (deleted_at IS NULL);

CREATE TABLE reconciliations (
    kind text NOT NULL,
    id bigint NOT NULL,
    runtime_id bigint,
    object_name text NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    observed_generation bigint DEFAULT 0 NOT NULL,
    reconciled boolean GENERATED ALWAYS AS (observed_generation >= generation) STORED NOT NULL,
    wake_seq bigint DEFAULT 1 NOT NULL,
    due_at timestamp with time zone DEFAULT now(),
    urgent boolean DEFAULT true NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    conditions jsonb DEFAULT '[]'::jsonb NOT NULL,
    inventory jsonb DEFAULT '[]'::jsonb NOT NULL,
    projection jsonb,
    last_error text,
    render_version integer DEFAULT 0 NOT NULL,
    creation_acknowledged timestamp with time zone,
    creation_confirmed timestamp with time zone,
    creation_failed boolean DEFAULT false NOT NULL,
    deletion_scheduled timestamp with time zone,
    deletion_acknowledged timestamp with time zone,
    deletion_confirmed timestamp with time zone,
    interrupt_reconciliation boolean DEFAULT false NOT NULL,
    brake_released boolean DEFAULT false NOT NULL,
    gone_at timestamp with time zone,
    CONSTRAINT reconciliations_pkey PRIMARY KEY (kind, id)
) WITH (fillfactor=70);
COMMENT ON COLUMN reconciliations.runtime_id IS 'the cluster whose worker does the work; NULL: any worker';
COMMENT ON COLUMN reconciliations.object_name IS 'name in clusters: slug of the name at creation, and the id; never recomputed';
COMMENT ON COLUMN reconciliations.generation IS 'counts changes of intent, the record''s own and those of what it depends on';
COMMENT ON COLUMN reconciliations.wake_seq IS 'counts wakes; a reconcile that began before the last one leaves the record due';
COMMENT ON COLUMN reconciliations.due_at IS 'when the next reconcile is due; NULL: when woken';
COMMENT ON COLUMN reconciliations.urgent IS 'intent has changed: comes before records that were woken by an object, a dependency or a timer';
COMMENT ON COLUMN reconciliations.inventory IS 'objects in the cluster, written before they are applied';
COMMENT ON COLUMN reconciliations.projection IS 'what reconciles of other records read of this one';
COMMENT ON COLUMN reconciliations.brake_released IS 'a person asked for the reconcile, which may delete many objects at once';
COMMENT ON COLUMN reconciliations.gone_at IS 'the record''s row is deleted; kept for what still reads the projection, and for objects that turn up later';
CREATE INDEX reconciliations_prerequisites ON reconciliations USING btree (runtime_id, due_at) WHERE ((due_at IS NOT NULL) AND (kind = ANY (ARRAY['KubernetesRuntimeInstance'::text, 'SupportServiceInstance'::text, 'SharedGateway'::text, 'ListenerSet'::text])));
CREATE INDEX reconciliations_waiting ON reconciliations USING btree (runtime_id, urgent, due_at) WHERE (due_at IS NOT NULL);

CREATE TABLE route_claims (
    gateway_id bigint NOT NULL,
    bound_port integer NOT NULL,
    protocol text NOT NULL,
    hostname text DEFAULT ''::text NOT NULL,
    match text DEFAULT ''::text NOT NULL,
    redirect boolean DEFAULT false NOT NULL,
    port integer NOT NULL,
    gateway_instance_id bigint NOT NULL,
    namespace text NOT NULL,
    domain_name_definition_id bigint,
    CONSTRAINT route_claims_gateway_instance_id_fkey FOREIGN KEY (gateway_instance_id) REFERENCES gateway_instances(id)
);
COMMENT ON TABLE route_claims IS 'What each gateway instance answers to. gateway_id: the shared gateway, or the instance itself when it has its own.';
COMMENT ON COLUMN route_claims.hostname IS 'empty: every hostname';
COMMENT ON COLUMN route_claims.match IS 'the path''s beginning, without a final slash; empty for TCP';
COMMENT ON COLUMN route_claims.namespace IS 'of the routes: the name of the workload instance''s objects';
COMMENT ON COLUMN route_claims.domain_name_definition_id IS 'whose issuer signs for the hostname';
CREATE INDEX route_claims_domain_name_definition_id_idx ON route_claims USING btree (domain_name_definition_id);
CREATE INDEX route_claims_gateway_instance_id_idx ON route_claims USING btree (gateway_instance_id);
CREATE INDEX route_claims_listener ON route_claims USING btree (gateway_id, bound_port, protocol, hostname);
CREATE UNIQUE INDEX route_claims_unique ON route_claims USING btree (gateway_id, bound_port, protocol, hostname, match) WHERE (NOT redirect);

CREATE TABLE schema_functions (
    file text NOT NULL,
    sha256 text NOT NULL,
    release integer[] NOT NULL,
    CONSTRAINT schema_functions_pkey PRIMARY KEY (file)
);
COMMENT ON TABLE schema_functions IS 'Which text of each file in migrations/functions is in force; core/store/src/migrate.rs keeps it';
COMMENT ON COLUMN schema_functions.sha256 IS 'of the text, in hex';
COMMENT ON COLUMN schema_functions.release IS 'of the program that applied it: an earlier release leaves it alone';

CREATE TABLE shared_gateways (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL,
    gateway_class_name text,
    addresses jsonb,
    infrastructure jsonb,
    CONSTRAINT shared_gateways_kubernetes_runtime_instance_id_fkey FOREIGN KEY (kubernetes_runtime_instance_id) REFERENCES kubernetes_runtime_instances(id),
    CONSTRAINT shared_gateways_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX shared_gateways_name ON shared_gateways USING btree (tenant, name) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX shared_gateways_role ON shared_gateways USING btree (kubernetes_runtime_instance_id, COALESCE(gateway_class_name, ''::text)) WHERE (deleted_at IS NULL);

CREATE TABLE support_service_instances (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL,
    service text NOT NULL,
    version text,
    aws_account_id bigint,
    keep_on_delete boolean,
    CONSTRAINT support_service_instances_aws_account_id_fkey FOREIGN KEY (aws_account_id) REFERENCES aws_accounts(id),
    CONSTRAINT support_service_instances_kubernetes_runtime_instance_id_fkey FOREIGN KEY (kubernetes_runtime_instance_id) REFERENCES kubernetes_runtime_instances(id),
    CONSTRAINT support_service_instances_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX support_service_instances_name ON support_service_instances USING btree (tenant, name) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX support_service_instances_role ON support_service_instances USING btree (kubernetes_runtime_instance_id, service, COALESCE(aws_account_id, (0)::bigint)) WHERE (deleted_at IS NULL);

CREATE TABLE workers (
    id uuid NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT workers_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE workers IS 'Live workers, for spreading the clusters evenly.';

CREATE TABLE workload_definitions (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    yaml_document text NOT NULL,
    CONSTRAINT workload_definitions_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX workload_definitions_name ON workload_definitions USING btree (tenant, name) WHERE (deleted_at IS NULL);

CREATE TABLE workload_events (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    runtime_event_uid text NOT NULL,
    type text NOT NULL,
    reason text NOT NULL,
    message text NOT NULL,
    timestamp timestamp with time zone NOT NULL,
    workload_instance_id bigint,
    workload_resource_instance_id bigint,
    helm_workload_instance_id bigint,
    CONSTRAINT workload_events_pkey PRIMARY KEY (id),
    CONSTRAINT workload_events_workload_instance_id_fkey FOREIGN KEY (workload_instance_id) REFERENCES workload_instances(id),
    CONSTRAINT workload_events_workload_resource_instance_id_fkey FOREIGN KEY (workload_resource_instance_id) REFERENCES workload_resource_instances(id)
);
CREATE INDEX workload_events_workload_instance_id_idx ON workload_events USING btree (workload_instance_id);
CREATE INDEX workload_events_workload_resource_instance_id_idx ON workload_events USING btree (workload_resource_instance_id);

CREATE TABLE workload_instances (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    name text NOT NULL,
    kubernetes_runtime_instance_id bigint NOT NULL,
    workload_definition_id bigint NOT NULL,
    status text,
    CONSTRAINT workload_instances_kubernetes_runtime_instance_id_fkey FOREIGN KEY (kubernetes_runtime_instance_id) REFERENCES kubernetes_runtime_instances(id),
    CONSTRAINT workload_instances_pkey PRIMARY KEY (id),
    CONSTRAINT workload_instances_workload_definition_id_fkey FOREIGN KEY (workload_definition_id) REFERENCES workload_definitions(id)
);
CREATE INDEX workload_instances_kubernetes_runtime_instance_id_idx ON workload_instances USING btree (kubernetes_runtime_instance_id);
CREATE UNIQUE INDEX workload_instances_name ON workload_instances USING btree (tenant, name) WHERE (deleted_at IS NULL);
CREATE INDEX workload_instances_workload_definition_id_idx ON workload_instances USING btree (workload_definition_id);

CREATE TABLE workload_resource_definitions (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    json_definition jsonb NOT NULL,
    workload_definition_id bigint NOT NULL,
    CONSTRAINT workload_resource_definitions_pkey PRIMARY KEY (id),
    CONSTRAINT workload_resource_definitions_workload_definition_id_fkey FOREIGN KEY (workload_definition_id) REFERENCES workload_definitions(id)
);
CREATE INDEX workload_resource_definitions_workload_definition_id_idx ON workload_resource_definitions USING btree (workload_definition_id);

CREATE TABLE workload_resource_instances (
    id bigint DEFAULT nextval('ids'::regclass) NOT NULL,
    tenant bigint DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    json_definition jsonb NOT NULL,
    workload_instance_id bigint NOT NULL,
    last_operation text,
    reconciled boolean,
    runtime_definition jsonb,
    scheduled_for_deletion timestamp with time zone,
    object_key text,
    CONSTRAINT workload_resource_instances_pkey PRIMARY KEY (id),
    CONSTRAINT workload_resource_instances_workload_instance_id_fkey FOREIGN KEY (workload_instance_id) REFERENCES workload_instances(id)
);
COMMENT ON COLUMN workload_resource_instances.object_key IS 'group/kind/namespace/name of the object: how a worker finds its row again';
CREATE UNIQUE INDEX workload_resource_instances_object ON workload_resource_instances USING btree (workload_instance_id, object_key) WHERE (deleted_at IS NULL);
CREATE INDEX workload_resource_instances_workload_instance_id_idx ON workload_resource_instances USING btree (workload_instance_id);

CREATE VIEW record_state AS
 SELECT kind,
    id,
    object_name,
    reconciled,
    generation,
    observed_generation,
    creation_acknowledged,
    creation_confirmed,
    creation_failed,
    deletion_scheduled,
    deletion_acknowledged,
    deletion_confirmed,
    interrupt_reconciliation
   FROM reconciliations;
COMMENT ON VIEW record_state IS 'what a record says about itself, but for its conditions; see record_status';

CREATE VIEW record_status AS
 SELECT kind,
    id,
    object_name,
    reconciled,
    generation,
    observed_generation,
    conditions,
    creation_acknowledged,
    creation_confirmed,
    creation_failed,
    deletion_scheduled,
    deletion_acknowledged,
    deletion_confirmed,
    interrupt_reconciliation
   FROM reconciliations;

CREATE FUNCTION attach(of_type text, of_id bigint, what_type text, what_id bigint) RETURNS bigint LANGUAGE plpgsql;

CREATE FUNCTION read_gateway(instance bigint) RETURNS json LANGUAGE plpgsql;
COMMENT ON FUNCTION read_gateway IS 'the inputs of a gateway instance; NULL when there is none';

CREATE FUNCTION read_workload(instance bigint) RETURNS json LANGUAGE plpgsql;
COMMENT ON FUNCTION read_workload IS 'the inputs of a workload instance; NULL when there is none';

CREATE FUNCTION record_event(k text, record bigint, what text, sentence text, severity text) RETURNS void LANGUAGE plpgsql;

CREATE FUNCTION wake(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql;

CREATE FUNCTION wake_dependants(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql;

CREATE FUNCTION with_state(r json, k text, record bigint) RETURNS json LANGUAGE plpgsql STABLE;
