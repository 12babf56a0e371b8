-- Enabled resources by how their last reading ended, over the expected organizations.
select
    resource,
    count(*) filter (where status = 'complete') as complete,
    count(*) filter (where status = 'stale') as stale,
    count(*) filter (where status = 'failed') as failed,
    count(*) filter (where status = 'never') as never,
    count(*) filter (where status = 'no_key') as no_key,
    sum(records)::bigint as records,
    sum(withheld)::bigint as withheld,
    min(last_complete_at) as oldest_complete_at
from reporting.coverage
group by resource
order by array_position(array['connections'], resource), resource
