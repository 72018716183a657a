-- What ports of TCP and UDP send to, and which routes a grant is for.

ALTER TABLE gateway_tcp_ports ADD COLUMN backend_refs jsonb;
ALTER TABLE gateway_udp_ports ADD COLUMN backend_refs jsonb;
COMMENT ON COLUMN gateway_tcp_ports.backend_refs IS 'backendRefs of Gateway API; NULL: the Service of the definition';
COMMENT ON COLUMN gateway_udp_ports.backend_refs IS 'backendRefs of Gateway API; NULL: the Service of the definition';
ALTER TABLE gateway_grants ADD COLUMN route_kinds jsonb;
COMMENT ON COLUMN gateway_grants.route_kinds IS 'kinds of routes that may send to the Services; NULL: all';
