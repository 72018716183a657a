-- Sets of documents, with the records that applying them has created.

CREATE TABLE apply_sets (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    members jsonb
);
COMMENT ON COLUMN apply_sets.members IS 'a list of kinds and ids, as in paths, and no references: records may go';
CREATE UNIQUE INDEX apply_sets_name ON apply_sets (tenant, name) WHERE deleted_at IS NULL;
