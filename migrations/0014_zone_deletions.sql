-- How many hostnames the workers have taken out of each hosted zone lately.

CREATE TABLE zone_deletions (
    hosted_zone_id text PRIMARY KEY,
    since timestamptz NOT NULL,
    hosts bigint NOT NULL
);
COMMENT ON TABLE zone_deletions IS 'The budget of deletions of each hosted zone of Route 53, for domains of our own DNS driver.';
COMMENT ON COLUMN zone_deletions.since IS 'when the period began that hosts counts in; one that is over begins anew with the next deletion';
