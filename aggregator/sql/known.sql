-- What is stored of one scope.
-- $1 text: resource, $2 text: deployment, $3 text: organization id.
-- Gives id, content_hash, since when it is there (null where that lies ahead: the clock was set
-- back) and with which rights it was seen then, for how many complete runs it has been missing, and
-- why it was kept. Outside a transaction of ours names are ours to spell out.
select
    c.id, c.content_hash,
    case when came.came_at operator(pg_catalog.<=) pg_catalog.now() then came.came_at end as came_at,
    c.rights,
    coalesce(w.runs, 0) as missing_runs,
    coalesce(w.reason, '') as withheld_because
from inventory.{table} c
cross join lateral (
    select case when c.change = 'restored' then c.valid_from else c.first_seen_at end as came_at
) came
left join lateral (
    select w.runs, w.reason
    from ledger.withheld w
    where w.resource = $1 and w.deployment = c.deployment
        and w.organization_id = c.organization_id and w.id = c.id
    offset 0  -- one look-up by key for each row, whatever the statistics say
) w on true
where c.deployment = $2 and c.organization_id = $3
