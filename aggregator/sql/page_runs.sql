-- The newest runs.  Takes: how many.
select
    started_at, status, duration_seconds, organizations_total, organizations_complete,
    organizations_partial, organizations_failed, organizations_deferred, requests, retries,
    created, updated, removed, headline,
    count(*) over () as total
from reporting.runs
order by started_at desc
limit $1
