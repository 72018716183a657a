-- Names that are computed from records. This file is applied first: functions in language SQL are checked when they are made.

CREATE OR REPLACE FUNCTION slug(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(nullif(trim(both '-' from left(trim(both '-' from regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')), 40)), ''), 'x')
$$;
COMMENT ON FUNCTION slug IS 'a name as a label of DNS, at most 40 characters; begins with a letter or digit';

-- Envoy Gateway's containers may not bind ports below 1024: it moves them up by 10000.
CREATE OR REPLACE FUNCTION bound_port(port int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN port < 1024 THEN port + 10000 ELSE port END $$;

-- The hostnames that a gateway definition answers to; one empty one when it has no domain. Refuses hostnames outside of the domain.
CREATE OR REPLACE FUNCTION hostnames_of(definition gateway_definitions, domain text) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE host text;
BEGIN
    IF definition.hostnames IS NOT NULL AND jsonb_array_length(definition.hostnames) > 0 THEN
        FOR host IN SELECT DISTINCT h FROM jsonb_array_elements_text(definition.hostnames) h ORDER BY h LOOP
            IF domain IS NOT NULL AND host <> domain AND right(host, length(domain) + 1) <> '.' || domain THEN
                PERFORM refuse('CW400', 'InvalidField', 'Hostnames', format('%s is not under the domain %s', host, domain));
            END IF;
            RETURN NEXT host;
        END LOOP;
    ELSIF domain IS NULL THEN
        RETURN NEXT '';
    ELSIF definition.sub_domain IS NULL THEN
        RETURN NEXT domain;
    ELSE
        host := definition.sub_domain || '.' || domain;
        IF length(host) > 253 THEN
            PERFORM refuse('CW400', 'InvalidField', 'SubDomain', format('%s has %s characters; a DNS name has at most 253', host, length(host)));
        END IF;
        RETURN NEXT host;
    END IF;
END $$;
