-- Bearer tokens of the API.

CREATE TABLE access_tokens (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin')),
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32)
);
COMMENT ON COLUMN access_tokens.token_hash IS 'SHA-256 of the token, which has 256 random bits: nobody can try them all, so a slow hash would only slow us';
COMMENT ON COLUMN access_tokens.deleted_at IS 'revoked';
CREATE UNIQUE INDEX access_tokens_name ON access_tokens (tenant, name) WHERE deleted_at IS NULL;
