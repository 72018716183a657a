-- The schema as text: one block for each sequence, table, view and function, by kind and name. It is written from Postgres's catalogs and not by pg_dump,
-- whose text differs from version to version. The text of functions is left out: it is in migrations/functions.
WITH ours AS (
    SELECT c.oid, c.relname::text AS name, c.relkind, c.reloptions FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname <> '_sqlx_migrations'
), comments AS (
    SELECT d.objoid, d.objsubid, format('COMMENT ON %s %s IS %L;',
        CASE WHEN d.objsubid > 0 THEN 'COLUMN' WHEN o.relkind = 'v' THEN 'VIEW' ELSE 'TABLE' END,
        o.name || coalesce('.' || a.attname, ''), d.description) AS line
    FROM pg_description d JOIN ours o ON d.classoid = 'pg_class'::regclass AND d.objoid = o.oid
        LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
), columns AS (
    SELECT a.attrelid AS oid, a.attnum AS place, concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS %s STORED', pg_get_expr(d.adbin, d.adrelid))
            ELSE 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
), constraints AS (
    -- Newer versions of Postgres keep NOT NULL as a constraint too.
    SELECT conrelid AS oid, conname::text AS name, format('CONSTRAINT %s %s', conname, pg_get_constraintdef(oid, true)) AS line
    FROM pg_constraint WHERE contype <> 'n'
), lines AS (
    SELECT oid, 1 AS part, place::text AS name, place, line FROM columns
    UNION ALL SELECT oid, 2, name, 0, line FROM constraints
), indexes AS (
    SELECT i.indrelid AS oid, c.relname::text AS name, pg_get_indexdef(i.indexrelid) || ';' AS line FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
), triggers AS (
    SELECT tgrelid AS oid, tgname::text AS name, pg_get_triggerdef(oid, true) || ';' AS line FROM pg_trigger WHERE NOT tgisinternal
), blocks AS (
    SELECT 1 AS part, name, format('CREATE SEQUENCE %s;', name) AS block FROM ours WHERE relkind = 'S'
    UNION ALL
    SELECT 2, o.name, concat_ws(E'\n',
        format(E'CREATE TABLE %s (\n    %s\n)%s;', o.name,
            (SELECT string_agg(l.line, E',\n    ' ORDER BY l.part, l.place, l.name COLLATE "C") FROM lines l WHERE l.oid = o.oid),
            ' WITH (' || array_to_string(o.reloptions, ', ') || ')'),
        (SELECT string_agg(c.line, E'\n' ORDER BY c.objsubid) FROM comments c WHERE c.objoid = o.oid),
        (SELECT string_agg(i.line, E'\n' ORDER BY i.name COLLATE "C") FROM indexes i WHERE i.oid = o.oid),
        (SELECT string_agg(t.line, E'\n' ORDER BY t.name COLLATE "C") FROM triggers t WHERE t.oid = o.oid))
    FROM ours o WHERE o.relkind = 'r'
    UNION ALL
    -- Older versions of Postgres name the table of each column of a view.
    SELECT 3, o.name, concat_ws(E'\n',
        format(E'CREATE VIEW %s AS\n%s', o.name, regexp_replace(pg_get_viewdef(o.oid, true), '\m\w+\.(?=\w)', '', 'g')),
        (SELECT string_agg(c.line, E'\n') FROM comments c WHERE c.objoid = o.oid))
    FROM ours o WHERE o.relkind = 'v'
    UNION ALL
    SELECT 4, p.proname::text, concat_ws(E'\n',
        format('CREATE FUNCTION %s(%s) RETURNS %s LANGUAGE %s%s;', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), l.lanname,
            CASE p.provolatile WHEN 's' THEN ' STABLE' WHEN 'i' THEN ' IMMUTABLE' END),
        'COMMENT ON FUNCTION ' || p.proname || ' IS ' || quote_literal(obj_description(p.oid, 'pg_proc')) || ';')
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace = current_schema()::regnamespace
)
SELECT replace(block, current_schema() || '.', '') FROM blocks ORDER BY part, name COLLATE "C", block COLLATE "C"
