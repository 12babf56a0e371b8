-- Unhealthy connections of expected organizations, the newest first.  Takes: how many.
select
    name, organization, type_id, type_name, status, status_error, unhealthy_since, is_since_exact,
    is_shared,
    (select count(*) from reporting.unhealthy_connections where is_expected) as total
from reporting.unhealthy_connections
where is_expected
order by unhealthy_since desc nulls last, organization, connection_id
limit $1
