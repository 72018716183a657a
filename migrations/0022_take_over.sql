-- Objects that were in a cluster before their records: what they are called there, and that they stay when the records go.

ALTER TABLE shared_gateways ADD COLUMN gateway_name text, ADD COLUMN keep_on_delete boolean;
COMMENT ON COLUMN shared_gateways.gateway_name IS 'name of the Gateway in its namespace, which is taken over if it is there; NULL: the object name';
COMMENT ON COLUMN shared_gateways.keep_on_delete IS 'the Gateway is given back when the record goes';
CREATE UNIQUE INDEX shared_gateways_gateway ON shared_gateways (kubernetes_runtime_instance_id, namespace, gateway_name) WHERE deleted_at IS NULL;

ALTER TABLE gateway_instances ADD COLUMN route_name text, ADD COLUMN keep_on_delete boolean;
COMMENT ON COLUMN gateway_instances.route_name IS 'name of its one route in the namespace of its workload, which is taken over if it is there; NULL: names that follow from the object name';
COMMENT ON COLUMN gateway_instances.keep_on_delete IS 'the route is given back when the record goes';

ALTER TABLE workload_instances ADD COLUMN namespace text, ADD COLUMN keep_on_delete boolean;
COMMENT ON COLUMN workload_instances.namespace IS 'one that was there before, which is its object name then; NULL: one that is made for it';
COMMENT ON COLUMN workload_instances.keep_on_delete IS 'its objects are given back when the record goes';
CREATE UNIQUE INDEX workload_instances_namespace ON workload_instances (kubernetes_runtime_instance_id, namespace) WHERE deleted_at IS NULL;
