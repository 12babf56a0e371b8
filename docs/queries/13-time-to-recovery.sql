-- How long does it take until an unhealthy connection is healthy again, by type?
--
-- Of connections that runs saw turn unhealthy in the last 90 days: what was so when it was first seen,
-- or seen again after a removal, did not turn. It is healthy again when a run first sees it healthy; to
-- be removed or without a status is not that, and to be unhealthy after it had no status is to turn
-- again. Times are no finer than runs are apart. not_recovered are still unhealthy, without a status,
-- gone, or not looked at since; they are in no time, so a median over few of many says little.
with asked as (
    select now() - interval '90 days' as since
), version as (
    select h.type_name, h.change, h.valid_from, h.is_healthy,
        lead(coalesce(h.is_healthy, true)) over latest_first as was_healthy,
        min(h.valid_from) filter (where h.is_healthy and h.change <> 'removed') over (
            latest_first rows between unbounded preceding and 1 preceding
        ) as healthy_at
    from reporting.connection_history h
    cross join asked
    where h.valid_to is null or h.valid_to >= asked.since
    window latest_first as (
        partition by h.deployment, h.organization_id, h.connection_id
        order by h.valid_from desc, h.valid_to desc
    )
), turn as (
    select v.type_name, v.healthy_at - v.valid_from as time
    from version v
    cross join asked
    where v.change = 'updated' and v.valid_from >= asked.since and v.was_healthy and not v.is_healthy
)
select type_name,
    count(*) as times_unhealthy,
    count(*) - count(time) as not_recovered,
    date_trunc('minute', percentile_cont(0.5) within group (order by time)) as median_time,
    date_trunc('minute', avg(time)) as mean_time,
    date_trunc('minute', max(time)) as longest_time
from turn
group by type_name
order by times_unhealthy desc, type_name;
