-- Removes readings that are no longer reported, in the staged scopes; not those of rows that are
-- kept although the answer did not contain them.
-- $1 text[]: deployments and $2 text[]: organization ids of the scopes; of the rows that are kept,
-- $3 text[]: deployments, $4 text[]: organization ids, $5 text[]: ids.
delete from inventory.{table}_readings r
using unnest($1::text[], $2::text[]) as x (deployment, organization_id)
where r.deployment = x.deployment and r.organization_id = x.organization_id
    and not exists (
        select
        from unnest($3::text[], $4::text[], $5::text[]) as k (deployment, organization_id, id)
        where k.deployment = r.deployment and k.organization_id = r.organization_id
            and k.id = r.id
    )
    and not exists (
        select
        from pg_temp.stage_{table}_readings s
        where s.deployment = r.deployment and s.organization_id = r.organization_id
            and s.id = r.id
    )
