-- What the users of a listener have heard of it stands beside it: of a thousand listeners the one that changed is written, not all of them.
ALTER TABLE gateway_listeners ADD COLUMN state text;
COMMENT ON COLUMN gateway_listeners.state IS 'a text that changes whenever its users must look again; NULL: they have heard nothing yet';
UPDATE reconciliations SET projection = projection -> 'gateway' WHERE kind = 'SharedGateway';
