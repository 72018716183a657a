-- One hostname on several clusters: how Route 53 chooses among their records.

ALTER TABLE domain_name_definitions ADD COLUMN routing_policy text;
COMMENT ON COLUMN domain_name_definitions.routing_policy IS 'Simple or Weighted; NULL: Simple';
ALTER TABLE domain_name_instances ADD COLUMN weight int;
COMMENT ON COLUMN domain_name_instances.weight IS 'share of the answers with RoutingPolicy Weighted; NULL: the default';
ALTER TABLE kubernetes_runtime_instances ADD COLUMN drain boolean;
COMMENT ON COLUMN kubernetes_runtime_instances.drain IS 'weighted records of the cluster count 0';
