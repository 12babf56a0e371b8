-- Which connections keep changing between healthy and unhealthy?
--
-- Four or more changes in 30 days, as runs saw them: what comes and goes between two runs does not
-- count, so an hourly run sees more than a daily one. is_healthy is as of last_seen_at; both are NULL
-- where the connection is removed.
with asked as (
    select now() - interval '30 days' as since, 4 as changes
), turn as (
    select c.organization, c.deployment, c.organization_id, c.connection_id, c.name, c.changed_at
    from reporting.connection_changes c
    cross join asked
    where c.field = 'status' and c.changed_at >= asked.since
        and (lower(c.old_value #>> '{}') = 'healthy') <> (lower(c.new_value #>> '{}') = 'healthy')
), counted as (
    select organization, deployment, organization_id, connection_id, max(name) as name,
        count(*) as changes, min(changed_at) as first_at, max(changed_at) as last_at
    from turn
    group by organization, deployment, organization_id, connection_id
)
select t.organization, coalesce(c.name, t.name) as name, c.type_name, t.changes, t.first_at,
    t.last_at, c.is_healthy, c.status_error, c.last_seen_at
from counted t
cross join asked
left join reporting.connections c using (deployment, organization_id, connection_id)
where t.changes >= asked.changes
order by t.changes desc, t.organization, name;
