-- Where answers differ from the API's documentation, the newest first.  Takes: how many.
select
    path, resource, kind, found_type, is_current, organizations, first_seen_at, last_seen_at,
    count(*) over () as total
from reporting.api_drift
order by first_seen_at desc, resource, path, kind
limit $1
