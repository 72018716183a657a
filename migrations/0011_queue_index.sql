-- What is due is looked up by cluster, by whether somebody waits for it, from either end: each a short range of this index, however many
-- records are due.
CREATE INDEX reconciliations_waiting ON reconciliations (runtime_id, urgent, due_at) WHERE due_at IS NOT NULL;
DROP INDEX reconciliations_due_at;
