-- The queue of work, and what happened to a record. In PL/pgSQL, although single statements would do in language SQL: a connection plans them once,
-- instead of at every call.

-- Counts one more reason to reconcile each of these records, and makes it due. intent: what is asked for has changed, so the record isn't reconciled until
-- a reconcile has seen it; then the trace of who changes it is noted, too. The rows are taken in the order of (kind, id), so that two writers can't wait for each other.
-- Planned once: with the arrays at hand it looks cheaper each time, and planning takes ten times as long as the update.
CREATE OR REPLACE FUNCTION wake_each(kinds text[], ids bigint[], intent boolean) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    UPDATE reconciliations r SET generation = r.generation + intent::int, wake_seq = r.wake_seq + 1, due_at = least(r.due_at, now()),
        urgent = r.urgent OR intent, attempts = CASE WHEN intent THEN 0 ELSE r.attempts END,
        traceparent = CASE WHEN intent THEN nullif(current_setting('causeway.traceparent', true), '') ELSE r.traceparent END
    FROM (SELECT r.kind, r.id FROM unnest(kinds, ids) d(kind, id) JOIN reconciliations r USING (kind, id) WHERE r.gone_at IS NULL
        ORDER BY r.kind, r.id FOR UPDATE OF r) o WHERE r.kind = o.kind AND r.id = o.id;
END $$;

-- Wakes these records and all that depend on another one, whose row is locked: at once, so that all are taken in one order.
CREATE OR REPLACE FUNCTION wake_with_dependants(kinds text[], ids bigint[], k text, record bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE more_kinds text[]; more_ids bigint[];
BEGIN
    SELECT d.kinds, d.ids INTO more_kinds, more_ids FROM dependants_of(k, record) d;
    PERFORM wake_each(kinds || more_kinds, ids || more_ids, true);
END $$;

-- Locks these records, in the order of wake_each: for who writes one of them and then wakes the others. Somebody who holds one of the others and waits for that
-- one would otherwise never come to an end with it.
CREATE OR REPLACE FUNCTION lock_each(kinds text[], ids bigint[]) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    PERFORM FROM unnest(kinds, ids) d(kind, id) JOIN reconciliations r USING (kind, id) ORDER BY r.kind, r.id FOR UPDATE OF r;
END $$;

-- The same for these records, one that is about to be written, and all that depend on that one.
CREATE OR REPLACE FUNCTION lock_with_dependants(kinds text[], ids bigint[], k text, record bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE more_kinds text[]; more_ids bigint[];
BEGIN
    SELECT d.kinds, d.ids INTO more_kinds, more_ids FROM dependants_of(k, record) d;
    PERFORM lock_each(kinds || more_kinds || k, ids || more_ids || record);
END $$;

-- Wakes all that depend on a record, whose row is locked: then every dependant is seen.
CREATE OR REPLACE FUNCTION wake_dependants(k text, record bigint, intent boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE all_kinds text[]; all_ids bigint[];
BEGIN
    SELECT kinds, ids INTO all_kinds, all_ids FROM dependants_of(k, record);
    IF all_kinds IS NOT NULL THEN
        PERFORM wake_each(all_kinds, all_ids, intent);
    END IF;
END $$;

-- Makes sure that one object is attached to another, and answers the id of the reference.
CREATE OR REPLACE FUNCTION attach(of_type text, of_id bigint, what_type text, what_id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE found bigint;
BEGIN
    INSERT INTO attached_object_references (object_type, object_id, attached_object_type, attached_object_id)
        VALUES (of_type, of_id, what_type, what_id) ON CONFLICT DO NOTHING RETURNING id INTO found;
    IF found IS NOT NULL THEN
        INSERT INTO event_inbox (type, kind, record_id) VALUES ('created', 'AttachedObjectReference', found);
    ELSE
        SELECT id INTO found FROM attached_object_references WHERE object_type = of_type AND object_id = of_id
            AND attached_object_type = what_type AND attached_object_id = what_id AND deleted_at IS NULL;
    END IF;
    RETURN found;
END $$;

-- Writes an event of a record, as Threeport does: the same event again counts up the first one.
CREATE OR REPLACE FUNCTION record_event(k text, record bigint, what text, sentence text, severity text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE e bigint; a bigint;
BEGIN
    UPDATE events SET count = count + 1, last_observed_time = now(), updated_at = now() WHERE id = (
        SELECT v.id FROM events v JOIN attached_object_references r ON r.id = v.attached_object_reference_id
        WHERE r.object_type = 'v0.' || k AND r.object_id = record AND v.reason = what AND v.type = severity AND v.note IS NOT DISTINCT FROM sentence
            AND v.deleted_at IS NULL ORDER BY v.id LIMIT 1) RETURNING id INTO e;
    IF FOUND THEN
        INSERT INTO event_inbox (type, kind, record_id) VALUES ('changed', 'Event', e);
        RETURN;
    END IF;
    INSERT INTO events (reason, note, event_time, last_observed_time, type, reporting_controller, count)
        VALUES (what, sentence, now(), now(), severity, 'GatewayController', 1) RETURNING id INTO e;
    a := attach('v0.' || k, record, 'v0.Event', e);
    UPDATE events SET attached_object_reference_id = a WHERE id = e;
    INSERT INTO event_inbox (type, kind, record_id) VALUES ('created', 'Event', e);
END $$;
