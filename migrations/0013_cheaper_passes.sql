-- What a write and a pass cost.

-- Functions in SQL that stand in an expression are parsed and planned at every call; in PL/pgSQL each connection plans them once.
CREATE OR REPLACE FUNCTION wake(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reconciliations SET generation = generation + intent::int, wake_seq = wake_seq + 1, due_at = least(due_at, now()),
        urgent = urgent OR intent, attempts = CASE WHEN intent THEN 0 ELSE attempts END
        WHERE kind = k AND id = record AND gone_at IS NULL;
END $$;

CREATE OR REPLACE FUNCTION attach(of_type text, of_id bigint, what_type text, what_id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE found bigint;
BEGIN
    INSERT INTO attached_object_references (object_type, object_id, attached_object_type, attached_object_id)
        VALUES (of_type, of_id, what_type, what_id) ON CONFLICT DO NOTHING RETURNING id INTO found;
    IF found IS NULL THEN
        SELECT id INTO found FROM attached_object_references WHERE object_type = of_type AND object_id = of_id
            AND attached_object_type = what_type AND attached_object_id = what_id AND deleted_at IS NULL;
    END IF;
    RETURN found;
END $$;

-- What a record says about itself. The rest of its row can be as large as a cluster: nobody else's pass needs to unpack it.
CREATE VIEW record_status AS SELECT kind, id, object_name, reconciled, generation, observed_generation, conditions, creation_acknowledged,
    creation_confirmed, creation_failed, deletion_scheduled, deletion_acknowledged, deletion_confirmed, interrupt_reconciliation FROM reconciliations;

CREATE OR REPLACE FUNCTION with_status(r jsonb, k text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT r || to_jsonb(s) FROM record_status s WHERE s.kind = k AND s.id = (r->>'id')::bigint);
END $$;

-- The API server checks every pair of listeners in a ListenerSet: with 64 of them an apply costs it 400 ms of processor time, with 8 it costs 15.
-- Listeners keep the set they have; sets that hold more take no further ones.
CREATE OR REPLACE FUNCTION free_slot(gateway bigint) RETURNS int LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (WITH used AS (SELECT slot, count(*) AS listeners FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot IS NOT NULL GROUP BY slot)
        SELECT min(n) FROM generate_series(0, (SELECT coalesce(max(slot), -1) + 1 FROM used)) n LEFT JOIN used ON slot = n WHERE coalesce(listeners, 0) < 8);
END $$;

-- As before, but for two things. The support services come along, locked by their status: whoever changes a service or its status holds that row.
-- And the shared gateway is read without a lock: whoever changes it or its claims locks its row, and wakes its users while he holds it.
CREATE OR REPLACE FUNCTION read_gateway(instance bigint) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    i gateway_instances; d gateway_definitions; n domain_name_definitions; a aws_accounts; g shared_gateways; workload jsonb; http jsonb; tcp jsonb;
    hostnames jsonb; gateway bigint; slots jsonb; domain_names jsonb; services jsonb;
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
        SELECT * INTO g FROM shared_gateways WHERE id = gateway;
    END IF;
    SELECT coalesce(jsonb_agg(x.service ORDER BY x.id), '[]') INTO services FROM (
        SELECT s.id, to_jsonb(s) || to_jsonb(r) AS service FROM support_service_instances s JOIN record_status r ON r.kind = 'SupportServiceInstance' AND r.id = s.id
            WHERE s.kubernetes_runtime_instance_id = i.kubernetes_runtime_instance_id AND s.deleted_at IS NULL FOR SHARE OF r) x;
    -- Those that are gone count as well: answers about them may still be kept somewhere.
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'name', t.name, 'reconciled', r.reconciled, 'published', coalesce(r.projection, '{"hosts":{}}'))
            ORDER BY t.id), '[]') INTO domain_names FROM domain_name_instances t JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
        WHERE t.workload_instance_id = i.workload_instance_id AND (t.deleted_at IS NULL OR t.deleted_at > now() - interval '8 days');
    RETURN jsonb_build_object('instance', with_status(to_jsonb(i), 'GatewayInstance'), 'definition', with_status(to_jsonb(d), 'GatewayDefinition'),
        'domain', to_jsonb(n), 'account', to_jsonb(a), 'workload', workload, 'http_ports', http, 'tcp_ports', tcp, 'hostnames', hostnames,
        'shared_gateway', with_status(to_jsonb(g), 'SharedGateway'), 'slots', coalesce(slots, '[]'), 'domain_names', domain_names,
        'services', services);
END $$;

-- What others in a cluster wait for is begun first: else each of them needs a second pass.
CREATE INDEX reconciliations_foundations ON reconciliations (runtime_id, due_at)
    WHERE due_at IS NOT NULL AND kind IN ('KubernetesRuntimeInstance', 'SupportServiceInstance', 'SharedGateway');
