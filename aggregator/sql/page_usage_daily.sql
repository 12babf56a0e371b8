-- API calls by day (UTC), the newest first.  Takes: how many days back.
select
    day,
    sum(api_calls)::bigint as api_calls,
    sum(connections)::bigint as connections,
    count(*) as organizations
from reporting.organization_api_usage_daily
where day > (now() at time zone 'UTC')::date - $1::integer
group by day
order by day desc
