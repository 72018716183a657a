-- Shared gateways that a platform team makes, with listeners of their own, and who attaches to them.

ALTER TABLE shared_gateways ADD COLUMN namespace text, ADD COLUMN listeners jsonb, ADD COLUMN attachable_by text,
    ADD COLUMN namespace_selector jsonb, ADD COLUMN workload_instance_ids jsonb,
    ADD COLUMN domain_name_definition_id bigint REFERENCES domain_name_definitions;
COMMENT ON COLUMN shared_gateways.namespace IS 'of the Gateway, and that it has listeners of its own; NULL: the common gateway of its cluster and class';
COMMENT ON COLUMN shared_gateways.attachable_by IS 'whose gateway instances may name it: Same, All, Selector or WorkloadInstances; NULL: Same';
COMMENT ON COLUMN shared_gateways.domain_name_definition_id IS 'whose issuer signs for listeners that name no Secret';
CREATE INDEX ON shared_gateways (domain_name_definition_id);
-- There is one common gateway of each class in a cluster, and any number of others.
DROP INDEX shared_gateways_role;
CREATE UNIQUE INDEX shared_gateways_role ON shared_gateways (kubernetes_runtime_instance_id, coalesce(gateway_class_name, '')) WHERE deleted_at IS NULL AND namespace IS NULL;

ALTER TABLE gateway_instances ADD COLUMN shared_gateway_id bigint REFERENCES shared_gateways;
COMMENT ON COLUMN gateway_instances.shared_gateway_id IS 'one with listeners of its own; NULL: as the definition''s placement says';
CREATE INDEX ON gateway_instances (shared_gateway_id);

ALTER TABLE workload_instances ADD COLUMN namespace_labels jsonb;
COMMENT ON COLUMN workload_instances.namespace_labels IS 'labels of its namespace, by which shared gateways choose who attaches';

-- A grant is of Services, or of a shared gateway.
ALTER TABLE gateway_grants ALTER COLUMN workload_instance_id DROP NOT NULL, ADD COLUMN shared_gateway_id bigint REFERENCES shared_gateways;
COMMENT ON COLUMN gateway_grants.workload_instance_id IS 'whose Services are granted; NULL: shared_gateway_id says what is';
COMMENT ON COLUMN gateway_grants.shared_gateway_id IS 'one with listeners, to which the workload may attach';
CREATE INDEX ON gateway_grants (shared_gateway_id);
