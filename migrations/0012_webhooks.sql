-- Where events of records are sent, how far each webhook has got, and what became of each message.

CREATE TABLE webhooks (
    LIKE record_columns INCLUDING ALL,
    name text NOT NULL, url text NOT NULL, kinds jsonb, types jsonb, runtime_id bigint, record_name text, record_id bigint,
    disabled boolean, disabled_reason text, secret text, previous_secret text, previous_secret_until timestamptz,
    key_ids jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN webhooks.runtime_id IS 'a filter, and no reference: the runtime may go';
COMMENT ON COLUMN webhooks.record_id IS 'a filter, and no reference: the record may go';
COMMENT ON COLUMN webhooks.disabled_reason IS 'why the sender has disabled it; NULL: a person has, or nobody';
COMMENT ON COLUMN webhooks.secret IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN webhooks.previous_secret IS 'ciphertext: base64 of nonce, AES-256-GCM, tag';
COMMENT ON COLUMN webhooks.key_ids IS 'ids of keys by encrypted column, and hashes of ciphertexts that a key rotation replaced; a rotation changes it and leaves updated_at as it is';
CREATE UNIQUE INDEX webhooks_name ON webhooks (tenant, name) WHERE deleted_at IS NULL;

CREATE TABLE webhook_senders (
    webhook_id bigint PRIMARY KEY REFERENCES webhooks,
    epoch bigint NOT NULL,
    position bigint NOT NULL,
    holder uuid,
    held_until timestamptz,
    failures bigint NOT NULL DEFAULT 0,
    failing_since timestamptz,
    rests_until timestamptz
);
COMMENT ON TABLE webhook_senders IS 'What processes of the API know of each live webhook. Apart from webhooks, whose rows clients write whole.';
COMMENT ON COLUMN webhook_senders.position IS 'events up to it are in webhook_deliveries, or don''t pass the filters';
COMMENT ON COLUMN webhook_senders.holder IS 'the process that sends for it, until held_until; NULL: nothing is being sent';
COMMENT ON COLUMN webhook_senders.failures IS 'attempts that failed since the last one that didn''t';
COMMENT ON COLUMN webhook_senders.failing_since IS 'the first of them; NULL: none';
COMMENT ON COLUMN webhook_senders.rests_until IS 'nothing is sent before';

CREATE TABLE webhook_deliveries (
    LIKE record_columns INCLUDING ALL,
    webhook_id bigint NOT NULL REFERENCES webhooks,
    event_id text NOT NULL,
    event_type text NOT NULL,
    state text NOT NULL DEFAULT 'Pending' CHECK (state IN ('Pending', 'Delivered', 'Failed')),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz DEFAULT now(),
    last_attempt_at timestamptz,
    answer_code integer,
    answer_body text,
    problem text,
    payload text NOT NULL,
    CHECK ((state = 'Pending') = (next_attempt_at IS NOT NULL))
);
COMMENT ON TABLE webhook_deliveries IS 'Messages, by ascending id in the order of their events; deleted when old, and with their webhook.';
COMMENT ON COLUMN webhook_deliveries.payload IS 'the body that every attempt sends';
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id);
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (created_at) WHERE next_attempt_at IS NULL;
