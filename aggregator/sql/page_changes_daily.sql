-- Changes by day (UTC), resource and kind, first loads apart.  Takes: how many days back.
select day, resource, change, is_first_load, sum(changes)::bigint as changes
from reporting.changes_daily
where day > (now() at time zone 'UTC')::date - $1::integer
group by day, resource, change, is_first_load
