-- Secrets with certificates that the ports of gateways name, and domains with one certificate for all of their hostnames.

ALTER TABLE gateway_http_ports ADD COLUMN tls_secret_name text;
ALTER TABLE gateway_tcp_ports ADD COLUMN tls_secret_name text;
ALTER TABLE route_claims ADD COLUMN tls_secret text;
COMMENT ON COLUMN route_claims.tls_secret IS 'the Secret with the listener''s certificate that the port names; all claims of a listener name the same, or none';
-- The reconcile of each gateway asks whether there is such a domain at all.
CREATE INDEX domain_name_definitions_wildcard ON domain_name_definitions (id) WHERE wildcard_certificate AND deleted_at IS NULL;
