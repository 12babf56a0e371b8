-- How long does it take until an unhealthy connection is healthy again, by type?
--
-- Of connections that turned unhealthy in the last 90 days. Times are those of the runs that saw it:
-- no finer than these are apart. not_recovered are still unhealthy, gone, or not looked at since; they
-- are in no time, so a median over few of many says little.
with asked as (
    select now() - interval '90 days' as since
), turn as (
    select c.deployment, c.organization_id, c.connection_id, c.changed_at,
        lower(c.new_value #>> '{}') = 'healthy' as is_healthy,
        lead(c.changed_at) over (
            partition by c.deployment, c.organization_id, c.connection_id order by c.changed_at
        ) as next_at
    from reporting.connection_changes c
    cross join asked
    where c.field = 'status' and c.changed_at >= asked.since
        and (lower(c.old_value #>> '{}') = 'healthy') <> (lower(c.new_value #>> '{}') = 'healthy')
)
select h.type_name,
    count(*) as times_unhealthy,
    count(*) - count(t.next_at) as not_recovered,
    date_trunc('minute', percentile_cont(0.5) within group (order by t.next_at - t.changed_at))
        as median_time,
    date_trunc('minute', avg(t.next_at - t.changed_at)) as mean_time,
    date_trunc('minute', max(t.next_at - t.changed_at)) as longest_time
from turn t
join reporting.connection_history h
    on h.deployment = t.deployment and h.organization_id = t.organization_id
    and h.connection_id = t.connection_id and h.valid_from = t.changed_at and h.change = 'updated'
where not t.is_healthy
group by h.type_name
order by times_unhealthy desc, h.type_name;
