-- Days (UTC) on which anything was read.  Takes: how many days back.
select distinct (started_at at time zone 'UTC')::date as day
from reporting.runs
where started_at >= (now() at time zone 'UTC')::date::timestamp at time zone 'UTC' - $1 * interval '1 day'
    and coalesce(organizations_complete, 0) + coalesce(organizations_partial, 0) > 0
