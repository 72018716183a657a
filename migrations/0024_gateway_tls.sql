-- What Gateways with listeners of their own say beside them.

ALTER TABLE shared_gateways ADD COLUMN tls jsonb, ADD COLUMN allowed_listeners jsonb;
COMMENT ON COLUMN shared_gateways.tls IS 'TLS towards Services and clients in the JSON of Gateway API; NULL: what the listeners say';
COMMENT ON COLUMN shared_gateways.allowed_listeners IS 'which ListenerSets of others are let in, in the JSON of Gateway API; NULL: none';
