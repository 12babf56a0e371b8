-- Organizations by their API calls in 30 days, the most first.  Takes: how many.
select
    organization,
    sum(api_calls)::bigint as api_calls,
    count(*) as days,
    count(*) over () as total
from reporting.organization_api_usage_daily
where day > (now() at time zone 'UTC')::date - 30
group by organization
order by sum(api_calls) desc nulls last, organization
limit $1
