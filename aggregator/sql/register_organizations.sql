-- Adds the configured organizations; rows that are as they should be are not touched.
-- $1 jsonb: [{organization, deployment, tags, enabled, discovered}]
with configured as (
    select * from jsonb_to_recordset($1) as r (
        organization text, deployment text, tags jsonb, enabled boolean, discovered boolean
    )
)
insert into ledger.organizations (organization, deployment, tags, enabled, discovered_since)
select
    r.organization, r.deployment, r.tags, r.enabled,
    case when r.discovered then coalesce(o.discovered_since, now()) end
from configured r
left join ledger.organizations o using (organization)
where o.organization is null
    or (o.deployment, o.tags, o.enabled, o.configured, o.discovered_since is not null)
        is distinct from (r.deployment, r.tags, r.enabled, true, r.discovered)
order by r.organization
on conflict (organization) do update
set deployment = excluded.deployment, tags = excluded.tags, enabled = excluded.enabled,
    configured = true, discovered_since = excluded.discovered_since
