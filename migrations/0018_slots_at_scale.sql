-- Which ListenerSet a new listener gets: the last one while it has room, and only when it is full, or there is none, the first with room is looked for
-- among all. A thousand listeners are then counted for one new listener of eight.

CREATE INDEX gateway_listeners_slots ON gateway_listeners (shared_gateway_id, slot) WHERE slot IS NOT NULL;

CREATE OR REPLACE FUNCTION free_slot(gateway bigint) RETURNS int LANGUAGE plpgsql STABLE AS $$
DECLARE last int;
BEGIN
    SELECT max(slot) INTO last FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot IS NOT NULL;
    IF (SELECT count(*) FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot = last) BETWEEN 1 AND 7 THEN
        RETURN last;
    END IF;
    RETURN (WITH used AS (SELECT slot, count(*) AS listeners FROM gateway_listeners WHERE shared_gateway_id = gateway AND slot IS NOT NULL GROUP BY slot)
        SELECT min(n) FROM generate_series(0, coalesce(last, -1) + 1) n LEFT JOIN used ON slot = n WHERE coalesce(listeners, 0) < 8);
END $$;
