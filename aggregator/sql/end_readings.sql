-- Removes readings that are no longer reported, in the staged scopes; not those of rows that are
-- kept although the answer did not contain them.
-- $1 jsonb: [{deployment, organization_id, kept: {id: …}}]
delete from inventory.{table}_readings r
using jsonb_to_recordset($1) as x (deployment text, organization_id text, kept jsonb)
where r.deployment = x.deployment and r.organization_id = x.organization_id
    and not x.kept ? r.id
    and not exists (
        select
        from pg_temp.stage_{table}_readings s
        where s.deployment = r.deployment and s.organization_id = r.organization_id
            and s.id = r.id
    )
