-- Removes the readings of removed rows.
-- $1 text[]: deployments, $2 text[]: organization ids, $3 text[]: ids.
delete from inventory.{table}_readings r
using unnest($1::text[], $2::text[], $3::text[]) as x (deployment, organization_id, id)
where r.deployment = x.deployment and r.organization_id = x.organization_id and r.id = x.id
