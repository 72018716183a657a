-- Rows of child nouns, for reading their parent whole. Generated from the nouns by `make functions`.

CREATE OR REPLACE FUNCTION children_of_gateway_definitions(record bigint) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE c0 json; c1 json; c2 json; c3 json; c4 json;
BEGIN
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c0 FROM (SELECT * FROM gateway_http_ports
        WHERE gateway_definition_id = record AND deleted_at IS NULL FOR SHARE) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c1 FROM (SELECT * FROM gateway_tcp_ports
        WHERE gateway_definition_id = record AND deleted_at IS NULL FOR SHARE) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c2 FROM (SELECT * FROM gateway_udp_ports
        WHERE gateway_definition_id = record AND deleted_at IS NULL FOR SHARE) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c3 FROM (SELECT * FROM gateway_http_routes
        WHERE gateway_definition_id = record AND deleted_at IS NULL FOR SHARE) x;
    SELECT coalesce(json_agg(to_json(x) ORDER BY x.id), '[]') INTO c4 FROM (SELECT * FROM gateway_grpc_routes
        WHERE gateway_definition_id = record AND deleted_at IS NULL FOR SHARE) x;
    RETURN json_build_object('gateway_http_ports', c0, 'gateway_tcp_ports', c1, 'gateway_udp_ports', c2, 'gateway_http_routes', c3, 'gateway_grpc_routes', c4);
END $$;
