-- Refusals of a write: errors that a client can mend.

-- SQLSTATE CW400 (bad request) or CW409 (conflict) and a sentence for the client. The reason for programs travels where Postgres names a constraint,
-- the field of the body that is to blame (NULL: none) where it names a column; core/store/src/error.rs reads both.
CREATE OR REPLACE FUNCTION refuse(code text, reason text, field text, sentence text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF field IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = code, CONSTRAINT = reason, MESSAGE = sentence;
    END IF;
    RAISE EXCEPTION USING ERRCODE = code, CONSTRAINT = reason, COLUMN = field, MESSAGE = sentence;
END $$;

-- Refuses a new dependant of a record that is being deleted.
CREATE OR REPLACE FUNCTION takes_dependants(k text, record bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse('CW409', 'BeingDeleted', NULL, format('%s %s is being deleted; wait until it is gone and name another one', k, record))
        FROM reconciliations WHERE kind = k AND id = record AND deletion_scheduled IS NOT NULL;
END $$;

-- Refuses a gateway or domain name in another cluster than its workload.
CREATE OR REPLACE FUNCTION same_cluster(workload bigint, runtime bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE w workload_instances;
BEGIN
    SELECT * INTO STRICT w FROM workload_instances WHERE id = workload;
    IF w.kubernetes_runtime_instance_id <> runtime THEN
        PERFORM refuse('CW400', 'InvalidField', 'KubernetesRuntimeInstanceID', format('workload instance %s is in another cluster (%s); name that one', w.name, w.kubernetes_runtime_instance_id));
    END IF;
END $$;
