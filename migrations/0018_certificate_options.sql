-- What domains say of their certificates and of the account at their authority.

ALTER TABLE domain_name_definitions
    ADD COLUMN acme_external_account_key_id text,
    ADD COLUMN acme_external_account_key text,
    ADD COLUMN acme_profile text,
    ADD COLUMN key_type text,
    ADD COLUMN renew_before_percentage int,
    ADD COLUMN key_ids jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN domain_name_definitions.acme_external_account_key IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN domain_name_definitions.key_ids IS 'ids of keys by encrypted column, and hashes of ciphertexts that a key rotation replaced; a rotation changes it and leaves updated_at as it is';
