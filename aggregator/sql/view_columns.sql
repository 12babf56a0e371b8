-- The columns of a view in their order.
-- $1 text: view with its schema.  Gives name, type and comment.
select
    attname as name,
    format_type(atttypid, null) as type,
    col_description(attrelid, attnum) as comment
from pg_catalog.pg_attribute
where attrelid = to_regclass($1) and attnum > 0 and not attisdropped
order by attnum
