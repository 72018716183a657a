-- Counted up with what is changed in a cluster, and noted down there too: when the cluster knows a later epoch than the database, the database
-- is an old one that was brought back.
ALTER TABLE clusters ADD COLUMN epoch bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN clusters.epoch IS 'counts spells of changes made in the cluster; a mark there holds the last one';
