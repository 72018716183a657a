-- The queue: one row for each record that workers reconcile. Such a row is also the outbox of its record, and holds what workers found out; messages
-- only make things fast.

CREATE TABLE reconciliations (
    kind text NOT NULL,
    id bigint NOT NULL,
    runtime_id bigint,
    object_name text NOT NULL,

    -- What is asked for, and what has been applied of it.
    generation bigint NOT NULL DEFAULT 1,
    observed_generation bigint NOT NULL DEFAULT 0,
    reconciled boolean NOT NULL GENERATED ALWAYS AS (observed_generation >= generation) STORED,

    -- When the next reconcile begins.
    wake_seq bigint NOT NULL DEFAULT 1,
    due_at timestamptz DEFAULT now(),
    urgent boolean NOT NULL DEFAULT true,
    attempts int NOT NULL DEFAULT 0,

    -- The outcome of the last reconcile.
    conditions jsonb NOT NULL DEFAULT '[]',
    ready text NOT NULL DEFAULT 'Unknown',
    blocking_step text,
    blocking_reason text,
    blocking_since timestamptz DEFAULT now(),
    inventory jsonb NOT NULL DEFAULT '[]',
    published_state jsonb,
    last_error text,
    render_revision int NOT NULL DEFAULT 0,

    -- Threeport's fields for the steps of creation and deletion; clients may write most of them.
    creation_acknowledged timestamptz,
    creation_confirmed timestamptz,
    creation_failed boolean NOT NULL DEFAULT false,
    deletion_scheduled timestamptz,
    deletion_acknowledged timestamptz,
    deletion_confirmed timestamptz,
    interrupt_reconciliation boolean NOT NULL DEFAULT false,

    brake_released boolean NOT NULL DEFAULT false,
    gone_at timestamptz,
    PRIMARY KEY (kind, id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN reconciliations.runtime_id IS 'the cluster whose worker does the work; NULL: any worker';
COMMENT ON COLUMN reconciliations.object_name IS 'name in clusters: slug of the name at creation, and the id; never recomputed';
COMMENT ON COLUMN reconciliations.generation IS 'counts changes of intent, the record''s own and those of what it depends on';
COMMENT ON COLUMN reconciliations.wake_seq IS 'counts wakes; a reconcile that began before the last one leaves the record due';
COMMENT ON COLUMN reconciliations.due_at IS 'when the next reconcile is due; NULL: when woken';
COMMENT ON COLUMN reconciliations.urgent IS 'intent has changed: comes before records that were woken by an object, a dependency or a timer';
COMMENT ON COLUMN reconciliations.ready IS 'status of the condition Ready; Unknown: not reconciled yet. This column and the three below follow from the conditions and are written with them';
COMMENT ON COLUMN reconciliations.blocking_step IS 'type of the first condition that isn''t True';
COMMENT ON COLUMN reconciliations.blocking_reason IS 'its reason';
COMMENT ON COLUMN reconciliations.blocking_since IS 'since when it has its status; NULL: nothing blocks';
COMMENT ON COLUMN reconciliations.inventory IS 'objects in the cluster, written before they are applied';
COMMENT ON COLUMN reconciliations.published_state IS 'what reconciles of other records read of this one';
COMMENT ON COLUMN reconciliations.brake_released IS 'a person asked for the reconcile, which may delete many objects at once';
COMMENT ON COLUMN reconciliations.gone_at IS 'the record''s row is deleted; kept for what still reads the published state, and for objects that turn up later';

-- Due records are read by cluster, by urgency, and from either end: each lookup is a short range of this index, however
-- many records are due. A record whose row is gone is due only when objects of it turn up in its cluster, so it is in the index too.
CREATE INDEX reconciliations_waiting ON reconciliations (runtime_id, urgent, due_at) WHERE due_at IS NOT NULL;
-- What others in a cluster wait for is reconciled first: else each of them needs a second reconcile.
CREATE INDEX reconciliations_prerequisites ON reconciliations (runtime_id, due_at)
    WHERE due_at IS NOT NULL AND kind IN ('KubernetesRuntimeInstance', 'SupportServiceInstance', 'SharedGateway', 'ListenerSet');

-- What something blocks, the longest first.
CREATE INDEX reconciliations_blocked ON reconciliations (blocking_since, id) WHERE blocking_since IS NOT NULL AND gone_at IS NULL;

-- What a record says about itself. The rest of its row can be as large as a cluster: no other record's reconcile needs to unpack it.
CREATE VIEW record_status AS
    SELECT kind, id, object_name, reconciled, generation, observed_generation, conditions,
        creation_acknowledged, creation_confirmed, creation_failed,
        deletion_scheduled, deletion_acknowledged, deletion_confirmed, interrupt_reconciliation
    FROM reconciliations;

CREATE VIEW record_state AS
    SELECT kind, id, object_name, reconciled, generation, observed_generation,
        creation_acknowledged, creation_confirmed, creation_failed,
        deletion_scheduled, deletion_acknowledged, deletion_confirmed, interrupt_reconciliation
    FROM reconciliations;
COMMENT ON VIEW record_state IS 'what a record says about itself, but for its conditions; see record_status';
