-- Rows of one scope that belong to some connections.
-- $1 text: deployment, $2 text: organization id, $3 text: the column that names the connection,
-- $4 text[]: connections.  Gives id, connection_id.
select c.id, pg_catalog.to_jsonb(c) ->> $3 as connection_id
from inventory.{table} c
where c.deployment = $1 and c.organization_id = $2 and pg_catalog.to_jsonb(c) ->> $3 = any ($4)
