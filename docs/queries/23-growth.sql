-- How did the number of connections grow, month by month?
--
-- found: there when an organization was read for the first time, so older than that; created and
-- restored: they came since. connections are those known at the end of the month (UTC): they can only
-- be as many as organizations were read by then.
with month as (
    select date_trunc('month', day)::date as month,
        sum(changes) filter (where change = 'created' and is_first_load)::bigint as found,
        sum(changes) filter (where change = 'created' and not is_first_load)::bigint as created,
        sum(changes) filter (where change = 'restored')::bigint as restored,
        sum(changes) filter (where change = 'removed')::bigint as removed,
        count(distinct organization) filter (where is_first_load) as organizations_found
    from reporting.changes_daily
    where resource = 'connections' and change <> 'updated'
    group by 1
), change as (
    select month, coalesce(found, 0) as found, coalesce(created, 0) as created,
        coalesce(restored, 0) as restored, coalesce(removed, 0) as removed, organizations_found
    from month
)
select month, found, created, restored, removed,
    sum(found + created + restored - removed) over (order by month)::bigint as connections,
    sum(organizations_found) over (order by month)::bigint as organizations
from change
order by month;
