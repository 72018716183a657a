-- What a database is: where its ids come from, and which control plane it belongs to.

-- Objects in clusters are named by ids, so ids of different control planes should differ: each database begins somewhere else.
CREATE SEQUENCE ids;
SELECT setval('ids', 900000000000000000 + floor(random() * 90000000000000000)::bigint);

CREATE TABLE control_plane (
    id text PRIMARY KEY DEFAULT substr(md5(random()::text || clock_timestamp()::text), 1, 10),
    made_at timestamptz NOT NULL DEFAULT now(),
    one boolean NOT NULL DEFAULT true UNIQUE CHECK (one)
);
COMMENT ON TABLE control_plane IS 'Who we are: the id is in every label, field manager and DNS owner id. One row, made once.';
INSERT INTO control_plane DEFAULT VALUES;

CREATE TABLE schema_functions (
    file text PRIMARY KEY,
    sha256 text NOT NULL,
    release int[] NOT NULL
);
COMMENT ON TABLE schema_functions IS 'Which text of each file in migrations/functions is in force; core/store/src/migrate.rs keeps it';
COMMENT ON COLUMN schema_functions.sha256 IS 'of the text, in hex';
COMMENT ON COLUMN schema_functions.release IS 'of the program that applied it: an earlier release leaves it alone';
