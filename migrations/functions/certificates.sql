-- Makes the certificates of a record those of a list. A row that says the same already isn't written. Empty, where the record is gone.
CREATE OR REPLACE FUNCTION keep_certificates(k text, record bigint, list jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM certificates c WHERE c.reconciled_id = record
        AND NOT EXISTS (SELECT FROM jsonb_array_elements(list) l WHERE l->>'namespace' = c.namespace AND l->>'name' = c.name);
    INSERT INTO certificates AS c (kubernetes_runtime_instance_id, owner_kind, owner_id, namespace, name, hostnames, issuer, valid, message,
        not_after, renewal_time, failed_at, reconciled_kind, reconciled_id)
    SELECT r.runtime_id, l.owner_kind, l.owner_id, l.namespace, l.name, l.hostnames, l.issuer, l.valid, l.message,
        l.not_after, l.renewal_time, l.failed_at, k, record
    FROM reconciliations r, jsonb_to_recordset(list) l(owner_kind text, owner_id bigint, namespace text, name text, hostnames jsonb, issuer text,
        valid boolean, message text, not_after timestamptz, renewal_time timestamptz, failed_at timestamptz)
    WHERE r.kind = k AND r.id = record AND r.runtime_id IS NOT NULL AND r.gone_at IS NULL
    ON CONFLICT (reconciled_id, namespace, name) DO UPDATE SET owner_kind = excluded.owner_kind, owner_id = excluded.owner_id,
        hostnames = excluded.hostnames, issuer = excluded.issuer, valid = excluded.valid, message = excluded.message,
        not_after = excluded.not_after, renewal_time = excluded.renewal_time, failed_at = excluded.failed_at, updated_at = now()
    WHERE (c.owner_kind, c.owner_id, c.hostnames, c.issuer, c.valid, c.message, c.not_after, c.renewal_time, c.failed_at)
        IS DISTINCT FROM (excluded.owner_kind, excluded.owner_id, excluded.hostnames, excluded.issuer, excluded.valid, excluded.message,
            excluded.not_after, excluded.renewal_time, excluded.failed_at);
END $$;
