-- Makes the withheld rows of some scopes exactly those given; runs that agree count one more each.
-- $1 text: resource, $2 jsonb: [{deployment, organization_id, runs: 1 or 0, ids: {id: reason}}]
with scope as (
    select *
    from jsonb_to_recordset($2) as x (
        deployment text, organization_id text, runs integer, ids jsonb
    )
), missing as (
    select x.deployment, x.organization_id, x.runs, m.key as id, m.value as reason
    from scope x cross join lateral jsonb_each_text(x.ids) m
), settled as (
    delete from ledger.withheld w
    using scope x
    where w.resource = $1 and w.deployment = x.deployment
        and w.organization_id = x.organization_id and not x.ids ? w.id
)
insert into ledger.withheld as w (
    resource, deployment, organization_id, id, reason, runs, last_seen_at
)
select $1, m.deployment, m.organization_id, m.id, m.reason, m.runs, s.last_read_at
from missing m
left join ledger.organizations o
    on o.deployment = m.deployment and o.organization_id = m.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = $1
order by m.deployment, m.organization_id, m.id
on conflict (resource, deployment, organization_id, id) do update
set reason = excluded.reason, runs = w.runs + excluded.runs
