-- Makes the withheld rows of some scopes exactly those given; runs that agree count one more each.
-- $1 text: resource, $2 text[]: deployments and $3 text[]: organization ids of the scopes;
-- of the rows, $4 text[]: deployments, $5 text[]: organization ids, $6 text[]: ids,
-- $7 text[]: reasons, $8 integer[]: 1 where this run counts as agreeing, else 0.
with missing as (
    select *
    from unnest($4::text[], $5::text[], $6::text[], $7::text[], $8::integer[])
        as x (deployment, organization_id, id, reason, runs)
), settled as (
    delete from ledger.withheld w
    using unnest($2::text[], $3::text[]) as x (deployment, organization_id)
    where w.resource = $1 and w.deployment = x.deployment
        and w.organization_id = x.organization_id
        and not exists (
            select
            from missing m
            where m.deployment = w.deployment and m.organization_id = w.organization_id
                and m.id = w.id
        )
)
insert into ledger.withheld as w (
    resource, deployment, organization_id, id, reason, runs, last_seen_at
)
select
    $1, m.deployment, m.organization_id, m.id, m.reason, m.runs,
    coalesce(s.last_read_at, d.last_read_at)
from missing m
left join ledger.organizations o
    on o.deployment = m.deployment and o.organization_id = m.organization_id
left join ledger.scopes s on s.organization = o.organization and s.resource = $1
left join (
    -- What a deployment has in common has no organization: any of them may have read it.
    select o.deployment, max(s.last_read_at) as last_read_at
    from ledger.organizations o
    join ledger.scopes s using (organization)
    where s.resource = $1 and exists (select from missing where organization_id = '')
    group by o.deployment
) d on d.deployment = m.deployment and m.organization_id = ''
order by m.deployment, m.organization_id, m.id
on conflict (resource, deployment, organization_id, id) do update
set reason = excluded.reason, runs = w.runs + excluded.runs
