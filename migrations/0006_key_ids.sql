-- Which key each encrypted column was written with: {"connection_token": "1f2e3d4c"}. A column that isn't named was written before there were
-- several keys; whoever reads it tries all.

ALTER TABLE aws_accounts ADD COLUMN key_ids jsonb NOT NULL DEFAULT '{}';
ALTER TABLE kubernetes_runtime_instances ADD COLUMN key_ids jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN aws_accounts.key_ids IS 'ids of keys by encrypted column; changes when a secret is encrypted anew, which leaves updated_at as it is';
COMMENT ON COLUMN kubernetes_runtime_instances.key_ids IS 'ids of keys by encrypted column; changes when a secret is encrypted anew, which leaves updated_at as it is';
