-- Adds the configured organizations; rows that are as they should be are not touched.
-- $1 jsonb: [{organization, deployment, tags, enabled}]
with configured as (
    select * from jsonb_to_recordset($1) as r (
        organization text, deployment text, tags jsonb, enabled boolean
    )
)
insert into ledger.organizations (organization, deployment, tags, enabled)
select r.organization, r.deployment, r.tags, r.enabled
from configured r
left join ledger.organizations o using (organization)
where o.organization is null
    or (o.deployment, o.tags, o.enabled, o.configured)
        is distinct from (r.deployment, r.tags, r.enabled, true)
order by r.organization
on conflict (organization) do update
set deployment = excluded.deployment, tags = excluded.tags, enabled = excluded.enabled,
    configured = true
