-- The stored connections of one organization. Outside a transaction of ours names are ours to spell
-- out.
-- $1 text: deployment, $2 text: organization id.
-- Gives id, operations (lower case), is_healthy, is_shared, reports_api_calls, is_missing.
select
    c.id,
    array(
        select pg_catalog.lower(o) from pg_catalog.unnest(c.operations) as o
    ) as operations,
    pg_catalog.lower(nullif(c.status, '')) operator(pg_catalog.=) 'healthy' as is_healthy,
    c.parent_connection_id is not null as is_shared,
    r.api_calls_last_24_hours is not null as reports_api_calls,
    exists (
        select
        from ledger.withheld w
        where w.resource operator(pg_catalog.=) 'connections'
            and w.deployment operator(pg_catalog.=) c.deployment
            and w.organization_id operator(pg_catalog.=) c.organization_id
            and w.id operator(pg_catalog.=) c.id
    ) as is_missing
from inventory.connections c
left join inventory.connections_readings r
    on r.deployment = c.deployment and r.organization_id = c.organization_id and r.id = c.id
where c.deployment = $1 and c.organization_id = $2
order by c.id
