-- Who changed what, when: a row for each write of a client, written by the statement that does the write. Never changed; deleted when old.

CREATE TABLE audit_events (
    id bigint PRIMARY KEY DEFAULT nextval('ids'),
    tenant bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at timestamptz,
    caller text NOT NULL,
    request_id text,
    action text NOT NULL CHECK (action IN ('Create', 'Update', 'Delete')),
    object_kind text NOT NULL,
    object_id bigint NOT NULL,
    object_name text,
    changes jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON COLUMN audit_events.created_at IS 'updated_at of the record as the write left it';
COMMENT ON COLUMN audit_events.deleted_at IS 'never set: there as in every table of a noun';
COMMENT ON COLUMN audit_events.object_id IS 'no foreign key: the event outlives the record';
COMMENT ON COLUMN audit_events.changes IS 'array of {Field, Old, New}, in wire names; secrets masked';
-- Lists go by id. These are for "all about one record", "all that one caller did", and times: a range in a list, and what is old enough to go.
CREATE INDEX audit_events_object ON audit_events (object_id, id);
CREATE INDEX audit_events_caller ON audit_events (caller, id);
CREATE INDEX audit_events_time ON audit_events (created_at);
