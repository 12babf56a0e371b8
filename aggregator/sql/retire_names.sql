-- A name that now stands for another deployment, or for another organization by the registry's
-- own word, leaves what was collected under it with a name of its own: name~id, and where that one
-- is taken, by the same id on another deployment, name~id~deployment.
-- $1 jsonb: [{organization, deployment, organization_id or null}]
update ledger.organizations o
set organization = o.organization || '~' || o.organization_id || case
        when exists (
            select
            from ledger.organizations taken
            where taken.organization = o.organization || '~' || o.organization_id
        ) then '~' || o.deployment
        else ''
    end,
    configured = false
from jsonb_to_recordset($1) as r (organization text, deployment text, organization_id text)
where o.organization = r.organization
    and o.organization_id is not null
    and (o.deployment <> r.deployment or o.organization_id <> r.organization_id)
