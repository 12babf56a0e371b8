-- Views that people may have as a file.
-- Gives view, and is_readable: whether this login may read it.
select
    format('%I.%I', n.nspname, c.relname) as view,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as is_readable
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'v' and n.nspname in ('reporting', 'people')
order by view
