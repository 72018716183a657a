-- How much of a hosted zone may be deleted at once, and how fast an AWS account may be asked.

ALTER TABLE domain_name_definitions ADD COLUMN max_deletions int;
ALTER TABLE domain_name_definitions ADD COLUMN max_deletions_percent int;
COMMENT ON COLUMN domain_name_definitions.max_deletions IS 'hostnames that may leave a hosted zone in ten minutes; NULL: the default';
COMMENT ON COLUMN domain_name_definitions.max_deletions_percent IS 'the same as a share of those of the cluster there; NULL: the default';
COMMENT ON TABLE zone_deletions IS 'The budget of deletions of each hosted zone of Route 53.';

-- What a crash loses here is a second's worth of turns.
CREATE UNLOGGED TABLE route53_requests (
    account text PRIMARY KEY,
    paid_until timestamptz NOT NULL
);
COMMENT ON TABLE route53_requests IS 'The requests that each AWS account has left at Route 53, which counts them for all workers together.';
COMMENT ON COLUMN route53_requests.account IS 'number of the AWS account; empty: that of the workers themselves';
COMMENT ON COLUMN route53_requests.paid_until IS 'when all requests so far are paid for at the steady rate';
