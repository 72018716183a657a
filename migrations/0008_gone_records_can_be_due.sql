-- A record whose row is gone is looked at again when objects of it turn up in its cluster: written late by a worker that was frozen, or
-- brought back by somebody. So the queue's index covers it too; such rows are due for that reason alone.
CREATE INDEX reconciliations_due_at ON reconciliations (runtime_id, due_at) WHERE due_at IS NOT NULL;
DROP INDEX reconciliations_due;
COMMENT ON COLUMN reconciliations.gone_at IS 'the record''s row went; kept for what still reads the projection, and for objects that turn up later';
