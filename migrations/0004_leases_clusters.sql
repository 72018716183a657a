-- Which worker may change which cluster, and which cluster a runtime is.

CREATE TABLE workers (
    id uuid PRIMARY KEY,
    until timestamptz NOT NULL
);
COMMENT ON TABLE workers IS 'Live workers. A row that has ended is deleted by whoever sees it first, and with it its worker''s hold on clusters.';

CREATE TABLE leases (
    runtime_id bigint PRIMARY KEY,
    holder uuid REFERENCES workers ON DELETE SET NULL,
    epoch bigint NOT NULL DEFAULT 0
);
CREATE INDEX leases_holder ON leases (holder);
COMMENT ON TABLE leases IS 'Which worker holds which cluster, for as long as the worker lives: written only when a cluster changes hands.';
COMMENT ON COLUMN leases.runtime_id IS 'id of a runtime instance; 0: what belongs to no cluster';
COMMENT ON COLUMN leases.holder IS 'NULL: free';
COMMENT ON COLUMN leases.epoch IS 'goes up with every new holder';
INSERT INTO leases (runtime_id) VALUES (0);

CREATE TABLE clusters (
    runtime_id bigint PRIMARY KEY REFERENCES kubernetes_runtime_instances,
    cluster_uid text NOT NULL,
    -- A mark in the cluster holds the same count. When the cluster knows a later epoch than the database, the database is an old one that was
    -- brought back.
    epoch bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE clusters IS 'Which cluster stands behind a runtime: the uid of its kube-system namespace. Set once; another uid behind the same address is another cluster.';
COMMENT ON COLUMN clusters.epoch IS 'counts spells of changes made in the cluster; a mark there holds the last one';
CREATE UNIQUE INDEX clusters_uid ON clusters (cluster_uid);
