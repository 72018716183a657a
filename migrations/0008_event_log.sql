-- What happened to records, in the order of the commits: for programs that follow it. Whoever changes a record puts a row into the inbox, in the same
-- statement; a process of the API moves what is committed to the log, which numbers it.
--
-- Why two tables: a number that writers draw themselves becomes visible in another order than it was drawn, and a reader that goes on after the highest one
-- it saw passes those that come late. A counter under a lock would be right, and have all writers wait for each other.

CREATE TABLE event_columns (
    type text NOT NULL,
    kind text NOT NULL,
    record_id bigint NOT NULL,
    name text,
    runtime_id bigint,
    generation bigint,
    condition_type text,
    condition_status text,
    condition_reason text
);
COMMENT ON TABLE event_columns IS 'what an event says, in the inbox and in the log; it has no rows';
COMMENT ON COLUMN event_columns.runtime_id IS 'the cluster that the record is in; NULL: none';
COMMENT ON COLUMN event_columns.generation IS 'of the record, that the event is about';

CREATE TABLE event_inbox (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    LIKE event_columns INCLUDING ALL,
    time timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
COMMENT ON TABLE event_inbox IS 'events that have no position yet: nearly always empty';
COMMENT ON COLUMN event_inbox.id IS 'drawn while the record is locked: of one record, in the order of its changes';

CREATE TABLE event_log (
    position bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    LIKE event_columns INCLUDING ALL,
    time timestamptz NOT NULL
);
COMMENT ON TABLE event_log IS 'events in their order; never changed, deleted when old, from the first one on';
COMMENT ON COLUMN event_log.position IS 'becomes visible in ascending order, because one transaction at a time draws it; has gaps';

CREATE TABLE event_sequencer (
    epoch bigint NOT NULL DEFAULT floor(random() * 4294967296),
    origin text NOT NULL DEFAULT '',
    deleted_to bigint NOT NULL DEFAULT 0,
    one boolean PRIMARY KEY DEFAULT true CHECK (one)
);
COMMENT ON TABLE event_sequencer IS 'One row. Whoever has it locked moves events from the inbox to the log.';
COMMENT ON COLUMN event_sequencer.epoch IS 'names this history of events: another one begins with each restored database';
COMMENT ON COLUMN event_sequencer.origin IS 'server, timeline and database in which the epoch began; elsewhere it is over';
COMMENT ON COLUMN event_sequencer.deleted_to IS 'events up to this position were deleted because they were old';
INSERT INTO event_sequencer DEFAULT VALUES;
