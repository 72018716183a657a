-- Support services: what the controllers in a cluster are installed for.

-- Makes sure that a cluster has a support service on record.
CREATE OR REPLACE FUNCTION ensure_service(runtime bigint, wanted text, account bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE made support_service_instances;
BEGIN
    -- Two that come at once: the second waits for the first's commit, then does nothing.
    INSERT INTO support_service_instances (name, kubernetes_runtime_instance_id, service, aws_account_id)
        VALUES (wanted || '-' || runtime || coalesce('-' || account, ''), runtime, wanted, account)
        ON CONFLICT DO NOTHING RETURNING * INTO made;
    IF made.id IS NOT NULL THEN
        INSERT INTO reconciliations (kind, id, runtime_id, object_name)
            VALUES ('SupportServiceInstance', made.id, runtime, slug(wanted) || '-' || made.id);
    END IF;
END $$;
