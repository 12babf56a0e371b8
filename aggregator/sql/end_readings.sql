-- Removes readings that are no longer reported, in the staged scopes.
-- $1 text[]: deployments, $2 text[]: organization ids.
delete from inventory.{table}_readings r
using unnest($1::text[], $2::text[]) as x (deployment, organization_id)
where r.deployment = x.deployment and r.organization_id = x.organization_id
    and not exists (
        select
        from pg_temp.stage_{table}_readings s
        where s.deployment = r.deployment and s.organization_id = r.organization_id
            and s.id = r.id
    )
