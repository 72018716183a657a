-- Certificates of gateways, as workers see them in the clusters.

CREATE TABLE certificates (
    LIKE record_columns INCLUDING ALL,
    kubernetes_runtime_instance_id bigint NOT NULL REFERENCES kubernetes_runtime_instances,
    owner_kind text NOT NULL,
    owner_id bigint NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    hostnames jsonb NOT NULL,
    issuer text NOT NULL,
    valid boolean NOT NULL,
    message text,
    not_after timestamptz,
    renewal_time timestamptz,
    failed_at timestamptz,
    reconciled_kind text NOT NULL,
    reconciled_id bigint NOT NULL
);
COMMENT ON TABLE certificates IS 'What a Certificate''s status says. Rows come, change and go with what the reconcile of their record sees; nobody deletes them softly.';
COMMENT ON COLUMN certificates.owner_id IS 'the gateway instance or shared gateway whose listeners use it';
COMMENT ON COLUMN certificates.reconciled_id IS 'the record whose reconcile writes the row: the gateway instance, or a ListenerSet of the shared gateway';
CREATE UNIQUE INDEX certificates_object ON certificates (reconciled_id, namespace, name);
CREATE INDEX certificates_expiry ON certificates ((coalesce(not_after, timestamptz 'epoch')), id) WHERE deleted_at IS NULL;
CREATE INDEX ON certificates (kubernetes_runtime_instance_id);
CREATE INDEX ON certificates (owner_id);
