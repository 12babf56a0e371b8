-- Which connections keep changing between healthy and unhealthy?
--
-- Four or more changes, both sides of each seen in 30 days, as runs saw them: what comes and goes
-- between two runs does not count, so an hourly run sees more than a daily one. To have no status, or
-- to be removed, is no change by itself. is_healthy is as of last_seen_at; both are NULL where the
-- connection is removed.
with asked as (
    select now() - interval '30 days' as since, 4 as changes
), known as (
    select h.organization, h.deployment, h.organization_id, h.connection_id, h.name, h.valid_from,
        h.is_healthy <> lag(h.is_healthy) over (
            partition by h.deployment, h.organization_id, h.connection_id
            order by h.valid_from
        ) as is_change
    from reporting.connection_history h
    cross join asked
    where (h.valid_to is null or h.valid_to >= asked.since) and h.change <> 'removed'
        and h.is_healthy is not null
), counted as (
    select k.organization, k.deployment, k.organization_id, k.connection_id, max(k.name) as name,
        count(*) as changes, min(k.valid_from) as first_at, max(k.valid_from) as last_at
    from known k
    cross join asked
    where k.is_change and k.valid_from >= asked.since
    group by k.organization, k.deployment, k.organization_id, k.connection_id
)
select t.organization, coalesce(c.name, t.name) as name, c.type_name, t.changes, t.first_at,
    t.last_at, c.is_healthy, c.status_error, c.last_seen_at
from counted t
cross join asked
left join reporting.connections c using (deployment, organization_id, connection_id)
where t.changes >= asked.changes
order by t.changes desc, t.organization, name;
