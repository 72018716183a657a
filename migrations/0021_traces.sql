-- From the trace of a request to the reconciles that carry out what it asked for.

-- What a write makes beside its own record is of the same trace, which its transaction says.
ALTER TABLE reconciliations ADD COLUMN traceparent text DEFAULT nullif(current_setting('causeway.traceparent', true), '');
COMMENT ON COLUMN reconciliations.traceparent IS 'who has asked last for what isn''t applied yet: a span, as W3C''s traceparent names it; NULL: nobody collects traces';
