-- What a pass reads, in one round trip. VOLATILE, so each statement in them sees what was committed while the one before waited for a lock,
-- as if the worker had sent them one by one; the locks last until all is read. The order of the reads is that of the arrows between records,
-- so that a link is never older than what it leads to.

-- A row as JSON with what its reconciliation says about it: status and the name of its objects.
CREATE FUNCTION with_status(r jsonb, k text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT r || to_jsonb(s) - '{inventory,projection}'::text[] FROM reconciliations s WHERE s.kind = k AND s.id = (r->>'id')::bigint
$$;

CREATE FUNCTION read_workload(instance bigint) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE w workload_instances; d workload_definitions; resources jsonb;
BEGIN
    SELECT * INTO w FROM workload_instances WHERE id = instance FOR SHARE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT * INTO STRICT d FROM workload_definitions WHERE id = w.workload_definition_id FOR SHARE;
    SELECT coalesce(jsonb_agg(x.json_definition ORDER BY x.id), '[]') INTO resources FROM (SELECT id, json_definition
        FROM workload_resource_definitions WHERE workload_definition_id = d.id AND deleted_at IS NULL FOR SHARE) x;
    RETURN jsonb_build_object('instance', with_status(to_jsonb(w), 'WorkloadInstance'),
        'definition', with_status(to_jsonb(d), 'WorkloadDefinition'), 'resources', resources);
END $$;
COMMENT ON FUNCTION read_workload IS 'for the pass of a workload instance; NULL when there is none';

CREATE FUNCTION read_gateway(instance bigint) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    i gateway_instances; d gateway_definitions; n domain_name_definitions; a aws_accounts; g shared_gateways; workload jsonb; http jsonb; tcp jsonb;
    hostnames jsonb; gateway bigint; slots jsonb; domain_names jsonb;
BEGIN
    SELECT * INTO i FROM gateway_instances WHERE id = instance FOR SHARE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT * INTO STRICT d FROM gateway_definitions WHERE id = i.gateway_definition_id FOR SHARE;
    IF d.domain_name_definition_id IS NOT NULL THEN
        SELECT * INTO STRICT n FROM domain_name_definitions WHERE id = d.domain_name_definition_id FOR SHARE;
    END IF;
    IF n.aws_account_id IS NOT NULL THEN
        SELECT * INTO STRICT a FROM aws_accounts WHERE id = n.aws_account_id FOR SHARE;
    END IF;
    workload := read_workload(i.workload_instance_id);
    SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]') INTO http FROM (SELECT * FROM gateway_http_ports
        WHERE gateway_definition_id = d.id AND deleted_at IS NULL FOR SHARE) x;
    SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]') INTO tcp FROM (SELECT * FROM gateway_tcp_ports
        WHERE gateway_definition_id = d.id AND deleted_at IS NULL FOR SHARE) x;
    SELECT coalesce(jsonb_agg(h ORDER BY h), '[]') INTO hostnames FROM hostnames_of(d, n.domain) h WHERE h <> '';
    IF coalesce(d.placement, 'Shared') = 'Shared' THEN
        SELECT min(c.gateway_id), jsonb_agg(to_jsonb(l)) INTO gateway, slots FROM route_claims c JOIN gateway_listeners l
            ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname
            WHERE c.gateway_instance_id = instance;
        SELECT * INTO g FROM shared_gateways WHERE id = gateway FOR SHARE;
    END IF;
    -- Those that are gone count as well: answers about them may still be kept somewhere.
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'reconciled', r.reconciled, 'published', coalesce(r.projection, '{"hosts":{}}'))
            ORDER BY t.id), '[]') INTO domain_names FROM domain_name_instances t JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
        WHERE t.workload_instance_id = i.workload_instance_id AND (t.deleted_at IS NULL OR t.deleted_at > now() - interval '8 days');
    RETURN jsonb_build_object('instance', with_status(to_jsonb(i), 'GatewayInstance'), 'definition', with_status(to_jsonb(d), 'GatewayDefinition'),
        'domain', to_jsonb(n), 'account', to_jsonb(a), 'workload', workload, 'http_ports', http, 'tcp_ports', tcp, 'hostnames', hostnames,
        'shared_gateway', with_status(to_jsonb(g), 'SharedGateway'), 'slots', coalesce(slots, '[]'), 'domain_names', domain_names);
END $$;
COMMENT ON FUNCTION read_gateway IS 'for the pass of a gateway instance; NULL when there is none';
